// The shelf of recent decks, in the browser's storage, and which of them the page shows when it loads.

import { recallJson, rememberJson } from "./dom.js";

const STORED = "decks"; // storage key of {shown: address or null, recent: decks}
const MOST = 8;
const LONGEST_LINE = 200; // enough to tell which line was refused

const read = () => recallJson("localStorage", STORED) ?? { shown: null, recent: [] };
const write = (shelf) => rememberJson("localStorage", STORED, shelf);

/** Return the recent decks, newest first. */
export const recentDecks = () => read().recent;

/** Return the deck that is shown when the page loads, if any. */
export function shownDeck() {
  const { shown, recent } = read();
  return recent.find(({ address }) => address === shown) ?? null;
}

/** Store a deck as the newest; the oldest ones above the limit are forgotten. */
export function keepDeck(deck) {
  const stored = { ...deck, list: deck.list.map((line) => line.slice(0, LONGEST_LINE)) };
  write({ shown: deck.address, recent: [stored, ...recentDecks()].slice(0, MOST) });
}

/** Choose the deck that is shown when the page loads; null for none. */
export function showDeckOnLoad(address) {
  write({ ...read(), shown: address });
}

export function forgetDeck(forgotten) {
  write({ ...read(), recent: recentDecks().filter(({ address }) => address !== forgotten) });
}

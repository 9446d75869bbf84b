// Decks: a list of words is sent, followed, cancelled and downloaded. A reload of the page resumes the deck.

import { Problem, getJson, post, request } from "./api.js";
import { $, pause, recall, remember } from "./dom.js";
import { setText } from "./i18n.js";
import { currentKey } from "./key.js";
import { showProblem } from "./compose.js";
import { announce } from "./picture.js";
import { showWord } from "./script.js";

const STORED = "deck"; // storage key of the shown deck: {address, list, readAs}
const POLL_MS = 1500;
const MAX_POLL_FACTOR = 10;
const KEEP_URL_MS = 60_000;
const FINAL_CODES = new Set(["deck_not_found", "unauthorized"]); // asking again cannot help
const WITHOUT_PICTURE = new Set(["refused", "failed"]);

let address = null; // of the shown deck
let list = []; // the lines that were sent for it
let isRunning = false;
let onRunningChange = () => {};

export const isDrawing = () => isRunning;

/** Resume the deck that was shown before; call `onChange` when a deck starts or ends. */
export function startDeck(onChange) {
  onRunningChange = onChange;
  $("#deck-cancel").addEventListener("click", cancel);
  $("#deck-close").addEventListener("click", () => {
    close();
    $("#word").focus();
  });
  for (const suffix of ["zip", "apkg"]) $(`#deck-${suffix}`).addEventListener("click", () => download(suffix));
  const stored = storedDeck();
  if (stored) follow(stored).catch((problem) => { if (problem.code === "deck_not_found") close(); });
}

const storedDeck = () => JSON.parse(recall("localStorage", STORED) ?? "null");

/** Send a list as a deck and follow it to its end. `options` apply to all its words. */
export async function drawDeck(text, { name, style, ...options }) {
  const query = new URLSearchParams({ ...(name && { name }), style, options: JSON.stringify(options) });
  setRunning(true);
  try {
    const made = await post(`/api/writing/decks?${query}`, text, "text/csv; charset=utf-8").catch(throwAsDeckProblem);
    const stored = { address: made.status_url, list: text.split("\n"), readAs: made.read_as };
    remember("localStorage", STORED, JSON.stringify(stored));
    await follow(stored, () => $("#deck").scrollIntoView({ block: "nearest" }));
  } finally {
    setRunning(false);
  }
}

/** Throw a problem again; a list that is too long becomes a deck that is too large. */
function throwAsDeckProblem(problem) {
  throw problem.code === "too_long" && problem.field === "words" ? new Problem({ ...problem, code: "deck_too_large" }) : problem;
}

async function follow(stored, onShown = () => {}) {
  const url = stored.address;
  [address, list] = [url, stored.list];
  $("#deck-read-as").textContent = stored.readAs ?? "";
  setRunning(true);
  try {
    let deck = await getDeck(url); // with its words, to show which are refused
    show(deck);
    onShown();
    while (!deck.is_finished) {
      await pause(POLL_MS);
      if (address !== url) return;
      deck = await getDeck(`${url}?words=false`);
      show(deck);
    }
    showEnd(await getDeck(url));
  } finally {
    setRunning(false);
  }
}

/** Return a deck; retry until there is a response, since a deck outlives a lost connection. */
async function getDeck(url) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await getJson(url);
    } catch (problem) {
      if (FINAL_CODES.has(problem.code)) throw problem;
      await pause(POLL_MS * Math.min(MAX_POLL_FACTOR, 1 + failures));
    }
  }
}

function show(deck) {
  const { succeeded, failed, cancelled, refused } = deck.counts;
  const total = deck.total - refused;
  $("#deck").hidden = false;
  setText($("#deck-title"), "deck.title", { name: deck.name });
  setText($("#deck-count"), "deck.count", { drawn: succeeded, total });
  $("#deck-bar").value = total ? (succeeded + failed + cancelled) / total : 1;
  $("#deck-cancel").hidden = deck.is_finished;
  $("#deck-cancel").disabled = false;
  $("#deck-close").hidden = !deck.is_finished;
  $("#deck-files").hidden = !deck.is_finished || succeeded === 0;
  if (deck.words.length) showFaults(deck.words.filter(({ status }) => WITHOUT_PICTURE.has(status)));
}

function showEnd(deck) {
  show(deck);
  const { succeeded: drawn, cancelled, refused } = deck.counts;
  announce(cancelled ? "deck.cancelled" : "deck.done", { drawn, total: deck.total - refused });
}

/** List the words without a picture, each with the reason. */
function showFaults(words) {
  $("#deck-faults").hidden = words.length === 0;
  setText($("#deck-faults summary"), "deck.faults", { count: words.length });
  $("#deck-faults ul").replaceChildren(...words.map(makeFault));
}

function makeFault({ word, line, error }) {
  const [name, reason] = [document.createElement("b"), document.createElement("span")];
  showWord(name, word || (list[line - 1] ?? "").trim());
  setText(reason, `error.${error.code}`, {}, { fallback: error.detail });
  const item = document.createElement("li");
  item.append(name, " ", reason);
  if (error.code === "bad_line") item.append(" ", Object.assign(document.createElement("span"), { lang: "en", textContent: error.detail }));
  return item;
}

async function cancel() {
  $("#deck-cancel").disabled = true;
  await request(address, { method: "DELETE" }).catch(showProblem);
}

/** Hide and forget the deck. Its files can then no longer be downloaded from the page. */
function close() {
  if (storedDeck()?.address === address) remember("localStorage", STORED, null); // another tab may have stored its own
  address = null;
  $("#deck").hidden = true;
}

async function download(suffix) {
  const button = $(`#deck-${suffix}`);
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true"; // `disabled` would take the focus away
  try {
    const deck = await getJson(`${address}?words=false`);
    await saveFile(deck[`${suffix}_url`], `${deck.name}.${suffix}`);
  } catch (problem) {
    showProblem(problem);
  } finally {
    button.ariaDisabled = "false";
  }
}

/** Save a file: through memory if there is an API key, which a link cannot send; else by a link, straight to disk. */
async function saveFile(url, name) {
  const response = await request(url); // raises a Problem if the file cannot be had
  const link = Object.assign(document.createElement("a"), { download: name });
  if (currentKey()) {
    link.href = URL.createObjectURL(await response.blob());
    setTimeout(() => URL.revokeObjectURL(link.href), KEEP_URL_MS);
  } else {
    link.href = url;
    await response.body.cancel();
  }
  link.click();
}

function setRunning(running) {
  isRunning = running;
  onRunningChange();
}

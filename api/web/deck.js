// A list of words drawn as a deck: sent, followed, cancelled, downloaded. A reload of the page finds it again.

import { Problem, getJson, post, request } from "./api.js";
import { $, pause, recall, remember } from "./dom.js";
import { say } from "./i18n.js";
import { currentKey } from "./key.js";
import { showProblem } from "./compose.js";
import { announce } from "./picture.js";
import { write } from "./script.js";

const KEPT = "deck"; // its {address, list, readAs} in the browser
const POLL_MS = 1500;
const GONE = new Set(["deck_not_found", "unauthorized"]);

let address = null; // of the deck that is shown
let list = []; // the lines that were sent for it
let isRunning = false;
let tellRunning = () => {};

export const isDrawing = () => isRunning;

/** Take up the deck that was there when the page was left; `onChange` is told when one begins or ends. */
export function startDeck(onChange) {
  tellRunning = onChange;
  $("#deck-cancel").addEventListener("click", cancel);
  $("#deck-close").addEventListener("click", () => {
    close();
    $("#word").focus();
  });
  for (const suffix of ["zip", "apkg"]) $(`#deck-${suffix}`).addEventListener("click", () => download(suffix));
  const kept = JSON.parse(recall("localStorage", KEPT) ?? "null");
  if (kept) follow(kept).catch((problem) => { if (problem.code === "deck_not_found") close(); });
}

/** Send a list, `text`, with what holds for all its words, and follow it to its end. */
export async function drawDeck(text, { name, style, ...options }) {
  const query = new URLSearchParams({ ...(name && { name }), style, options: JSON.stringify(options) });
  setRunning(true);
  try {
    const made = await post(`/api/writing/decks?${query}`, text, "text/csv; charset=utf-8").catch(tooMany);
    const kept = { address: made.status_url, list: text.split("\n"), readAs: made.read_as };
    remember("localStorage", KEPT, JSON.stringify(kept));
    await follow(kept);
  } finally {
    setRunning(false);
  }
}

/** Raise a problem, as one of decks where the list itself is too long. */
function tooMany(problem) {
  throw problem.code === "too_long" && problem.field === "words" ? new Problem({ ...problem, code: "deck_too_large" }) : problem;
}

async function follow(kept) {
  const url = kept.address;
  [address, list] = [url, kept.list];
  $("#deck-read-as").textContent = kept.readAs ?? "";
  setRunning(true);
  try {
    let deck = await ask(url); // once with its words: those that are refused
    show(deck);
    $("#deck").scrollIntoView({ block: "nearest" });
    for (;;) {
      show(deck);
      if (deck.is_finished) break;
      await pause(POLL_MS);
      if (address !== url) return;
      deck = await ask(`${url}?words=false`);
    }
    showEnd(await ask(url));
  } finally {
    setRunning(false);
  }
}

/** Ask until there is an answer: a deck outlives a broken connection. */
async function ask(url) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await getJson(url);
    } catch (problem) {
      if (GONE.has(problem.code)) throw problem;
      await pause(POLL_MS * Math.min(10, 1 + failures));
    }
  }
}

function show(deck) {
  const { succeeded, failed, cancelled, refused } = deck.counts;
  const total = deck.total - refused;
  $("#deck").hidden = false;
  say($("#deck-title"), "deck.title", { name: deck.name });
  say($("#deck-count"), "deck.count", { drawn: succeeded, total });
  $("#deck-bar").value = total ? (succeeded + failed + cancelled) / total : 1;
  $("#deck-cancel").hidden = deck.is_finished;
  $("#deck-cancel").disabled = false;
  $("#deck-close").hidden = !deck.is_finished;
  $("#deck-files").hidden = !deck.is_finished || succeeded === 0;
  if (deck.words.length) showFaults(deck.words.filter(({ status }) => status === "refused" || status === "failed"));
}

function showEnd(deck) {
  show(deck);
  const { succeeded: drawn, cancelled, refused } = deck.counts;
  announce(cancelled ? "deck.cancelled" : "deck.done", { drawn, total: deck.total - refused });
}

/** Name the words without a picture, each with the reason. */
function showFaults(words) {
  $("#deck-faults").hidden = words.length === 0;
  say($("#deck-faults summary"), "deck.faults", { count: words.length });
  $("#deck-faults ul").replaceChildren(...words.map(({ word, line, error }) => {
    const [name, reason] = [document.createElement("b"), document.createElement("span")];
    write(name, word || (list[line - 1] ?? "").trim());
    say(reason, `error.${error.code}`, {}, { fallback: error.detail });
    const item = document.createElement("li");
    item.append(name, " ", reason);
    if (error.code === "bad_line") item.append(" ", Object.assign(document.createElement("span"), { lang: "en", textContent: error.detail }));
    return item;
  }));
}

async function cancel() {
  $("#deck-cancel").disabled = true;
  await request(address, { method: "DELETE" }).catch(showProblem);
}

/** Put the deck away; its files can no longer be had from here. */
function close() {
  remember("localStorage", KEPT, null);
  address = null;
  $("#deck").hidden = true;
}

/** Download a file: by a link, which writes to the disk as it comes; with an API key, which no link can send, through memory. */
async function download(suffix) {
  const button = $(`#deck-${suffix}`);
  button.disabled = true;
  try {
    const deck = await getJson(`${address}?words=false`);
    const url = deck[`${suffix}_url`];
    const answer = await request(url); // what is wrong is told in plain words
    const link = document.createElement("a");
    link.download = `${deck.name}.${suffix}`;
    if (currentKey()) link.href = URL.createObjectURL(await answer.blob());
    else link.href = url;
    if (!currentKey()) await answer.body.cancel();
    link.click();
    if (currentKey()) setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (problem) {
    showProblem(problem);
  } finally {
    button.disabled = false;
  }
}

function setRunning(running) {
  isRunning = running;
  tellRunning();
}

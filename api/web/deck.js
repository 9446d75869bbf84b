// Decks: a list of words is sent, followed, cancelled and downloaded. A reload of the page resumes the deck.

import { Problem, getJson, post, request } from "./api.js";
import { $, clone, pause, showBlob, whenVisible } from "./dom.js";
import { forgetDeck, keepDeck, recentDecks, shownDeck, showDeckOnLoad } from "./deck_shelf.js";
import { setText } from "./i18n.js";
import { currentKey } from "./key.js";
import { showProblem } from "./compose.js";
import { announce } from "./picture.js";
import { toEntry } from "./result.js";
import { showWord } from "./script.js";
import { mayReplaceList, writeList } from "./word.js";

const POLL_MS = 1500;
const MAX_POLL_FACTOR = 10;
const THUMBNAIL_SIDE = 256; // pixels, for screens with two or more pixels per CSS pixel
const KEEP_URL_MS = 60_000;
const LINE_END = /\r\n|\r|\n/;
const FINAL_CODES = new Set(["deck_not_found", "unauthorized"]); // asking again cannot help
const WITHOUT_PICTURE = new Set(["refused", "failed"]);

let current = null; // the shown deck: {address, name, list, options, readAs}, with the lines that were sent as `list`
let isRunning = false;
let actions = {};

export const isDrawing = () => isRunning;

/** Resume the deck that was shown before. `actions` are onChange(), when a deck starts or ends, and open(entry). */
export function startDeck(given) {
  actions = given;
  $("#deck-cancel").addEventListener("click", cancel);
  $("#deck-close").addEventListener("click", () => {
    close();
    $("#word").focus();
  });
  $("#deck-correct").addEventListener("click", correct);
  for (const suffix of ["zip", "apkg"]) $(`#deck-${suffix}`).addEventListener("click", () => download(suffix));
  showShelf();
  const stored = shownDeck();
  if (stored) follow(stored).catch(() => {}); // the reader has not asked for it
}

/** Send a list, a text or a file, as a deck and follow it to its end. `options` apply to all its words. */
export async function drawDeck(content, { name, ...options }) {
  const { style, ...others } = options;
  const query = new URLSearchParams({ name, style, options: JSON.stringify(others) });
  const type = typeof content === "string" ? "text/csv; charset=utf-8" : "text/csv"; // a file's encoding is detected
  setRunning(true);
  const made = await post(`/api/writing/decks?${query}`, content, type).catch((problem) => {
    setRunning(false);
    throw asDeckProblem(problem);
  });
  const stored = { address: made.status_url, name, list: await linesOf(content), options, readAs: made.read_as };
  keepDeck(stored);
  await follow(stored, () => $("#deck").scrollIntoView({ block: "nearest" }));
}

/** Return the lines of a text or a file; none of a file in another encoding than UTF-8. */
async function linesOf(content) {
  const bytes = await new Response(content).arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).split(LINE_END);
  } catch {
    return [];
  }
}

/** Return a problem in terms of decks: a list that is too long is a deck that is too large. */
function asDeckProblem(problem) {
  return problem.code === "too_long" && problem.field === "words" ? new Problem({ ...problem, code: "deck_too_large" }) : problem;
}

async function follow(stored, onShown = () => {}) {
  const url = stored.address;
  current = stored;
  showDeckOnLoad(url);
  showShelf();
  setRunning(true);
  try {
    let deck = await getDeck(url); // with its words, to show which are refused
    if (current !== stored) return;
    show(deck);
    onShown();
    while (!deck.is_finished) {
      await pause(POLL_MS);
      if (current !== stored) return;
      deck = await getDeck(`${url}?words=false`);
      if (current !== stored) return;
      show(deck);
    }
    deck = await getDeck(url);
    if (current !== stored) return;
    showEnd(deck);
  } catch (problem) {
    if (problem.code === "deck_not_found" && current === stored) close(forgetDeck);
    throw problem;
  } finally {
    if (current === stored || current === null) setRunning(false);
  }
}

/** Return a deck; retry until there is a response, since a deck outlives a lost connection. */
async function getDeck(url) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await getJson(url);
    } catch (problem) {
      if (FINAL_CODES.has(problem.code)) throw problem;
      setText($("#deck-count"), "stage.lost");
      await pause(POLL_MS * Math.min(MAX_POLL_FACTOR, 1 + failures));
    }
  }
}

function show(deck) {
  const { succeeded, failed, cancelled, refused } = deck.counts;
  $("#deck").hidden = false;
  setText($("#deck-title"), "deck.title", { name: deck.name });
  setText($("#deck-count"), "deck.count", { drawn: succeeded, total: deck.total });
  $("#deck-bar").value = (succeeded + failed + cancelled + refused) / deck.total;
  $("#deck-cancel").hidden = deck.is_finished;
  $("#deck-cancel").disabled = false;
  $("#deck-close").hidden = !deck.is_finished;
  $("#deck-files").hidden = !deck.is_finished || succeeded === 0;
  $("#deck-read-as").textContent = current.readAs ?? "";
  if (!deck.words.length) return;
  showFaults(deck.words.filter(({ status }) => WITHOUT_PICTURE.has(status)));
  showPictures(deck.is_finished ? deck.words.filter(({ status }) => status === "succeeded") : []);
}

function showEnd(deck) {
  show(deck);
  const { succeeded: drawn, cancelled } = deck.counts;
  announce(cancelled ? "deck.cancelled" : "deck.done", { drawn, total: deck.total });
}

/** Show the pictures as small buttons, each once it is scrolled into view: there may be 500. */
function showPictures(words) {
  document.querySelectorAll("#deck-pictures img").forEach((image) => showBlob(image, null));
  $("#deck-pictures").hidden = words.length === 0;
  const cards = words.map(makePicture);
  $("#deck-pictures").replaceChildren(...cards);
  whenVisible(cards, async (card) => {
    const address = `${words[cards.indexOf(card)].image_url}?size=${THUMBNAIL_SIDE}`;
    const image = await request(address, { headers: { Accept: "image/webp" } }).catch(() => null);
    if (image) showBlob($("img", card), await image.blob());
  });
}

function makePicture(word) {
  const card = clone("deck-picture");
  const button = $("button", card);
  showWord($("span", card), word.word, current.options.language);
  setText(button, "deck.open", { word: word.word }, { place: "tLabel" });
  button.addEventListener("click", () => openPicture(word).catch(showProblem));
  return card;
}

/** Open a word's picture, with the request that draws it alone. */
async function openPicture(word) {
  const { options } = current;
  const job = await getJson(`${word.status_url}?result=links`);
  const { style, translation, language, imagery = [] } = job.result.generation_metadata;
  const motifs = imagery.length ? { imagery: imagery.map(({ name }) => name) } : {};
  actions.open(await toEntry(job, { ...options, word: word.word, translation, language, style, ...motifs }));
}

/** List the words without a picture, each with the reason. */
function showFaults(words) {
  $("#deck-faults").hidden = words.length === 0;
  setText($("#deck-faults summary"), "deck.faults", { count: words.length });
  $("#deck-faults ul").replaceChildren(...words.map(makeFault));
  current.faults = words.map(writtenAs).filter(Boolean);
  $("#deck-correct").hidden = current.faults.length === 0;
}

/** Return a word as its line in the list has it, with its meaning. */
const writtenAs = ({ word, line }) => (current.list[line - 1] ?? "").trim() || word;

function makeFault(word) {
  const { error } = word;
  const [name, reason] = [document.createElement("b"), document.createElement("span")];
  showWord(name, word.word || writtenAs(word), current.options.language);
  setText(reason, `error.${error.code}`, {}, { fallback: error.detail });
  const item = document.createElement("li");
  item.append(name, " ", reason);
  if (error.code === "bad_line") item.append(" ", Object.assign(document.createElement("span"), { lang: "en", textContent: error.detail }));
  return item;
}

/** Put the words without a picture into the form. A deck of the same name adds to the first one in Anki. */
function correct() {
  if (!mayReplaceList(current.list.join("\n"))) return;
  writeList(current.faults.join("\n"));
  $("#deck-name").value = current.name;
}

async function cancel() {
  $("#deck-cancel").disabled = true;
  await request(current.address, { method: "DELETE" }).catch(showProblem);
}

/** Hide the deck. It can be opened again from the recent decks. */
function close(drop = () => {}) {
  if (shownDeck()?.address === current.address) showDeckOnLoad(null); // another tab may have stored its own
  drop(current.address);
  current = null;
  $("#deck").hidden = true;
  showShelf();
}

/** Show the recent decks beside the one that is open. */
function showShelf() {
  const others = recentDecks().filter(({ address }) => address !== current?.address);
  $("#decks").hidden = others.length === 0;
  $("#decks ul").replaceChildren(...others.map((deck) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: deck.name });
    button.addEventListener("click", () => follow(deck, () => $("#deck-title").focus()).catch(showProblem));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

async function download(suffix) {
  const button = $(`#deck-${suffix}`);
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true"; // `disabled` would take the focus away
  try {
    const deck = await getJson(`${current.address}?words=false`);
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
  actions.onChange();
}

// Decks: a list of words is sent, followed, cancelled and downloaded. A reload of the page resumes the deck.

import { Problem, getBlob, getJson, post, put, request } from "./api.js";
import { $, clone, pause, showBlob, whenVisible } from "./dom.js";
import { forgetDeck, keepDeck, recentDecks, shownDeck, showDeckOnLoad } from "./deck_shelf.js";
import { setText } from "./i18n.js";
import { currentKey } from "./key.js";
import { showProblem } from "./compose.js";
import { announce } from "./picture.js";
import { keepVariation, toEntry } from "./result.js";
import { showWord } from "./script.js";
import { mayReplaceList, writeList } from "./word.js";

const POLL_MS = 1500;
const MAX_POLL_FACTOR = 10;
const THUMBNAIL_SIDE = 256; // pixels, for screens with two or more pixels per CSS pixel
const KEEP_URL_MS = 60_000;
const LINE_END = /\r\n|\r|\n/;
const RARE_LINE_END = /[\v\f\x85\u2028\u2029]/; // of a text that has no other
const VARIATION = /\/variations\/(\d+)\//; // in the address of a picture that is not its job's own choice
const FINAL_CODES = new Set(["deck_not_found", "unauthorized"]); // asking again cannot help
const CODES = { "too_long words": "deck_too_large", "unreadable_list columns": "unclear_columns" };
const UNFINISHED = new Set(["queued", "running"]);
const WITHOUT_PICTURE = new Set(["refused", "failed"]);

let current = null; // the shown deck: {address, name, list, options, readAs}, with the lines that were sent as `list`
let chosen = null; // the index of the deck's word that the reader has opened or corrects
let corrected = null; // the word that was then drawn for it
let shownEntry = null; // the entry of the picture in the frame
let isRunning = false;
let actions = {};

export const isDrawing = () => isRunning;

/** Resume the deck that was shown before. `actions` are onChange(), when a deck starts or ends, open(entry), and
 * edit(request), which puts a single word into the form. */
export function startDeck(given) {
  actions = given;
  $("#deck-cancel").addEventListener("click", cancel);
  $("#deck-close").addEventListener("click", () => {
    close();
    $("#word").focus();
  });
  $("#deck-correct").addEventListener("click", correct);
  $("#to-deck").addEventListener("click", () => putIntoDeck().catch(showProblem));
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
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const lines = text.split(LINE_END);
    return lines.filter(Boolean).length === 1 ? lines.flatMap((line) => line.split(RARE_LINE_END)) : lines;
  } catch {
    return [];
  }
}

/** Return a problem in terms of decks, with a code of the page's own where the reader can do something else about it. */
function asDeckProblem(problem) {
  const code = CODES[`${problem.code} ${problem.field}`];
  return code ? new Problem({ ...problem, code }) : problem;
}

async function follow(stored, onShown = () => {}) {
  const url = stored.address;
  current = stored;
  chosen = corrected = null;
  offerPlace();
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
  current.words = deck.words;
  offerPlace();
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
    const image = await getBlob(address, { headers: { Accept: "image/webp" } }).catch(() => null);
    if (image) showBlob($("img", card), image);
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
  [chosen, corrected] = [word.index, null];
  const job = await getJson(`${word.status_url}?result=links`);
  const { style, translation, language, imagery = [] } = job.result.generation_metadata;
  const motifs = imagery.length ? { imagery: imagery.map(({ name }) => name) } : {};
  const entry = await toEntry(job, { ...options, word: word.word, translation, language, style, ...motifs });
  const [, variation] = VARIATION.exec(word.image_url) ?? [];
  actions.open(variation === undefined ? entry : await keepVariation(entry, Number(variation)));
}

/** Show below the picture in the frame whether it is in the open deck, or can be put there. */
export function offerPlace(entry = shownEntry) {
  shownEntry = entry;
  if (chosen !== null && entry) corrected ??= entry.word; // the first that is drawn after "Correct"
  const place = entry ? placeOf(entry) : undefined;
  const isPlaced = place !== undefined && place.image_url === imageUrl(entry);
  $("#to-deck").hidden = !place;
  $("#to-deck").ariaDisabled = String(isPlaced); // `disabled` would take the focus away
  setText($("#to-deck"), isPlaced ? "deck.placed" : "deck.put");
}

/** Return the word of the open deck that an entry draws: the chosen one, or else the first; a refused one is corrected. */
function placeOf(entry) {
  const words = current?.words ?? [];
  const fits = ({ index, status, word }) => (status === "refused" ? index === chosen && entry.word === corrected : word === entry.word && !UNFINISHED.has(status));
  return words.find((word) => word.index === chosen && fits(word)) ?? words.find(fits);
}

/** Return the address of an entry's kept picture; the job's own choice has one without a number. */
const imageUrl = ({ id, variations, kept, best }) =>
  `/api/writing/jobs/${id}/${variations && kept !== best ? `variations/${kept}/` : ""}image`;

/** Put the picture in the frame into the deck, and show the deck with it. */
async function putIntoDeck() {
  if ($("#to-deck").ariaDisabled === "true") return;
  const [stored, { id, variations, kept, best }] = [current, shownEntry];
  const { index } = placeOf(shownEntry);
  await put(`${stored.address}/words/${index}`, { job_id: id, variation: variations && kept !== best ? kept : null });
  const deck = await getDeck(stored.address);
  if (current !== stored) return;
  show(deck);
  announce("deck.put.done");
}

/** List the words without a picture, each with the reason. */
function showFaults(words) {
  $("#deck-faults").hidden = words.length === 0;
  setText($("#deck-faults summary"), "deck.faults", { count: words.length });
  $("#deck-faults ul").replaceChildren(...words.map(makeFault));
  const faults = words.map(writtenAs).filter(Boolean);
  current.faults = faults.length ? [...linesBefore(current.words), ...faults] : [];
  $("#deck-correct").hidden = current.faults.length === 0;
}

/** Return a word as its line in the list has it, with its meaning. */
const writtenAs = ({ word, line }) => (current.list[line - 1] ?? "").trim() || word;

/** Return the lines before the first word: a heading, or lines for programs, which say how the others are read. */
const linesBefore = ([{ line }]) => current.list.slice(0, Math.max(0, line - 1)).filter((text) => text.trim());

function makeFault(word) {
  const { error } = word;
  const [name, reason] = [document.createElement("b"), document.createElement("span")];
  showWord(name, word.word || writtenAs(word), current.options.language);
  setText(reason, `error.${error.code}`, {}, { fallback: error.detail });
  const item = document.createElement("li");
  item.append(name, " ", reason);
  if (error.code === "bad_line") item.append(" ", Object.assign(document.createElement("span"), { lang: "en", textContent: error.detail }));
  const button = Object.assign(document.createElement("button"), { type: "button", className: "link" });
  setText(button, "deck.correct.one");
  button.addEventListener("click", () => correctOne(word));
  item.append(" ", button);
  return item;
}

/** Put the words without a picture into the form. A deck of the same name adds to the first one in Anki. */
function correct() {
  if (!mayReplaceList(current.list.join("\n"))) return;
  writeList(current.faults.join("\n"));
  $("#deck-name").value = current.name;
}

/** Put one word without a picture into the form. What is drawn of it can be put into its place. */
function correctOne(word) {
  if (!mayReplaceList(current.list.join("\n"))) return;
  [chosen, corrected] = [word.index, null];
  const { meaning: translation, reading } = word;
  const meant = translation ? { translation } : { reading }; // the deck keeps the reading of the same meaning
  actions.edit({ ...current.options, word: word.word || writtenAs(word), ...meant });
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
  offerPlace();
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
  const link = Object.assign(document.createElement("a"), { download: name });
  if (currentKey()) {
    link.href = URL.createObjectURL(await getBlob(url));
    setTimeout(() => URL.revokeObjectURL(link.href), KEEP_URL_MS);
  } else {
    link.href = url;
    await (await request(url)).body.cancel(); // raises a Problem if the file cannot be had
  }
  link.click();
}

function setRunning(running) {
  isRunning = running;
  actions.onChange();
}

// The page: turns a word into a picture, shows how it forms, and keeps it in the history.

import { Problem, getJson, isTemporary, submit } from "./api.js";
import { startAppearance } from "./appearance.js";
import { openCompare } from "./compare.js";
import { clearProblem, readForm, readVariations, showProblem, startCompose, styleText, writeForm, writeSeed } from "./compose.js";
import * as deck from "./deck.js";
import { $, pause, recallJson, remember, rememberJson } from "./dom.js";
import { showGallery } from "./gallery.js";
import * as history from "./history.js";
import { figure, setText, startLanguage, t } from "./i18n.js";
import { knownMotifs, readDrawImagery, readImagery, startImagery, writeImagery } from "./imagery.js";
import { cancel, follow } from "./job.js";
import { fromLink } from "./link.js";
import { listFile } from "./list_file.js";
import { noteDrawn, readMeaning, startMeaning, writeMeaning } from "./meaning.js";
import { announce, confirm, copyCurl, copyLink, jobHandlers, showGhost, showPicture, showStage, startForming, stopForming } from "./picture.js";
import { keepVariation, toEntry, toRequest } from "./result.js";
import { readSteering, showSteering, startSteering, useStyle, writeSteering } from "./steering.js";
import { showGrid, showKept, showVariations, startVariations } from "./variations.js";
import { isList, listToSend, mayReplaceList, nameColumns, startWord, word } from "./word.js";
import { readLanguage } from "./word_language.js";

const RETRY_S = 3;
const UNFINISHED = "unfinished"; // storage key of the job that a reload resumes
const FORM = "form"; // storage key of the form and the shown picture, which a reload brings back

let capabilities = null; // the response of /api/writing/status
let shown = null; // the history entry in the frame
let running = null; // {request, jobId, isCancelled} of the running job

const styleOf = (entry) => styleText(entry.metadata.style, capabilities);

async function start() {
  await startLanguage(() => showProblem(new Problem({ code: "network" })));
  startAppearance();
  capabilities = await getCapabilities();
  clearProblem();
  setText($("#about"), "about", { version: capabilities.version, model: capabilities.model });
  startSteering(capabilities);
  startCompose(capabilities, useStyleNamed);
  startImagery(capabilities);
  startWord(showWord);
  startMeaning();
  addListeners();
  showWord(); // the word may have been typed while the page was loading
  const kept = keptForm();
  const link = fromLink(window.location);
  if (kept) restoreForm(kept);
  else if (link) await openLink(link);
  $("#generate").disabled = false;
  deck.startDeck({ onChange: showButton, open: openFromDeck, edit: editWord });
  await showHistory();
  await showAgain(kept?.shown);
  return resume();
}

/** Return what the service can do; retry while it cannot be reached. */
async function getCapabilities() {
  for (;;) {
    try {
      return await getJson("/api/writing/status");
    } catch (problem) {
      if (problem.code === "unauthorized") await new Promise((act) => showProblem(problem, { key: "key.enter", act }));
      else await showAndWait(problem);
    }
  }
}

function showAndWait(problem) {
  showProblem(problem);
  return pause(1000 * (problem.retryAfterS ?? RETRY_S));
}

function addListeners() {
  $("#compose").addEventListener("submit", (event) => {
    event.preventDefault();
    if (listToSend() === null) showError(new Problem({ code: "no_word", field: "word" }));
    else if (isList()) drawList();
    else if (!running) draw(readRequest());
  });
  $("#cancel").addEventListener("click", stop);
  $("#all-variations").addEventListener("click", () => {
    showGrid(true);
    $("#variations [aria-pressed=true]").focus();
  });
  $("#share").addEventListener("click", () => copyLink(shown));
  $("#curl").addEventListener("click", () => copyCurl(shown));
  $("#reuse").addEventListener("click", reuse);
  $("#clear").addEventListener("click", clearHistory);
  window.addEventListener("pagehide", keepForm);
  $("#open-compare").addEventListener("click", compare);
}

function showWord() {
  if (!running && !shown) showGhost(word(), readLanguage().language);
  showButton();
}

function useStyleNamed(name) {
  useStyle(capabilities.styles[name].controlnet_weights);
}

function readRequest() {
  return { word: word(), ...readMeaning(), ...readForm(), ...readVariations(), ...readImagery(), ...readSteering() };
}

/** Send a list of words as a deck. */
async function drawList() {
  if (deck.isDrawing()) return;
  clearProblem();
  const options = { name: $("#deck-name").value.trim() || t("deck.name.default"), ...readForm(), ...readDrawImagery(), ...readSteering() };
  await deck.drawDeck(listToSend(), options).catch((problem) => showError(problem, remedyOf(problem)));
}

/** Return what the reader can do about a list that is not understood. A file is not changed. */
function remedyOf({ code }) {
  const nameThem = () => {
    clearProblem();
    nameColumns();
  };
  return code === "unclear_columns" && listFile() === null ? { key: "list.name_columns", act: nameThem } : null;
}

/** Submit a request and follow its job. */
async function draw(request) {
  await run(request, async () => {
    const jobId = await submit(request);
    noteDrawn(request.word);
    return jobId;
  });
}

/** Follow the job that was running when the page was closed or reloaded. */
async function resume() {
  const unfinished = recallJson("sessionStorage", UNFINISHED);
  if (unfinished) await run(unfinished.request, async () => unfinished.jobId);
}

/** Follow a job until it has ended, and show its picture. */
async function run(request, getJobId) {
  running = { request, jobId: null, isCancelled: false };
  clearProblem();
  $("#notice").hidden = true;
  startForming(request, capabilities.default_size);
  showButton();
  try {
    running.jobId = await getJobId();
    rememberJson("sessionStorage", UNFINISHED, { jobId: running.jobId, request });
    if (running.isCancelled) await cancel(running.jobId);
    await finish(await follow(running.jobId, jobHandlers, new AbortController().signal), request);
    remember("sessionStorage", UNFINISHED, null);
  } catch (error) {
    if (!isTemporary(error)) remember("sessionStorage", UNFINISHED, null); // else a reload resumes the job
    stopForming();
    showPrevious();
    showError(error);
  } finally {
    running = null;
    showButton();
  }
}

/** Show the error of what the reader did, and go to the input at fault. */
function showError(error, remedy = null) {
  showProblem(error instanceof Problem ? error : new Problem({ code: "internal_error", detail: String(error) }), remedy);
  $("#compose [aria-invalid=true]")?.focus();
}

async function finish(job, request) {
  if (job.status === "failed") throw new Problem(job.error);
  if (job.status === "cancelled") {
    stopForming();
    showPrevious();
    return announce("cancelled");
  }
  const entry = await insist(() => toEntry(job, request), () => !running.isCancelled);
  stopForming();
  showEntry(entry);
  showSeed(entry);
  const score = entry.metadata.legibility?.score ?? null;
  announce(score === null ? "done" : "done.score", { score: figure(score ?? 0) });
  await history.keep(entry).catch(() => {}); // a full disk must not hide the picture
  return showHistory();
}

/** Return what `action` returns; repeat it while the service does not answer and the reader still wants it. */
async function insist(action, isWanted) {
  for (;;) {
    try {
      return await action();
    } catch (problem) {
      if (!isTemporary(problem) || !isWanted()) throw problem;
      showStage("stage.lost");
      await pause(1000 * RETRY_S);
    }
  }
}

async function stop() {
  const stopped = running;
  stopped.isCancelled = true;
  $("#cancel").disabled = true;
  $("#picture").focus({ preventScroll: true }); // the button had the focus
  try {
    if (stopped.jobId) await insist(() => cancel(stopped.jobId), () => running === stopped);
    if (running === stopped) showStage("stage.cancelling");
  } catch (problem) {
    if (running !== stopped) return; // it ended in the meantime
    stopped.isCancelled = false;
    $("#cancel").disabled = false; // to try again
    showProblem(problem);
  }
}

/** Show the kept picture of an entry, with its label, maps and score. */
function showKeptPicture(entry) {
  shown = entry;
  showPicture(entry, styleOf(entry));
  showSteering(entry);
  deck.offerPlace(entry);
}

/** Show an entry: its kept picture and, if it has several, all its variations. */
function showEntry(entry) {
  showKeptPicture(entry);
  showVariations(entry, keep);
}

/** Show the entry that was shown before a job that made no picture. */
function showPrevious() {
  if (shown) showEntry(shown);
  else startVariations(1);
}

/** Keep one of the shown variations: show it alone and store the choice in the history. */
async function keep(index) {
  const entry = await keepVariation(shown, index);
  await history.keep(entry).catch(() => {}); // stored before the page announces it
  showKeptPicture(entry);
  showKept(entry);
  showGrid(false);
  showSeed(entry);
  announce("variation.kept", { number: index + 1 });
  $("#all-variations").focus();
  return showHistory();
}

/** Show the seed of an entry in the form, unless the reader keeps another one there. */
function showSeed({ metadata }) {
  if (!$("#keep-seed").checked) writeSeed(metadata.seed, metadata.scene_seed);
}

/** Copy the settings of the shown picture, with its seed, to the form. */
function reuse() {
  if (!mayReplaceList()) return;
  fillForm(toRequest(shown));
  confirm($("#reuse"), "reused");
}

function fillForm(request) {
  clearProblem();
  writeForm(request, capabilities);
  useStyleNamed($("input[name=style]:checked").value);
  writeSteering(request);
  writeImagery(request);
  writeMeaning(request);
  showWord();
}

/** Copy the settings of a link to the form, but for those that are unknown here. The reader starts the job. */
async function openLink(request) {
  const known = await withoutUnknown(request);
  fillForm(known);
  $("#notice").hidden = false;
  setText($("#notice"), JSON.stringify(known) === JSON.stringify(request) ? "link.read" : "link.partly");
}

/** Return a request without a style, a quality or motifs that this service does not have. */
async function withoutUnknown(request) {
  const known = { ...request };
  if (!Object.hasOwn(capabilities.styles, request.style)) delete known.style;
  if (!capabilities.qualities.includes(request.quality)) delete known.quality;
  if (Array.isArray(request.imagery)) known.imagery = await knownMotifs(request.imagery);
  if (known.imagery?.length === 0) delete known.imagery;
  return known;
}

function keepForm() {
  const kept = {
    href: window.location.href,
    request: readRequest(),
    text: word() || $("#word").value,
    deckName: $("#deck-name").value,
    shown: shown?.id,
  };
  rememberJson("sessionStorage", FORM, kept);
}

/** Return the form as it was left at this address; null if a link is opened anew, or a word is typed already. */
function keptForm() {
  const kept = recallJson("sessionStorage", FORM);
  const [{ type }] = performance.getEntriesByType("navigation");
  const isOpenedAnew = type === "navigate" && fromLink(window.location) !== null;
  return kept?.href === window.location.href && !isOpenedAnew && !$("#word").value ? kept : null;
}

function restoreForm({ request, text, deckName }) {
  $("#deck-name").value = deckName;
  fillForm({ ...request, word: text });
}

/** Show the picture that this tab showed last, if the history still has it. */
async function showAgain(id) {
  const entry = (await history.entries()).find((one) => one.id === id);
  if (entry) showEntry(entry);
}

async function showHistory() {
  showGallery(await history.entries(), { open: openFromHistory, remove: removeFromHistory, styleOf });
}

function openFromHistory(entry) {
  if (running) return showBusy();
  showEntry(entry);
  $("#picture").focus();
  return undefined;
}

/** Show why a picture cannot be opened now: another one forms in the frame. */
function showBusy() {
  announce("history.busy");
  $("#picture .stage").scrollIntoView({ block: "nearest" });
}

/** Show a deck's picture, and keep it in the history. */
async function openFromDeck(entry) {
  if (running) {
    showBusy();
    return;
  }
  showEntry(entry);
  $("#picture").focus();
  await history.keep(entry).catch(() => {}); // a full disk must not hide the picture
  await showHistory();
}

/** Put a word of a deck into the form, to be corrected. */
function editWord(request) {
  fillForm(request);
  $("#word").focus();
}

async function removeFromHistory(entry) {
  await history.remove(entry.id);
  await showHistory();
  announce("history.removed", { word: entry.word });
  $("#history-title").focus();
}

/** Compare two pictures of the history, unless another tab has deleted them. */
async function compare() {
  const entries = await history.entries();
  if (entries.length > 1) openCompare(entries, shown, styleOf);
  else await showHistory();
}

async function clearHistory() {
  if (!window.confirm(t("history.clear.sure"))) return;
  await history.clear();
  await showHistory();
  $("#history-title").focus();
}

/** Show on the button what it does now, and whether it can be used. */
function showButton() {
  const button = $("#generate");
  const isBusy = isList() ? deck.isDrawing() : running !== null;
  button.setAttribute("aria-disabled", String(isBusy)); // `disabled` would take the focus away
  if (isList()) setText(button, isBusy ? "deck.busy" : "deck.generate");
  else setText(button, isBusy ? "generate.busy" : "generate");
}

start();

// The page: a word goes in, its picture forms, and stays in the history.

import { Problem, getJson, submit } from "./api.js";
import { startAppearance } from "./appearance.js";
import { openCompare } from "./compare.js";
import { clearProblem, readForm, readVariations, showProblem, startCompose, styleText, writeForm, writeSeed } from "./compose.js";
import * as deck from "./deck.js";
import { $, pause, recall, remember } from "./dom.js";
import { showGallery } from "./gallery.js";
import * as history from "./history.js";
import { number, say, startLanguage, t } from "./i18n.js";
import { readDrawImagery, readImagery, startImagery, writeImagery } from "./imagery.js";
import { cancel, follow } from "./job.js";
import { fromLink } from "./link.js";
import { readMeaning, startMeaning, writeMeaning } from "./meaning.js";
import { announce, confirm, copyCurl, copyLink, forming, showGhost, showPicture, showStage, startForming, stopForming } from "./picture.js";
import { keepVariation, repeatable, toEntry } from "./result.js";
import { readSteering, showSteering, startSteering, useStyle, writeSteering } from "./steering.js";
import { showGrid, showKept, showVariations, startVariations } from "./variations.js";
import { isList, lines, startWord, word } from "./word.js";

const RETRY_S = 3;
const UNFINISHED = "unfinished"; // the job that a reload of the page takes up again

let offer = null; // what the service offers: /api/writing/status
let shown = null; // the entry in the frame
let running = null; // {request, jobId, isCancelled} of the job that is being drawn

const styleOf = (entry) => styleText(entry.metadata.style, offer);

async function start() {
  await startLanguage();
  startAppearance();
  offer = await getOffer();
  clearProblem();
  say($("#about"), "about", { version: offer.version, model: offer.model });
  startSteering(offer);
  startCompose(offer, (style) => useStyle(offer.styles[style].controlnet_weights));
  startImagery(offer);
  startWord(showTyped);
  startMeaning();
  connect();
  openLink();
  $("#generate").disabled = false;
  deck.startDeck(showButton);
  await showHistory();
  return resume();
}

/** Return what the service offers, asking again while it cannot be reached. */
async function getOffer() {
  for (;;) {
    try {
      return await getJson("/api/writing/status");
    } catch (problem) {
      showProblem(problem);
      if (problem.code === "unauthorized") throw problem;
      await pause(1000 * (problem.retryAfterS ?? RETRY_S));
    }
  }
}

function connect() {
  $("#compose").addEventListener("submit", (event) => {
    event.preventDefault();
    if (isList()) drawList();
    else if (!running) draw(readRequest());
  });
  showTyped(); // what was typed while the page was loading
  $("#cancel").addEventListener("click", stop);
  $("#all-variations").addEventListener("click", () => {
    showGrid(true);
    $("#variations [aria-pressed=true]").focus();
  });
  $("#share").addEventListener("click", () => copyLink(shown));
  $("#curl").addEventListener("click", () => copyCurl(shown));
  $("#reuse").addEventListener("click", reuse);
  $("#clear").addEventListener("click", async () => {
    if (!window.confirm(t("history.clear.sure"))) return;
    await history.clear();
    await showHistory();
  });
  $("#open-compare").addEventListener("click", async () => openCompare(await history.entries(), shown, styleOf));
}

function showTyped() {
  if (!running && !shown) showGhost(word());
  showButton();
}

function readRequest() {
  return { word: word(), ...readMeaning(), ...readForm(), ...readVariations(), ...readImagery(), ...readSteering() };
}

/** Send a list of words as a deck. */
async function drawList() {
  if (deck.isDrawing()) return;
  clearProblem();
  const options = { name: $("#deck-name").value.trim(), ...readForm(), ...readDrawImagery(), ...readSteering() };
  await deck.drawDeck($("#word").value, options).catch(tell);
}

/** Send a request and follow it to its picture. */
async function draw(request) {
  await attend(request, () => submit(request));
}

/** Take up the job that was running when the page was left. */
async function resume() {
  const { jobId, request } = JSON.parse(recall("sessionStorage", UNFINISHED) ?? "{}");
  if (jobId) await attend(request, async () => jobId);
}

async function attend(request, getJobId) {
  running = { request, jobId: null, isCancelled: false };
  clearProblem();
  $("#notice").hidden = true;
  startForming(request, offer.default_size);
  showButton();
  try {
    running.jobId = await getJobId();
    remember("sessionStorage", UNFINISHED, JSON.stringify({ jobId: running.jobId, request }));
    if (running.isCancelled) await cancel(running.jobId);
    await conclude(await follow(running.jobId, forming, new AbortController().signal), request);
  } catch (problem) {
    stopForming();
    showBefore();
    tell(problem);
  } finally {
    remember("sessionStorage", UNFINISHED, null);
    running = null;
    showButton();
  }
}

function tell(problem) {
  showProblem(problem instanceof Problem ? problem : new Problem({ code: "internal_error", detail: String(problem) }));
}

async function conclude(job, request) {
  if (job.status === "failed") throw new Problem(job.error);
  stopForming();
  if (job.status === "cancelled") {
    showBefore();
    return announce("cancelled");
  }
  const entry = await toEntry(job, request);
  show(entry);
  if (!$("#keep-seed").checked) writeSeed(entry.metadata.seed, entry.metadata.scene_seed);
  const score = entry.metadata.legibility?.score ?? null;
  announce(score === null ? "done" : "done.score", { score: number(score ?? 0) });
  await history.keep(entry).catch(() => {}); // a full disk must not hide the picture
  return showHistory();
}

async function stop() {
  running.isCancelled = true;
  $("#cancel").disabled = true;
  showStage("stage.cancelling");
  if (running.jobId) await cancel(running.jobId).catch(showProblem);
}

function show(entry) {
  shown = entry;
  showPicture(entry, styleOf(entry));
  showSteering(entry);
  showVariations(entry, keep);
}

/** Show again what was shown before a job that made no picture. */
function showBefore() {
  if (shown) show(shown);
  else startVariations(1);
}

/** Keep one of the shown variations: show it alone, also in the history. */
async function keep(index) {
  const entry = await keepVariation(shown, index);
  await history.keep(entry).catch(() => {}); // before the page says that it is kept
  shown = entry;
  showPicture(shown, styleOf(shown));
  showSteering(shown);
  showKept(shown);
  showGrid(false);
  if (!$("#keep-seed").checked) writeSeed(shown.metadata.seed, shown.metadata.scene_seed);
  announce("variation.kept", { number: index + 1 });
  $("#all-variations").focus();
  return showHistory();
}

/** Put the shown picture's settings into the form, its seed among them. */
function reuse() {
  fillIn(repeatable(shown));
  confirm($("#reuse"), "reused");
}

function fillIn(request) {
  writeForm(request, offer);
  useStyle(offer.styles[$("input[name=style]:checked").value].controlnet_weights);
  writeSteering(request);
  writeImagery(request);
  writeMeaning(request);
  showTyped();
}

/** Put a link's settings into the form; the reader starts the drawing. */
function openLink() {
  const request = fromLink(window.location);
  if (!request) return;
  fillIn(request);
  say($("#notice"), "link.read");
  $("#notice").hidden = false;
}

async function showHistory() {
  showGallery(await history.entries(), {
    open: (entry) => {
      if (running) return;
      show(entry);
      $("#picture").focus();
    },
    remove: async (entry) => {
      await history.remove(entry.id);
      await showHistory();
      $("#history-title").focus();
    },
    styleOf,
  });
}

/** Let the button say what it does, and whether it can. */
function showButton() {
  const button = $("#generate");
  const isBusy = isList() ? deck.isDrawing() : running !== null;
  button.setAttribute("aria-disabled", String(isBusy)); // not `disabled`: the focus stays where it is
  if (isList()) say(button, isBusy ? "deck.busy" : "deck.generate", { count: lines().length });
  else say(button, isBusy ? "generate.busy" : "generate");
}

start();

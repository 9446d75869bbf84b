// The page: a word goes in, its picture forms, and stays in the history.

import { Problem, getJson, submit } from "./api.js";
import { startAppearance } from "./appearance.js";
import { openCompare } from "./compare.js";
import { clearProblem, readForm, showProblem, startCompose, styleText, writeForm } from "./compose.js";
import { $, pause, recall, remember } from "./dom.js";
import { showGallery } from "./gallery.js";
import * as history from "./history.js";
import { number, say, startLanguage, t } from "./i18n.js";
import { cancel, follow } from "./job.js";
import { startMeaning } from "./meaning.js";
import { announce, confirm, copyCurl, fit, forming, showGhost, showPicture, showStage, startForming, stopForming } from "./picture.js";
import { repeatable, toEntry } from "./result.js";
import { readSteering, showSteering, startSteering, useStyle, writeSteering } from "./steering.js";

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
  startMeaning();
  connect();
  $("#generate").disabled = false;
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
    if (!running) draw({ ...readForm(), ...readSteering() });
  });
  $("#word").addEventListener("input", showTyped);
  showTyped(); // what was typed while the page was loading
  $("#cancel").addEventListener("click", stop);
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
  const word = $("#word").value.trim();
  fit($("#word"), word);
  if (!running && !shown) showGhost(word);
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
  startForming(request, offer.default_size);
  setBusy(true);
  try {
    running.jobId = await getJobId();
    remember("sessionStorage", UNFINISHED, JSON.stringify({ jobId: running.jobId, request }));
    if (running.isCancelled) await cancel(running.jobId);
    await conclude(await follow(running.jobId, forming, new AbortController().signal), request);
  } catch (problem) {
    stopForming();
    showProblem(problem instanceof Problem ? problem : new Problem({ code: "internal_error", detail: String(problem) }));
  } finally {
    remember("sessionStorage", UNFINISHED, null);
    running = null;
    setBusy(false);
  }
}

async function conclude(job, request) {
  if (job.status === "failed") throw new Problem(job.error);
  stopForming();
  if (job.status === "cancelled") return announce("cancelled");
  const entry = await toEntry(job, request);
  show(entry);
  if (!$("#keep-seed").checked) $("#seed").value = entry.metadata.seed;
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
}

/** Put the shown picture's settings into the form, its seed among them. */
function reuse() {
  const request = repeatable(shown);
  writeForm(request, offer);
  fit($("#word"), request.word);
  useStyle(offer.styles[request.style]?.controlnet_weights ?? {});
  writeSteering(request);
  confirm($("#reuse"), "reused");
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

function setBusy(isBusy) {
  const button = $("#generate");
  button.setAttribute("aria-disabled", String(isBusy)); // not `disabled`: the focus stays where it is
  say(button, isBusy ? "generate.busy" : "generate");
}

start();

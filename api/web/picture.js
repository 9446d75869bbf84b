// The picture: its frame, its progress and its label.

import { currentKey } from "./key.js";
import { $, showBlob } from "./dom.js";
import { figure, setText } from "./i18n.js";
import { toLink } from "./link.js";
import { toCurl, toRequest } from "./result.js";
import { showWord } from "./script.js";
import { previewVariation, startVariations } from "./variations.js";
import { fitText } from "./word.js";

const CONFIRM_MS = 2000;
const ANNOUNCED = new Set(["stage.queued.place", "stage.queued.next", "stage.diffusion", "stage.cancelling", "stage.lost"]);
const LAST_STAGES = ["reading", "encoding"]; // after the last step, so the bar is full

/** Announce a text to screen readers. */
export function announce(key, values = {}) {
  setText($("#announce"), key, values);
}

/** Show a word as a faint outline in the empty frame. */
export function showGhost(word, language) {
  showWord($("#ghost"), word, language);
  fitText($("#frame"), word);
}

/** Prepare the frame for the picture of a request. */
export function startForming(request, defaultSize) {
  showGhost(request.word, request.language);
  setShape(request.width ?? defaultSize, request.height ?? defaultSize);
  $("#image").hidden = true;
  $("#preview").hidden = true;
  startVariations(request.variations ?? 1);
  $("#picture").classList.add("forming");
  $("#frame").setAttribute("aria-busy", "true");
  $("#progress").hidden = false;
  $("#cancel").disabled = false;
  showStage("stage.sending");
  $("#picture .stage").scrollIntoView({ block: "nearest" }); // on a phone it is below the form
}

export function stopForming() {
  $("#picture").classList.remove("forming");
  $("#frame").removeAttribute("aria-busy");
  $("#progress").hidden = true;
  $("#preview").hidden = true;
  $("#image").hidden = !$("#image").src; // show the picture before, if there is one
}

/** The handlers that job.follow calls with the events' data. */
export const jobHandlers = {
  lost() {
    showStage("stage.lost");
  },
  queue({ queue_position: ahead }) {
    showStage(ahead > 0 ? "stage.queued.place" : "stage.queued.next", { place: ahead + 1 });
  },
  progress({ status, stage, step, total_steps: total }) {
    const isPainting = stage === "diffusion" && total > 0;
    if (isPainting) showStage("stage.diffusion.step", { step, total }, step / total);
    else showStage(`stage.${stage ?? status}`, {}, LAST_STAGES.includes(stage) ? 1 : null);
  },
  preview({ image, variation }) {
    previewVariation(variation ?? 0, image);
    const preview = $("#preview");
    preview.src = image;
    preview.hidden = false;
    setText(preview, "preview.alt", {}, { place: "tAlt" });
  },
};

/** Show the stage of the job. `share` is the part that is done, from 0 to 1, or null if it is not known. */
export function showStage(key, values = {}, share = null) {
  const isNew = $("#stage").dataset.t !== key || key === "stage.queued.place";
  setText($("#stage"), key, values);
  if (share === null) $("#bar").removeAttribute("value");
  else $("#bar").value = share;
  const announced = key === "stage.diffusion.step" ? "stage.diffusion" : key; // not every step
  if (isNew && ANNOUNCED.has(announced)) announce(announced, values);
}

/** Show a finished picture and its label. */
export function showPicture(entry, style) {
  const { metadata } = entry;
  const image = $("#image");
  setShape(metadata.width, metadata.height);
  showBlob(image, entry.image);
  setText(image, "picture.alt", { word: entry.word, meaning: metadata.translation, style }, { place: "tAlt" });
  showLabel(entry, style);
  $("#download").href = image.src;
  $("#download").download = `${entry.word}-${metadata.style}-${metadata.seed}.png`;
}

function showLabel({ word, prompt, metadata }, style) {
  $("#empty").hidden = true;
  $("#label").hidden = false;
  showWord($("#label-word"), word, metadata.language);
  $("#label-meaning").textContent = metadata.translation;
  setText($("#label-style"), style.t, {}, { fallback: style.fallback });
  $("#label-prompt").textContent = prompt;
  $("#label-seed").textContent = String(metadata.seed);
  $("#label-imagery").textContent = (metadata.imagery ?? []).map(({ name }) => name.replaceAll("-", " ")).join(", ") || "–";
  $("#label-size").textContent = `${metadata.width} × ${metadata.height}`;
  setText($("#label-time"), "time.value", { seconds: figure(metadata.generation_time_ms / 1000, 1) });
}

/** Copy a command that draws the picture again. */
export async function copyCurl(entry) {
  await copy(toCurl(entry, window.location.origin, currentKey() !== null));
  confirm($("#curl"), "copied");
}

/** Copy a link to the page that carries all settings of the picture. */
export async function copyLink(entry) {
  await copy(toLink(toRequest(entry), window.location.origin));
  confirm($("#share"), "copied");
}

/** Show on a button for a moment that its action is done. */
export function confirm(button, key) {
  button.dataset.usual ??= button.dataset.t;
  setText(button, key);
  announce(key);
  setTimeout(() => setText(button, button.dataset.usual), CONFIRM_MS);
}

function setShape(width, height) {
  for (const frame of [$("#frame"), $("#variations")]) frame.style.setProperty("aspect-ratio", `${width} / ${height}`);
}

/** Copy a text. navigator.clipboard exists only on HTTPS and on localhost, and may be forbidden. */
async function copy(text) {
  if (await navigator.clipboard?.writeText(text).then(() => true, () => false)) return;
  const focused = document.activeElement;
  const area = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
  area.select();
  document.execCommand("copy");
  area.remove();
  focused.focus();
}

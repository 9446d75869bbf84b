// The picture: its frame, how it forms, and its label.

import { currentKey } from "./key.js";
import { $, showBlob } from "./dom.js";
import { number, say } from "./i18n.js";
import { toLink } from "./link.js";
import { repeatable, toCurl } from "./result.js";
import { write } from "./script.js";
import { previewVariation, startVariations } from "./variations.js";
import { fit } from "./word.js";

const SAID_FOR_MS = 2000;
const SAID_ALOUD = new Set(["stage.queued.place", "stage.queued.next", "stage.diffusion", "stage.cancelling"]);

/** Say something to those who do not see the page. */
export function announce(key, values = {}) {
  say($("#announce"), key, values);
}

/** Show the word that is to be drawn in the empty frame. */
export function showGhost(word) {
  write($("#ghost"), word);
  fit($("#frame"), word);
}

/** Make the frame ready for a picture of a request. */
export function startForming(request, defaultSize) {
  showGhost(request.word);
  setShape(request.width ?? defaultSize, request.height ?? defaultSize);
  $("#image").hidden = true;
  $("#preview").hidden = true;
  startVariations(request.variations ?? 1);
  $("#picture").classList.add("forming");
  $("#frame").setAttribute("aria-busy", "true");
  $("#progress").hidden = false;
  $("#cancel").disabled = false;
  showStage("stage.sending");
  $("#picture .stage").scrollIntoView({ block: "nearest" }); // on a phone it lies below the form
}

export function stopForming() {
  $("#picture").classList.remove("forming");
  $("#frame").removeAttribute("aria-busy");
  $("#progress").hidden = true;
  $("#preview").hidden = true;
  $("#image").hidden = !$("#image").src; // a picture of before comes back
}

/** What job.follow calls with the events' data. */
export const forming = {
  queue({ queue_position: ahead }) {
    showStage(ahead > 0 ? "stage.queued.place" : "stage.queued.next", { place: ahead + 1 });
  },
  progress({ status, stage, step, total_steps: total }) {
    const isPainting = stage === "diffusion" && total > 0;
    if (isPainting) showStage("stage.diffusion.step", { step, total }, total > 0 ? step / total : null);
    else showStage(`stage.${stage ?? status}`, {}, stage === "reading" || stage === "encoding" ? 1 : null);
  },
  preview({ image, variation }) {
    previewVariation(variation ?? 0, image);
    const preview = $("#preview");
    preview.src = image;
    preview.hidden = false;
    say(preview, "preview.alt", {}, { place: "tAlt" });
  },
};

/** Show how far the job is; `share` of 1 done, null if that is not known. */
export function showStage(key, values = {}, share = null) {
  const isNew = $("#stage").dataset.t !== key || key === "stage.queued.place";
  say($("#stage"), key, values);
  if (share === null) $("#bar").removeAttribute("value");
  else $("#bar").value = share;
  const aloud = key === "stage.diffusion.step" ? "stage.diffusion" : key;
  if (isNew && SAID_ALOUD.has(aloud)) announce(aloud, values);
}

/** Show a finished picture and its label. */
export function showPicture(entry, style) {
  const { metadata } = entry;
  const image = $("#image");
  setShape(metadata.width, metadata.height);
  showBlob(image, entry.image);
  say(image, "picture.alt", { word: entry.word, meaning: metadata.translation, style }, { place: "tAlt" });
  $("#empty").hidden = true;
  $("#label").hidden = false;
  write($("#label-word"), entry.word);
  $("#label-meaning").textContent = metadata.translation;
  say($("#label-style"), style.t, {}, { fallback: style.fallback });
  $("#label-prompt").textContent = entry.prompt;
  $("#label-seed").textContent = String(metadata.seed);
  $("#label-imagery").textContent = (metadata.imagery ?? []).map(({ name }) => name.replaceAll("-", " ")).join(", ") || "–";
  $("#label-size").textContent = `${metadata.width} × ${metadata.height}`;
  say($("#label-time"), "time.value", { seconds: number(metadata.generation_time_ms / 1000, 1) });
  $("#download").href = image.src;
  $("#download").download = `${entry.word}-${metadata.style}-${metadata.seed}.png`;
}

/** Copy the command that draws the picture again. */
export async function copyCurl(entry) {
  await copy(toCurl(entry, window.location.origin, currentKey() !== null));
  confirm($("#curl"), "copied");
}

/** Copy a link to the page that has all of the picture's settings. */
export async function copyLink(entry) {
  await copy(toLink(repeatable(entry), window.location.origin));
  confirm($("#share"), "copied");
}

/** Let a button say for a moment that it has done its work. */
export function confirm(button, key) {
  button.dataset.usual ??= button.dataset.t;
  say(button, key);
  announce(key);
  setTimeout(() => say(button, button.dataset.usual), SAID_FOR_MS);
}

function setShape(width, height) {
  for (const frame of [$("#frame"), $("#variations")]) frame.style.setProperty("aspect-ratio", `${width} / ${height}`);
}

// The clipboard is missing on plain http from another machine.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
  area.select();
  document.execCommand("copy");
  area.remove();
  return undefined;
}

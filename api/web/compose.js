// The form: word, style, number of pictures, seed and the advanced values, to and from the API's request.

import { Problem, request } from "./api.js";
import { $, clone, pause, showBlob } from "./dom.js";
import { number, say } from "./i18n.js";
import { fitWord } from "./word.js";

const SIDE = 64; // a picture's side is a multiple of this
const MIN_SIDE = 256;
const MAX_SIDE = 2048;
const SHAPES = [[1, 1], [1.5, 1], [1, 1.5], [1.5, 1.5], [2, 1], [1, 2], [2, 2]]; // times the model's own side
const SAMPLE_ATTEMPTS = 20;

// Fields that are sent as they are, unless they are empty.
const FIELDS = {
  num_inference_steps: ["#steps", Number],
  guidance_scale: ["#guidance", Number],
  negative_prompt: ["#negative", (text) => text.trim()],
  quality: ["#quality", String],
};

// Where a fault of a request's field is told.
const FAULTY = { word: "#word", translation: "#meaning", reading: "#meaning" };

/** Return a style's name as a text that `say` fills in: translated, else as the service calls it. */
export const styleText = (name, offer) => ({ t: `style.${name}`, fallback: offer.styles[name]?.label || name });

/** Fill the form with what the service offers; `onStyle` is told the chosen style. */
export function startCompose(offer, onStyle) {
  offerStyles(offer, onStyle);
  for (const [wide, high] of SHAPES) offerSize(toSide(wide * offer.default_size), toSide(high * offer.default_size), offer);
  for (const quality of offer.qualities) {
    const option = new Option("", quality === "exact" ? "" : quality);
    say(option, `quality.${quality}`);
    $("#quality").add(option);
  }
  $("#seed").addEventListener("input", ({ target }) => {
    $("#keep-seed").checked = target.value !== "";
    delete target.dataset.scene; // it was of another seed
  });
}

/** Return the form's part of a request, for a word or for a list of words. */
export function readForm() {
  const body = { style: $("input[name=style]:checked")?.value, ...readSeed() };
  for (const [name, [selector, convert]] of Object.entries(FIELDS)) {
    const { value } = $(selector);
    if (value.trim() !== "") body[name] = convert(value);
  }
  const [width, height] = $("#size").value.split("x").map(Number);
  return $("#size").selectedIndex > 0 ? { ...body, width, height } : body;
}

/** Return how many pictures are asked for, unless it is one. */
export function readVariations() {
  const count = Number($("input[name=variations]:checked").value);
  return count > 1 ? { variations: count } : {};
}

function readSeed() {
  const { value, dataset } = $("#seed");
  if (value === "" || !$("#keep-seed").checked) return {};
  return { seed: Number(value), ...(dataset.scene && { scene_seed: Number(dataset.scene) }) };
}

/** Show the seeds of a picture; `scene` is the one of its motifs' places and of hand-drawn maps, if it is another. */
export function writeSeed(seed, scene = seed) {
  $("#seed").value = seed ?? "";
  if (scene === seed) delete $("#seed").dataset.scene;
  else $("#seed").dataset.scene = scene;
}

/** Show a request in the form. */
export function writeForm(body, offer) {
  $("#word").value = body.word;
  fitWord();
  for (const [name, [selector]] of Object.entries(FIELDS)) $(selector).value = body[name] ?? "";
  writeSeed(body.seed, body.scene_seed);
  $("#keep-seed").checked = "seed" in body;
  $("input[name=variations]").checked = true; // the picture itself, not others beside it
  if ($("#quality").selectedIndex < 0) $("#quality").selectedIndex = 0; // a link may name what is not offered
  const width = body.width ?? offer.default_size;
  const height = body.height ?? offer.default_size;
  offerSize(width, height, offer);
  $("#size").value = `${width}x${height}`;
  const style = $(`input[name=style][value="${CSS.escape(body.style)}"]`);
  if (style) style.checked = true;
}

/** Say in plain words what went wrong: beside the field at fault, else in the box under the button. */
export function showProblem(problem) {
  clearProblem();
  const [text, values] = [`error.${problem.code}`, { fallback: problem.detail }];
  const field = FAULTY[problem.field] && $(FAULTY[problem.field]);
  if (field?.checkVisibility()) {
    const fault = $(`#${field.id}-error`);
    say(fault, text, {}, values);
    fault.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.focus();
    return;
  }
  const box = $("#problem");
  const line = (name) => box.appendChild(Object.assign(document.createElement("p"), { className: name }));
  say(line(""), text, {}, values);
  if (problem.retryAfterS !== null && problem.retryAfterS !== undefined) {
    say(line("retry"), "retry", { seconds: number(problem.retryAfterS, 0) });
  }
  if (problem.detail) Object.assign(line("detail"), { textContent: problem.detail, lang: "en" });
  box.hidden = false;
}

export function clearProblem() {
  $("#problem").replaceChildren();
  $("#problem").hidden = true;
  for (const field of [$("#word"), $("#meaning")]) {
    field.removeAttribute("aria-invalid");
    $(`#${field.id}-error`).hidden = true;
  }
}

function offerStyles(offer, onStyle) {
  const seen = new IntersectionObserver((cards) => {
    for (const { target, isIntersecting } of cards) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      showSample(target);
    }
  });
  for (const name of Object.keys(offer.styles)) {
    const card = clone("style-card");
    const radio = $("input", card);
    radio.value = name;
    const text = styleText(name, offer);
    say($(".name", card), text.t, {}, { fallback: text.fallback });
    $("#styles").append(card);
    seen.observe(card);
  }
  $("#styles").addEventListener("change", ({ target }) => onStyle(target.value));
  const first = $("#styles input");
  first.checked = true;
  onStyle(first.value);
}

/** Show a style's sample; the service may still be making it. Fetched, since an <img> cannot send an API key. */
async function showSample(card) {
  const path = `/api/writing/styles/${encodeURIComponent($("input", card).value)}/sample`;
  for (let attempt = 0; attempt < SAMPLE_ATTEMPTS; attempt += 1) {
    try {
      return showBlob($("img", card), await (await request(path)).blob());
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.retryAfterS === null) return null; // the card stays blank
      await pause(problem.retryAfterS * 1000);
    }
  }
  return null;
}

function offerSize(width, height, offer) {
  const value = `${width}x${height}`;
  if ([...$("#size").options].some((option) => option.value === value)) return;
  const option = new Option("", value);
  const isDefault = width === offer.default_size && height === offer.default_size;
  say(option, isDefault ? "size.default" : "size.other", { width, height });
  $("#size").add(option);
}

function toSide(pixels) {
  return Math.min(MAX_SIDE, Math.max(MIN_SIDE, Math.round(pixels / SIDE) * SIDE));
}

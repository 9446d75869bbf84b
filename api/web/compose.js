// The form: style, number of pictures, seed and the advanced fields, to and from the API's request.

import { Problem, getBlob } from "./api.js";
import { $, clone, pause, showBlob, whenVisible } from "./dom.js";
import { figure, setText } from "./i18n.js";
import { writeText } from "./word.js";
import { readLanguage, writeLanguage } from "./word_language.js";

const SIDE_STEP = 64; // pixels
const MIN_SIDE = 256;
const SHAPES = [[1, 1], [1.5, 1], [1, 1.5], [1.5, 1.5], [2, 1], [1, 2], [2, 2]]; // width and height in default sizes
const SAMPLE_ATTEMPTS = 20;

// Fields that are sent unless they are empty.
const FIELDS = {
  num_inference_steps: ["#steps", Number],
  guidance_scale: ["#guidance", Number],
  negative_prompt: ["#negative", (text) => text.trim()],
  quality: ["#quality", String],
};

// The input of each field of the request. An error is shown beside it if it has a line for that, else in the box.
const INPUT_OF_FIELD = {
  word: "#word", translation: "#meaning", reading: "#meaning", seed: "#seed", num_inference_steps: "#steps",
  guidance_scale: "#guidance", negative_prompt: "#negative", name: "#deck-name",
};

// Errors whose text says everything, so that the API's detail would only repeat it.
const SELF_EXPLANATORY = new Set(["translation_required", "unclear_columns"]);

/** Return a style's name for `setText`: the translation, or else the service's label. */
export const styleText = (name, { styles }) => ({ t: `style.${name}`, fallback: styles[name]?.label || name });

/** Fill the form with what the service can do; call `onStyle` with the name of each chosen style. */
export function startCompose(capabilities, onStyle) {
  addStyles(capabilities, onStyle);
  const { default_size: side, limits } = capabilities;
  for (const shape of SHAPES) addSize(...shape.map((share) => toSide(share * side, limits.side)), side);
  $("#steps").max = limits.num_inference_steps;
  const four = $("input[name=variations][value='4']");
  four.disabled = limits.variations < Number(four.value);
  addQualities(capabilities);
  $("#seed").addEventListener("input", ({ target }) => {
    $("#keep-seed").checked = target.value !== "";
    delete target.dataset.scene; // it belongs to the seed before
  });
  $("#compose").addEventListener("input", ({ target }) => {
    if (target.ariaInvalid === "true") clearProblem();
  });
}

/** Return the form's part of a request, for a word or for a list of words. */
export function readForm() {
  const body = { style: $("input[name=style]:checked")?.value, ...readLanguage(), ...readSeed() };
  for (const [name, [selector, convert]] of Object.entries(FIELDS)) {
    const { value } = $(selector);
    if (value.trim() !== "") body[name] = convert(value);
  }
  const [width, height] = $("#size").value.split("x").map(Number);
  return $("#size").selectedIndex > 0 ? { ...body, width, height } : body;
}

/** Return the number of pictures as part of a request, if it is more than one. */
export function readVariations() {
  const count = Number($("input[name=variations]:checked").value);
  return count > 1 ? { variations: count } : {};
}

function readSeed() {
  const { value, dataset } = $("#seed");
  if (value === "" || !$("#keep-seed").checked) return {};
  return { seed: Number(value), ...(dataset.scene && { scene_seed: Number(dataset.scene) }) };
}

/** Show a picture's seed, and remember its scene seed if that differs. */
export function writeSeed(seed, sceneSeed = seed) {
  $("#seed").value = seed ?? "";
  if (sceneSeed === seed) delete $("#seed").dataset.scene;
  else $("#seed").dataset.scene = sceneSeed;
}

/** Show a request in the form. */
export function writeForm(body, capabilities) {
  writeLanguage(body);
  writeText(body.word);
  for (const [name, [selector]] of Object.entries(FIELDS)) $(selector).value = body[name] ?? "";
  if ($("#quality").selectedIndex < 0) $("#quality").selectedIndex = 0; // a link may name one that is not offered
  writeSeed(body.seed, body.scene_seed);
  $("#keep-seed").checked = "seed" in body;
  $(`input[name=variations][value="${body.variations === 4 ? 4 : 1}"]`).checked = true;
  writeSize(body, capabilities.default_size);
  const style = $(`input[name=style][value="${CSS.escape(body.style)}"]`);
  if (style) style.checked = true;
}

function writeSize({ width, height }, defaultSide) {
  const value = addSize(width ?? defaultSide, height ?? defaultSide, defaultSide);
  $("#size").value = value;
}

/** Show what went wrong: beside the input at fault, or else in the box above the button, with a remedy {key, act}. */
export function showProblem(problem, remedy = null) {
  clearProblem();
  const input = INPUT_OF_FIELD[problem.field] && $(INPUT_OF_FIELD[problem.field]);
  input?.closest("details")?.setAttribute("open", "");
  const isShown = input?.checkVisibility();
  if (isShown) input.setAttribute("aria-invalid", "true");
  const line = isShown && $(`#${input.id}-error`);
  if (line) showBeside(line, problem);
  else showInBox(problem, isShown ? input : null, remedy);
}

export function clearProblem() {
  $("#problem").replaceChildren();
  $("#problem").hidden = true;
  for (const input of document.querySelectorAll("#compose [aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const line of document.querySelectorAll("#compose .fault")) {
    line.replaceChildren(); // a hidden description is read all the same
    line.hidden = true;
  }
}

function showBeside(line, problem) {
  addMessage(line, "span", problem);
  line.hidden = false;
}

/** Show a problem in the box, and where one is at fault, the name of the number's input and its limits. */
function showInBox(problem, input, remedy) {
  const box = $("#problem");
  if (problem.code === "out_of_range" && input) {
    const [min, max] = [input.min, input.max].map((limit) => figure(Number(limit), 0));
    setText(addLine(box, "p"), "error.out_of_range.input", { name: { t: input.labels[0].dataset.t }, min, max });
  } else {
    addMessage(box, "p", problem);
  }
  if (problem.retryAfterS != null) setText(addLine(box, "p"), "retry", { seconds: figure(problem.retryAfterS, 0) });
  if (remedy) box.append(makeButton(remedy));
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" }); // on a phone the form may be out of view
}

function makeButton({ key, act }) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  setText(button, key);
  button.addEventListener("click", act);
  return button;
}

function addMessage(element, tag, { code, detail }) {
  setText(addLine(element, tag), `error.${code}`, {}, { fallback: detail });
  if (!detail || SELF_EXPLANATORY.has(code)) return;
  Object.assign(addLine(element, tag), { className: "detail", textContent: detail, lang: "en" });
}

const addLine = (element, tag) => element.appendChild(document.createElement(tag));

function addStyles(capabilities, onStyle) {
  const cards = Object.keys(capabilities.styles).map((name) => makeStyleCard(name, capabilities));
  $("#styles").append(...cards);
  whenVisible(cards, showSample);
  $("#styles").addEventListener("change", ({ target }) => onStyle(target.value));
  const first = $("#styles input");
  first.checked = true;
  onStyle(first.value);
}

function makeStyleCard(name, capabilities) {
  const card = clone("style-card");
  $("input", card).value = name;
  const { t: key, fallback } = styleText(name, capabilities);
  setText($(".name", card), key, {}, { fallback });
  return card;
}

/** Show a style's sample; retry while the service is still drawing it. Uses fetch, since an <img> sends no API key. */
async function showSample(card) {
  const path = `/api/writing/styles/${encodeURIComponent($("input", card).value)}/sample`;
  for (let attempt = 0; attempt < SAMPLE_ATTEMPTS; attempt += 1) {
    try {
      return showBlob($("img", card), await getBlob(path));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.retryAfterS === null) return null; // the card stays blank
      await pause(problem.retryAfterS * 1000);
    }
  }
  return null;
}

function addQualities({ qualities }) {
  for (const quality of qualities) {
    const option = new Option("", quality === "exact" ? "" : quality); // the default is not sent
    setText(option, `quality.${quality}`);
    $("#quality").add(option);
  }
}

/** Add a size to the menu unless it is there already; return its value. */
function addSize(width, height, defaultSide) {
  const value = `${width}x${height}`;
  if ([...$("#size").options].some((option) => option.value === value)) return value;
  const option = new Option("", value);
  const isDefault = width === defaultSide && height === defaultSide;
  setText(option, isDefault ? "size.default" : "size.other", { width, height });
  $("#size").add(option);
  return value;
}

function toSide(pixels, most) {
  return Math.min(most, Math.max(MIN_SIDE, Math.round(pixels / SIDE_STEP) * SIDE_STEP));
}

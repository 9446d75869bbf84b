// Steering: each control's map, switch, method and weight, and the legibility of the picture.

import { $, CONTROLS, clone, showBlob } from "./dom.js";
import { setNumber, setText } from "./i18n.js";
import { showWord } from "./script.js";

const TARGET = 0.9;
const SWITCHED_ON_WEIGHT = 0.5; // of a control that the style leaves out

let offeredMethods = {};
let maxAttempts = 1; // at a legibility target
let styleWeights = {}; // of the chosen style; it may leave controls out
let shown = null; // the entry whose maps are shown

const card = (control) => $(`#control-${control}`);
const slider = (control) => $("input[type=range]", card(control));
const checkbox = (control) => $("input[type=checkbox]", card(control));
const menu = (control) => $("select", card(control));
const weightOf = (control) => Number(slider(control).value);

/** Return a style's weight as the slider shows it, which has coarser steps. */
function defaultWeight(control) {
  const shownAlike = slider(control).cloneNode();
  shownAlike.value = styleWeights[control] ?? 0;
  return Number(shownAlike.value);
}

export function startSteering(capabilities) {
  offeredMethods = capabilities.methods;
  maxAttempts = capabilities.limits.max_attempts;
  $("#controls").append(...CONTROLS.map(makeCard));
  $("#reset-weights").addEventListener("click", () => {
    showWeights(styleWeights);
    slider(CONTROLS[0]).focus(); // the button that had the focus is hidden now
  });
}

/** Show the weights of a style. A request need not name them. */
export function useStyle(weights) {
  styleWeights = weights;
  showWeights(weights);
}

/** Return the steering's part of a request: what differs from the defaults. */
export function readSteering() {
  const body = {};
  const weights = readWeights();
  const methods = readMethods();
  if (weights.length) body.controlnet_weights = Object.fromEntries(weights);
  if (methods.length) body.conditioning_methods = Object.fromEntries(methods);
  if ($("#target").checked) body.legibility = { target: TARGET, max_attempts: maxAttempts };
  return body;
}

function readWeights() {
  const changed = CONTROLS.filter((control) => weightOf(control) !== defaultWeight(control));
  return changed.map((control) => [control, weightOf(control)]);
}

function readMethods() {
  const hasAll = $("#all-maps").checked;
  const named = CONTROLS.filter((control) => hasAll || menu(control).selectedIndex > 0);
  return named.map((control) => {
    const first = menu(control).value; // the one that steers
    return [control, hasAll ? [first, ...offeredMethods[control].filter((name) => name !== first)] : [first]];
  });
}

/** Show the steering of a request, after `useStyle` with the request's style. */
export function writeSteering(body) {
  showWeights({ ...styleWeights, ...body.controlnet_weights });
  $("#target").checked = Boolean(body.legibility);
  $("#all-maps").checked = Object.values(body.conditioning_methods ?? {}).some((methods) => methods.length > 1);
  for (const control of CONTROLS) {
    menu(control).value = body.conditioning_methods?.[control]?.[0] ?? offeredMethods[control][0];
    if (menu(control).selectedIndex < 0) menu(control).selectedIndex = 0; // the request's method is not offered
    showMap(control);
  }
}

/** Show the maps and the legibility of an entry. */
export function showSteering(entry) {
  shown = entry;
  CONTROLS.forEach(showMap);
  showScore(entry.metadata.legibility);
}

function makeCard(control) {
  const root = clone("control-card");
  root.id = `control-${control}`;
  const name = { t: `control.${control}` };
  setText(root, name.t, {}, { place: "tLabel" });
  setText($(".control-name", root), name.t);
  setText($(".later", root), "method.later");
  startSwitch($("input[type=checkbox]", root), control);
  startMenu($("select", root), control, name);
  startSlider($("input[type=range]", root), control, name);
  return root;
}

function startSwitch(element, control) {
  element.addEventListener("change", () => {
    slider(control).value = element.checked ? defaultWeight(control) || SWITCHED_ON_WEIGHT : 0;
    showWeight(control);
  });
}

function startMenu(element, control, name) {
  setText(element, "method.of", { control: name }, { place: "tLabel" });
  for (const method of offeredMethods[control]) {
    const option = new Option("", method);
    setText(option, `method.${method}`, {}, { fallback: method });
    element.add(option);
  }
  element.addEventListener("change", () => showMap(control));
}

function startSlider(element, control, name) {
  setText(element, "weight.of", { control: name }, { place: "tLabel" });
  element.addEventListener("input", () => showWeight(control));
}

/** Show the chosen method's map if the entry has it, or else the map that steered, marked as such. */
function showMap(control) {
  if (!shown) return;
  const maps = shown.maps[control] ?? {};
  const chosen = menu(control).value;
  const method = chosen in maps ? chosen : Object.keys(maps)[0];
  const image = $("img", card(control));
  showBlob(image, maps[method]);
  const names = { control: { t: `control.${control}` }, method: { t: `method.${method}`, fallback: method } };
  setText(image, "control.alt", names, { place: "tAlt" });
  const isLater = method !== undefined && method !== chosen;
  card(control).classList.toggle("old", isLater);
  $(".later", card(control)).hidden = !isLater;
}

function showWeights(weights) {
  for (const control of CONTROLS) {
    slider(control).value = weights[control] ?? 0;
    showWeight(control);
  }
}

function showWeight(control) {
  const range = slider(control);
  range.style.setProperty("--filled", `${(100 * range.value) / range.max}%`);
  setNumber($("output", card(control)), weightOf(control));
  checkbox(control).checked = weightOf(control) > 0;
  card(control).classList.toggle("off", weightOf(control) === 0);
  $("#reset-weights").hidden = CONTROLS.every((name) => weightOf(name) === defaultWeight(name));
}

function showScore(legibility) {
  const score = legibility?.score ?? null;
  setNumber($("#score"), score);
  $("#score-bar").setAttribute("aria-hidden", String(score === null));
  $("#score-bar").setAttribute("aria-valuenow", String(score ?? 0));
  $("#score-bar").style.setProperty("--filled", `${100 * (score ?? 0)}%`);
  setText($("#read"), score === null ? "legibility.unknown" : "legibility.read");
  showWord($("#read-word"), score === null ? "" : legibility.read || "–", shown.metadata.language);
}

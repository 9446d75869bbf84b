// The four controls, each with its map, its method and its weight, and the legibility that they led to.

import { $, CONTROLS, clone, showBlob } from "./dom.js";
import { number, say } from "./i18n.js";
import { write } from "./script.js";

const TARGET = 0.9;

let methodsOffered = {};
let styleWeights = {}; // those of the chosen style; a control left out has none
let shown = null; // the entry whose maps are shown

const SWITCHED_ON = 0.5; // the weight of a map that its style leaves out

const card = (control) => $(`#control-${control}`);
const slider = (control) => $("input[type=range]", card(control));
const use = (control) => $("input[type=checkbox]", card(control));
const menu = (control) => $("select", card(control));
const weightOf = (control) => Number(slider(control).value);
const defaultWeight = (control) => styleWeights[control] ?? 0;

export function startSteering(offer) {
  methodsOffered = offer.methods;
  $("#controls").append(...CONTROLS.map(makeCard));
  $("#reset-weights").addEventListener("click", () => {
    showWeights(styleWeights);
    slider(CONTROLS[0]).focus(); // the button is gone now
  });
}

/** Take the weights of a style; they are the ones that a request need not name. */
export function useStyle(weights) {
  styleWeights = weights;
  showWeights(weights);
}

/** Return the controls' part of a request: what differs from the defaults. */
export function readSteering() {
  const body = {};
  const weights = CONTROLS.filter((control) => weightOf(control) !== defaultWeight(control));
  if (weights.length) body.controlnet_weights = Object.fromEntries(weights.map((name) => [name, weightOf(name)]));
  const isFull = $("#all-maps").checked;
  const methods = CONTROLS.filter((control) => isFull || menu(control).selectedIndex > 0).map((control) => {
    const first = menu(control).value;
    return [control, isFull ? [first, ...methodsOffered[control].filter((name) => name !== first)] : [first]];
  });
  if (methods.length) body.conditioning_methods = Object.fromEntries(methods);
  if ($("#target").checked) body.legibility = { target: TARGET };
  return body;
}

/** Show a request's controls; its style's weights are in use already. */
export function writeSteering(body) {
  showWeights({ ...styleWeights, ...body.controlnet_weights });
  $("#target").checked = Boolean(body.legibility);
  $("#all-maps").checked = Object.values(body.conditioning_methods ?? {}).some((methods) => methods.length > 1);
  for (const control of CONTROLS) {
    menu(control).value = body.conditioning_methods?.[control]?.[0] ?? methodsOffered[control][0];
    if (menu(control).selectedIndex < 0) menu(control).selectedIndex = 0; // it is no longer offered, or a link names none
    showMap(control);
  }
}

/** Show the maps and the legibility of a picture. */
export function showSteering(entry) {
  shown = entry;
  CONTROLS.forEach(showMap);
  showScore(entry.metadata.legibility);
}

function makeCard(control) {
  const root = clone("control-card");
  root.id = `control-${control}`;
  const name = { t: `control.${control}` };
  say(root, name.t, {}, { place: "tLabel" });
  say($(".control-name", root), name.t);
  $("input[type=checkbox]", root).addEventListener("change", ({ target }) => {
    slider(control).value = target.checked ? defaultWeight(control) || SWITCHED_ON : 0;
    showWeight(control);
  });
  const methods = $("select", root);
  say(methods, "method.of", { control: name }, { place: "tLabel" });
  for (const method of methodsOffered[control]) {
    const option = new Option("", method);
    say(option, `method.${method}`, {}, { fallback: method });
    methods.add(option);
  }
  methods.addEventListener("change", () => showMap(control));
  say($(".later", root), "method.later");
  const weight = $("input[type=range]", root);
  say(weight, "weight.of", { control: name }, { place: "tLabel" });
  weight.addEventListener("input", () => showWeight(control));
  return root;
}

/** Show the map of the chosen method, if the picture came with it; else the one that steered, and say so. */
function showMap(control) {
  if (!shown) return;
  const maps = shown.maps[control] ?? {};
  const chosen = menu(control).value;
  const method = chosen in maps ? chosen : Object.keys(maps)[0];
  const image = $("img", card(control));
  showBlob(image, maps[method]);
  say(image, "control.alt", { control: { t: `control.${control}` }, method: { t: `method.${method}`, fallback: method } }, { place: "tAlt" });
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
  $("output", card(control)).textContent = number(weightOf(control));
  use(control).checked = weightOf(control) > 0;
  card(control).classList.toggle("off", weightOf(control) === 0);
  $("#reset-weights").hidden = CONTROLS.every((name) => weightOf(name) === defaultWeight(name));
}

function showScore(legibility) {
  const score = legibility?.score ?? null;
  $("#score").textContent = score === null ? "–" : number(score);
  $("#score-bar").setAttribute("aria-valuenow", String(score ?? 0));
  $("#score-bar").style.setProperty("--filled", `${100 * (score ?? 0)}%`);
  say($("#read"), score === null ? "legibility.unknown" : "legibility.read");
  write($("#read-word"), score === null ? "" : legibility.read || "–");
}

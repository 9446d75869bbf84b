// The motifs that depict the meaning, as small drawings to switch on and off, and the search for others.

import { getJson, request } from "./api.js";
import { $, clone, debounce, showBlob } from "./dom.js";
import { say } from "./i18n.js";
import { word } from "./word.js";

const MOST = 3; // motifs in one picture
const FOUND = 8; // that the search shows
const TYPING_MS = 300;

let suggested = []; // names of the motifs that the service would take
let chosen = null; // names of those that the reader took; null: the suggested ones
let extra = []; // names that the reader added

const taken = () => chosen ?? suggested;
const isSuggested = (names) => names.length === suggested.length && suggested.every((name) => names.includes(name));

export function startImagery(offer) {
  $("#draw-imagery").checked = offer.draw_imagery;
  $("#draw-imagery").dataset.usual = String(offer.draw_imagery);
  const query = $("#motif-query");
  query.addEventListener("input", debounce(search, TYPING_MS));
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the word
  });
}

/** Return the imagery's part of a request: what differs from the defaults. */
export function readImagery() {
  const imagery = chosen === null ? {} : { imagery: chosen.length ? chosen : "none" };
  return { ...imagery, ...readDrawImagery() };
}

/** Return whether the maps hold the motifs, unless that is the model's default. */
export function readDrawImagery() {
  const { checked, dataset } = $("#draw-imagery");
  return String(checked) === dataset.usual ? {} : { draw_imagery: checked };
}

/** Show a request's imagery. */
export function writeImagery({ imagery = "auto", draw_imagery: isDrawn }) {
  chosen = { auto: null, none: [] }[imagery] ?? (imagery === "auto" ? null : imagery);
  extra = Array.isArray(imagery) ? imagery : [];
  $("#draw-imagery").checked = isDrawn ?? $("#draw-imagery").dataset.usual === "true";
  show();
}

/** Offer the motifs of a meaning. */
export function suggestMotifs(names) {
  suggested = names;
  show();
}

/** Drop the reader's choice: it was of another word or meaning. */
export function forgetMotifs() {
  chosen = null;
  extra = [];
}

function show() {
  const names = [...new Set([...suggested, ...extra])];
  const focused = document.activeElement?.dataset.motif;
  replace($("#motifs"), names.map((name) => makeMotif(name, () => toggle(name))));
  for (const button of $("#motifs").children) button.setAttribute("aria-pressed", String(taken().includes(button.dataset.motif)));
  if (focused) $(`#motifs [data-motif="${CSS.escape(focused)}"]`)?.focus();
  note(names.length || !word() ? null : "imagery.none");
}

function toggle(name) {
  const isOn = taken().includes(name);
  if (!isOn && taken().length >= MOST) return note("imagery.most", { most: MOST });
  const names = isOn ? taken().filter((other) => other !== name) : [...taken(), name];
  chosen = isSuggested(names) ? null : names;
  return show();
}

function add(name) {
  if (!suggested.includes(name) && !extra.includes(name)) extra = [...extra, name];
  if (taken().includes(name)) return show();
  if (taken().length < MOST) return toggle(name);
  show();
  return note("imagery.most", { most: MOST });
}

async function search() {
  const query = $("#motif-query").value.trim();
  const found = query ? await look(query) : [];
  if ($("#motif-query").value.trim() !== query) return;
  replace($("#motifs-found"), found.map(({ name }) => makeMotif(name, () => add(name))));
  if (query) say($("#announce"), found.length ? "imagery.found.count" : "imagery.found.none", { count: found.length, query });
  if (query && !found.length) note("imagery.found.none", { query });
  else if (suggested.length || extra.length) note(null);
}

async function look(query) {
  try {
    return (await getJson(`/api/writing/imagery?${new URLSearchParams({ query, limit: FOUND })}`)).motifs;
  } catch {
    return []; // the word can be drawn without
  }
}

function makeMotif(name, onClick) {
  const button = clone("motif");
  button.dataset.motif = name;
  $("span", button).textContent = name.replaceAll("-", " ");
  button.addEventListener("click", onClick);
  draw($("img", button), name);
  return button;
}

/** Show a motif's drawing. Fetched, since an <img> cannot send an API key. */
async function draw(image, name) {
  try {
    showBlob(image, await (await request(`/api/writing/imagery/${encodeURIComponent(name)}.svg`)).blob());
  } catch { /* its name stands there */ }
}

function replace(group, buttons) {
  group.querySelectorAll("img").forEach((image) => showBlob(image, null));
  group.replaceChildren(...buttons);
  group.hidden = buttons.length === 0;
}

function note(key, values = {}) {
  $("#motifs-note").hidden = key === null;
  if (key !== null) say($("#motifs-note"), key, values);
}

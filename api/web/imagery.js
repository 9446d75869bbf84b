// Imagery: the motifs that depict the meaning, as buttons that switch them on and off, and a search for other motifs.

import { getBlob, getJson, request } from "./api.js";
import { $, clone, debounce, showBlob } from "./dom.js";
import { setText } from "./i18n.js";

const MAX_MOTIFS = 3; // in one picture
const MAX_FOUND = 8;
const TYPING_MS = 300;

let suggested = []; // names of the motifs that the service chooses for the meaning
let chosen = null; // names of the motifs that the reader chose; null while the suggested ones are on
let note = null; // the key of what is said where there are no motifs
let added = []; // names of the motifs that the reader added from the search

const switchedOn = () => chosen ?? suggested;
const isSuggested = (names) => names.length === suggested.length && suggested.every((name) => names.includes(name));

export function startImagery(capabilities) {
  $("#draw-imagery").checked = capabilities.draw_imagery;
  $("#draw-imagery").dataset.usual = String(capabilities.draw_imagery);
  const query = $("#motif-query");
  query.addEventListener("input", debounce(search, TYPING_MS));
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would submit the form
  });
}

/** Return the imagery's part of a request: what differs from the defaults. */
export function readImagery() {
  const imagery = chosen === null ? {} : { imagery: chosen.length ? chosen : "none" };
  return { ...imagery, ...readDrawImagery() };
}

/** Return `draw_imagery` as part of a request, unless it is the model's default. */
export function readDrawImagery() {
  const { checked, dataset } = $("#draw-imagery");
  return String(checked) === dataset.usual ? {} : { draw_imagery: checked };
}

/** Show the imagery of a request. */
export function writeImagery({ imagery = "auto", draw_imagery: isDrawn }) {
  const names = Array.isArray(imagery) ? imagery : [];
  chosen = imagery === "auto" ? null : names;
  added = names;
  $("#draw-imagery").checked = isDrawn ?? $("#draw-imagery").dataset.usual === "true";
  show();
}

/** Return those of the names that a motif has. */
export async function knownMotifs(names) {
  const found = await Promise.all(names.map((name) => request(svgUrl(name)).then(() => true, ({ status }) => status !== 404)));
  return names.filter((_, index) => found[index]);
}

/** Offer the motifs of a meaning; say `noteKey` if there are none. */
export function suggestMotifs(names, noteKey) {
  suggested = names;
  note = noteKey;
  show();
}

/** Drop the reader's choice, which was made for another word or meaning. */
export function forgetMotifs() {
  chosen = null;
  added = [];
}

function show() {
  const names = [...new Set([...suggested, ...added])];
  const focused = document.activeElement?.dataset.motif;
  replace($("#motifs"), names.map((name) => makeMotif(name, () => toggle(name))));
  for (const button of $("#motifs").children) button.setAttribute("aria-pressed", String(switchedOn().includes(button.dataset.motif)));
  if (focused) $(`#motifs [data-motif="${CSS.escape(focused)}"]`)?.focus();
  showUsualNote();
}

function showUsualNote() {
  showNote(suggested.length || added.length ? null : note);
}

function toggle(name) {
  const isOn = switchedOn().includes(name);
  if (!isOn && switchedOn().length >= MAX_MOTIFS) return showLimit();
  const names = isOn ? switchedOn().filter((other) => other !== name) : [...switchedOn(), name];
  chosen = isSuggested(names) ? null : names;
  return show();
}

function add(name) {
  if (!suggested.includes(name) && !added.includes(name)) added = [...added, name];
  if (switchedOn().includes(name)) return show();
  if (switchedOn().length < MAX_MOTIFS) return toggle(name);
  show();
  return showLimit();
}

async function search() {
  const query = $("#motif-query").value.trim();
  const found = query ? await find(query) : [];
  if ($("#motif-query").value.trim() !== query) return;
  replace($("#motifs-found"), found.map(({ name }) => makeMotif(name, () => add(name))));
  if (query) setText($("#announce"), found.length ? "imagery.found.count" : "imagery.found.none", { count: found.length, query });
  if (query && !found.length) showNote("imagery.found.none", { query });
  else showUsualNote();
}

async function find(query) {
  try {
    return (await getJson(`/api/writing/imagery?${new URLSearchParams({ query, limit: MAX_FOUND })}`)).motifs;
  } catch {
    return []; // the word can be drawn without motifs
  }
}

function makeMotif(name, onClick) {
  const button = clone("motif");
  button.dataset.motif = name;
  $("span", button).textContent = name.replaceAll("-", " ");
  button.addEventListener("click", onClick);
  showMotif($("img", button), name);
  return button;
}

/** Show a motif's SVG. Uses fetch, since an <img> sends no API key. */
async function showMotif(image, name) {
  try {
    showBlob(image, await getBlob(svgUrl(name)));
  } catch { /* the button still shows the name */ }
}

const svgUrl = (name) => `/api/writing/imagery/${encodeURIComponent(name)}.svg`;

function replace(group, buttons) {
  group.querySelectorAll("img").forEach((image) => showBlob(image, null));
  group.replaceChildren(...buttons);
  group.hidden = buttons.length === 0;
}

function showLimit() {
  showNote("imagery.most", { most: MAX_MOTIFS });
  setText($("#announce"), "imagery.most", { most: MAX_MOTIFS });
}

function showNote(key, values = {}) {
  $("#motifs-note").hidden = key === null;
  if (key !== null) setText($("#motifs-note"), key, values);
}

// The word's readings and senses, from the service's lexicon, as choices under the meaning.

import { getJson } from "./api.js";
import { clearProblem, showProblem } from "./compose.js";
import { $, debounce } from "./dom.js";
import { forgetMotifs, suggestMotifs } from "./imagery.js";
import { say } from "./i18n.js";
import { word } from "./word.js";

const TYPING_MS = 300;

let senses = []; // of the word in the field: {reading, gloss, imagery}
let chosen = null; // the one whose gloss is the meaning

const meaning = () => $("#meaning");

export function startMeaning() {
  const look = debounce(lookUp, TYPING_MS);
  $("#word").addEventListener("input", (event) => {
    if (chosen && meaning().value === chosen.gloss) meaning().value = ""; // it was the meaning of another word
    forgetMotifs();
    clearProblem();
    if (!event.isComposing) look();
  });
  $("#word").addEventListener("compositionend", look);
  meaning().addEventListener("input", () => {
    forgetMotifs();
    choose(null);
    look();
  });
  if (word()) lookUp(); // typed while the page was loading, or brought back by the browser
}

/** Return the meaning's part of a request. */
export function readMeaning() {
  const translation = meaning().value.trim();
  if (!translation) return {};
  return chosen ? { translation, reading: chosen.reading } : { translation };
}

/** Show a request's meaning. */
export function writeMeaning(body) {
  meaning().value = body.translation ?? "";
  chosen = body.reading ? { gloss: meaning().value, reading: body.reading } : null;
  return lookUp();
}

/** Look the word up, and show what it can mean and what depicts that. */
export async function lookUp() {
  const [asked, translation] = [word(), meaning().value.trim()];
  const isSame = () => word() === asked && meaning().value.trim() === translation;
  if (!asked) return show({ senses: [], imagery: [] });
  try {
    const query = new URLSearchParams({ word: asked, ...readMeaning() });
    const found = await getJson(`/api/writing/meanings?${query}`);
    if (isSame()) show(found);
  } catch (problem) {
    if (!isSame()) return null;
    show({ senses: [], imagery: [] });
    if (problem.field === "word") showProblem(problem); // else it is told when it matters: when the word is sent
  }
  return null;
}

function show(found) {
  senses = found.senses.filter((sense) => sense.is_pictured);
  const readings = [...new Set(senses.map((sense) => sense.reading))];
  $("#senses").replaceChildren(...readings.map(makeReading));
  $("#senses").hidden = senses.length === 0;
  if (senses.length) say(meaning(), "meaning.lookup", { meaning: senses[0].gloss }, { place: "tPlaceholder" });
  else {
    delete meaning().dataset.tPlaceholder;
    meaning().placeholder = "";
  }
  choose(senses.find(isChosen) ?? senses.find((sense) => sense.gloss === meaning().value.trim()) ?? chosen);
  suggestMotifs(found.imagery);
}

function makeReading(reading) {
  const make = (tag, about) => Object.assign(document.createElement(tag), about);
  const row = make("div", { className: "sense", role: "group", ariaLabel: reading });
  const chips = make("div", { className: "chips" });
  chips.append(...senses.filter((sense) => sense.reading === reading).map(makeChip));
  row.append(make("span", { className: "reading", lang: "zh-Latn", textContent: reading }), chips);
  return row;
}

function makeChip(sense) {
  const chip = Object.assign(document.createElement("button"), {
    type: "button", className: "chip", lang: "en", textContent: sense.gloss,
  });
  chip.addEventListener("click", () => {
    forgetMotifs();
    meaning().value = isChosen(sense) ? "" : sense.gloss;
    choose(isChosen(sense) ? null : sense);
    lookUp();
  });
  return Object.assign(chip, { sense });
}

const isChosen = ({ gloss, reading }) => chosen !== null && chosen.gloss === gloss && chosen.reading === reading;

/** Take a sense, or none: then the meaning is the reader's own, or looked up. */
function choose(sense) {
  chosen = meaning().value.trim() === sense?.gloss ? sense : null;
  for (const chip of $("#senses").querySelectorAll(".chip")) chip.setAttribute("aria-pressed", String(isChosen(chip.sense)));
}

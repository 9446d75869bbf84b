// The meaning: the word's readings and senses in the service's lexicon, as buttons under the field.

import { getJson } from "./api.js";
import { clearProblem, showProblem } from "./compose.js";
import { $, debounce } from "./dom.js";
import { forgetMotifs, suggestMotifs } from "./imagery.js";
import { setText } from "./i18n.js";
import { markLanguage, word } from "./word.js";
import { chooseLanguage, readLanguage } from "./word_language.js";

const TYPING_MS = 300;
const NOTHING = { senses: [], languages: [], imagery: [] };

let senses = []; // of the word: {reading, gloss, imagery}
let chosen = null; // the sense whose gloss is in the field; a link may give the reading alone
let drawnWord = null; // the word that was drawn with the meaning in the field

const meaning = () => $("#meaning");

export function startMeaning() {
  const lookUpSoon = debounce(lookUp, TYPING_MS);
  $("#word").addEventListener("beforeinput", ({ target }) => {
    if (target.value && target.selectionEnd - target.selectionStart === target.value.length) forgetMeaning();
  });
  $("#word").addEventListener("input", (event) => {
    if (isOfAnotherWord()) forgetMeaning();
    forgetMotifs();
    clearProblem();
    if (!event.isComposing) lookUpSoon();
  });
  $("#word").addEventListener("compositionend", lookUpSoon);
  meaning().addEventListener("input", () => {
    clearProblem();
    forgetMotifs();
    drawnWord = null;
    choose(null);
    lookUpSoon();
  });
  if (word()) lookUp(); // typed while the page was loading, or restored by the browser
}

/** Whether the meaning belongs to the word before. A meaning that is typed outlives edits until its word is drawn. */
function isOfAnotherWord() {
  const isSense = chosen !== null && meaning().value === chosen.gloss;
  return isSense || !$("#word").value.trim() || (drawnWord !== null && drawnWord !== word());
}

function forgetMeaning() {
  meaning().value = "";
  [chosen, drawnWord] = [null, null];
}

/** Note that a word is drawn with the meaning in the field, so that the next word does not inherit it. */
export function noteDrawn(drawn) {
  drawnWord = drawn;
}

/** Return the meaning's part of a request. */
export function readMeaning() {
  const translation = meaning().value.trim();
  return { ...(translation && { translation }), ...(chosen?.reading && { reading: chosen.reading }) };
}

/** Show the meaning of a request. */
export function writeMeaning(body) {
  meaning().value = body.translation ?? "";
  chosen = body.reading ? { gloss: meaning().value, reading: body.reading } : null;
  noteDrawn(body.word);
  return lookUp();
}

/** Look the word up; show its senses and the motifs of its meaning. */
async function lookUp() {
  const [asked, translation, { language }] = [word(), meaning().value.trim(), readLanguage()];
  const isCurrent = () => word() === asked && meaning().value.trim() === translation && readLanguage().language === language;
  if (!asked) return show(NOTHING, null);
  try {
    const query = new URLSearchParams({ word: asked, ...readLanguage(), ...readMeaning() });
    const found = await getJson(`/api/writing/meanings?${query}`);
    if (isCurrent()) show(found, noteOf(found, translation));
  } catch (problem) {
    if (!isCurrent()) return null;
    show(NOTHING, null);
    if (problem.field === "word") showProblem(problem); // other problems are shown when the word is sent
  }
  return null;
}

/** Return the key of the note for a word without motifs. */
function noteOf({ senses: known, languages }, translation) {
  if (translation || known.length) return "imagery.none";
  return languages.length ? "imagery.which_language" : "imagery.no_meaning";
}

function show(found, noteKey) {
  if (found.language) markLanguage(found.language);
  senses = found.senses.filter((sense) => sense.is_pictured);
  const readings = [...new Set(senses.map((sense) => sense.reading))];
  const focused = document.activeElement?.sense;
  $("#senses").replaceChildren(...readings.map((reading) => makeReading(reading, found.language)));
  $("#languages").replaceChildren(...found.languages.map(makeLanguage));
  if (focused) findChip(focused)?.focus();
  $("#senses").hidden = senses.length === 0;
  $("#languages").hidden = found.languages.length === 0;
  showPlaceholder();
  choose(senses.find(isChosen) ?? senses.find((sense) => sense.gloss === meaning().value.trim()) ?? chosen);
  suggestMotifs(found.imagery, noteKey);
}

/** Show the sense that is drawn unless the reader gives a meaning as the field's placeholder. */
function showPlaceholder() {
  const first = senses.find(({ reading }) => reading === chosen?.reading) ?? senses[0];
  if (first) return setText(meaning(), "meaning.lookup", { meaning: first.gloss }, { place: "tPlaceholder" });
  delete meaning().dataset.tPlaceholder;
  meaning().placeholder = "";
  return undefined;
}

function makeReading(reading, language) {
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const row = make("div", { className: "sense", role: "group", ariaLabel: reading });
  const chips = make("div", { className: "chips" });
  chips.append(...senses.filter((sense) => sense.reading === reading).map(makeChip));
  if (reading) row.append(make("span", { className: "reading", lang: language === "ja" ? "ja" : "zh-Latn", textContent: reading }));
  row.append(chips);
  return row;
}

/** Make the chip of a language that the word may be of, which chooses the language. */
function makeLanguage({ language, gloss }) {
  const chip = Object.assign(document.createElement("button"), { type: "button", className: "chip" });
  setText(chip, "meaning.in_language", { name: { language }, gloss }, { fallback: "{name}: {gloss}" });
  chip.addEventListener("click", () => chooseLanguage(language));
  return chip;
}

function makeChip(sense) {
  const chip = Object.assign(document.createElement("button"), {
    type: "button", className: "chip", lang: "en", textContent: sense.gloss,
  });
  chip.addEventListener("click", () => {
    clearProblem();
    forgetMotifs();
    meaning().value = isChosen(sense) ? "" : sense.gloss;
    choose(isChosen(sense) ? null : sense);
    lookUp();
  });
  return Object.assign(chip, { sense });
}

const findChip = ({ gloss, reading }) =>
  [...$("#senses").querySelectorAll(".chip")].find(({ sense }) => sense.gloss === gloss && sense.reading === reading);

const isChosen = ({ gloss, reading }) => chosen !== null && chosen.gloss === gloss && chosen.reading === reading;

/** Choose a sense, if its gloss is in the field; null leaves the meaning to the reader or to the lexicon. */
function choose(sense) {
  chosen = meaning().value.trim() === sense?.gloss ? sense : null;
  for (const chip of $("#senses").querySelectorAll(".chip")) chip.setAttribute("aria-pressed", String(isChosen(chip.sense)));
}

// The word's field. It holds a word, or a list of words, one a line, which becomes a deck.

import { $ } from "./dom.js";
import { t } from "./i18n.js";
import { headingOf } from "./list_heading.js";
import { holdFile, listFile, startListFile } from "./list_file.js";
import { languageOf } from "./script.js";
import { readLanguage, startWordLanguage } from "./word_language.js";

const MAX_ROWS = 10;

let hasBegunList = false; // the reader asked for a list, which has no second word yet

const field = () => $("#word");

/** Return the lines that are not blank. */
export const lines = () => field().value.split("\n").map((line) => line.trim()).filter(Boolean);

/** Whether the text can only be a list: it has several lines, or tabs, which separate the cells of a table's row. */
const holdsList = () => lines().length > 1 || lines().some((line) => line.includes("\t"));

export const isList = () => listFile() !== null || holdsList() || (hasBegunList && field().value.includes("\n"));

/** Return the word, or "" if the field is empty or holds a list. */
export const word = () => (isList() ? "" : field().value.trim());

/** Return the list to send: the file, or the text; null if there is neither. */
export const listToSend = () => listFile() ?? (lines().length ? field().value : null);

/** Ask the reader before a list other than `known` is overwritten. */
export const mayReplaceList = (known = null) =>
  (listFile() === null && !holdsList()) || field().value === known || window.confirm(t("list.replace.sure"));

/** Put a list into the field and go there. */
export function writeList(text) {
  write(text.includes("\n") ? text : `${text}\n`);
}

/** Put a heading before the list in the field and select it, so that the reader can change it. */
export function nameColumns() {
  const heading = headingOf(lines());
  writeList(`${heading}\n${field().value}`);
  field().setSelectionRange(0, heading.length);
}

function write(text) {
  writeText(text);
  field().focus();
  announceInput();
}

/** Show a word or a list in the field. */
export function writeText(text) {
  holdFile(null);
  hasBegunList = text.includes("\n");
  field().value = text;
  fitWord();
}

/** Tell all who listen to the field that it holds something else. */
const announceInput = () => field().dispatchEvent(new InputEvent("input"));

/** Make Enter submit a word but begin a new line in a list; call `onChange` after each change. */
export function startWord(onChange) {
  const change = () => {
    fitWord();
    onChange();
  };
  field().addEventListener("keydown", submitOnEnter);
  field().addEventListener("input", change);
  $("#begin-list").addEventListener("click", () => writeList(`${field().value.trim()}\n`));
  $("#end-list").addEventListener("click", () => write(field().value.trim()));
  startListFile(announceInput);
  startWordLanguage(announceInput);
  fitWord(); // the word may have been typed while the page was loading
}

function submitOnEnter(event) {
  const isComposing = event.isComposing || event.keyCode === 229; // in Safari, the Enter that ends a composition
  if (event.key !== "Enter" || isComposing) return;
  if (event.shiftKey) {
    hasBegunList = true;
    return;
  }
  if ((isList() || field().value.includes("\n")) && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  $("#compose").requestSubmit();
}

/** Fit the field and the form to the word or list in it. */
function fitWord() {
  hasBegunList &&= field().value.includes("\n");
  $("#compose").classList.toggle("list", isList());
  $("#compose").classList.toggle("from-file", listFile() !== null);
  $("#end-list").hidden = listFile() !== null || holdsList();
  field().setAttribute("aria-describedby", `word-error ${isList() ? "list-hint" : "word-hint"}`);
  field().rows = Math.min(MAX_ROWS, field().value.split("\n").length);
  markLanguage(readLanguage().language);
  fitText(field(), word());
}

/** Mark the field with the language of the word, which the script, the reader or the dictionary tells. */
export function markLanguage(known) {
  field().lang = field().value.trim() ? languageOf(field().value, known) : "zh-Hans"; // the placeholder is Chinese
}

/** Tell the style sheet how many characters a text has; it sets their size. */
export function fitText(element, text) {
  element.style.setProperty("--count", String(Math.max(1, [...text].length)));
}

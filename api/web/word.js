// The word's field. One line is a word; several lines are a list, which becomes a deck.

import { $ } from "./dom.js";
import { languageOf } from "./script.js";

const MAX_ROWS = 10;

const field = () => $("#word");

/** Return the lines that are not blank. */
export const lines = () => field().value.split("\n").map((line) => line.trim()).filter(Boolean);

export const isList = () => lines().length > 1;

/** Return the word, or "" if the field is empty or holds a list. */
export const word = () => (isList() ? "" : field().value.trim());

/** Make Enter submit a word but begin a new line in a list; call `onChange` after each change. */
export function startWord(onChange) {
  const change = () => {
    fitWord();
    onChange();
  };
  field().addEventListener("keydown", submitOnEnter);
  field().addEventListener("input", change);
  $("#begin-list").addEventListener("click", () => {
    field().value = `${field().value.trim()}\n`;
    field().focus();
    change();
  });
  fitWord(); // the word may have been typed while the page was loading
}

function submitOnEnter(event) {
  const isComposing = event.isComposing || event.keyCode === 229; // in Safari, the Enter that ends a composition
  if (event.key !== "Enter" || isComposing || event.shiftKey) return;
  if (field().value.includes("\n") && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  $("#compose").requestSubmit();
}

/** Fit the field and the form to the word or list in it. */
export function fitWord() {
  $("#compose").classList.toggle("list", isList());
  field().rows = Math.min(MAX_ROWS, field().value.split("\n").length);
  field().lang = field().value.trim() ? languageOf(field().value) : "zh-Hans"; // the placeholder is Chinese
  fitText(field(), word());
}

/** Tell the style sheet how many characters a text has; it sets their size. */
export function fitText(element, text) {
  element.style.setProperty("--count", String(Math.max(1, [...text].length)));
}

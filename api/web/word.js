// The field of the word. One line is a word; several lines are a list, which becomes a deck.

import { $ } from "./dom.js";
import { languageOf } from "./script.js";

const MAX_ROWS = 10;

const field = () => $("#word");

/** Return the lines that are not blank. */
export const lines = () => field().value.split("\n").map((line) => line.trim()).filter(Boolean);

export const isList = () => lines().length > 1;

/** Return the word, "" if there is none or a list. */
export const word = () => (isList() ? "" : field().value.trim());

/** Let Enter send a word, and begin a new line in a list; `onChange` is told of every change. */
export function startWord(onChange) {
  const change = () => {
    fitWord();
    onChange();
  };
  field().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
    if (field().value.includes("\n") && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    $("#compose").requestSubmit();
  });
  field().addEventListener("input", change);
  $("#begin-list").addEventListener("click", () => {
    field().value = `${field().value.trim()}\n`;
    field().focus();
    change();
  });
  fitWord(); // what was typed while the page was loading
}

/** Let the field's size, and the form, follow what stands in it. */
export function fitWord() {
  $("#compose").classList.toggle("list", isList());
  field().rows = Math.min(MAX_ROWS, field().value.split("\n").length);
  field().lang = field().value.trim() ? languageOf(field().value) : "zh-Hans"; // the placeholder is Chinese
  fit(field(), word());
}

/** Let a word's size follow its length. */
export function fit(element, text) {
  element.style.setProperty("--count", String(Math.max(1, [...text].length)));
}

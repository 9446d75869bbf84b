// The language of the word: what the reader chooses, or as the word itself tells. 手紙 is a letter in Japan only.

import { $, recall, remember } from "./dom.js";
import { setText } from "./i18n.js";

const CHOICES = { auto: "automatic", zh: "word.language.zh", ja: "word.language.ja" };
const STORED = "word-language"; // storage key of the choice

const menu = () => $("#word-language");

/** Offer the languages, beginning with the one chosen last; call `onChange` when another is chosen. */
export function startWordLanguage(onChange) {
  for (const [code, key] of Object.entries(CHOICES)) {
    const option = new Option("", code);
    setText(option, key);
    menu().add(option);
  }
  writeLanguage({ language: recall("localStorage", STORED) ?? "auto" });
  menu().addEventListener("change", () => {
    remember("localStorage", STORED, menu().value);
    onChange();
  });
}

/** Return the language's part of a request: what differs from the default. */
export function readLanguage() {
  return menu().value in CHOICES && menu().value !== "auto" ? { language: menu().value } : {};
}

/** Show the language of a request. */
export function writeLanguage({ language = "auto" }) {
  menu().value = Object.hasOwn(CHOICES, language) ? language : "auto";
}

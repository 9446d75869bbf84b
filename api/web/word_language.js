// The language of the word: what the reader chooses, or as the word itself tells. 手紙 is a letter in Japan only, and
// nothing tells that "Gift" is German.

import { $, recall, remember } from "./dom.js";
import { setText } from "./i18n.js";

export const LANGUAGES = [
  "ar", "zh", "cs", "fr", "de", "el", "he", "hi", "id", "it", "ja", "ko", "fa", "pl", "pt", "ru", "es", "th", "tr", "uk", "vi",
];
const STORED = "word-language"; // storage key of the choice

const menu = () => $("#word-language");

/** Offer the languages, beginning with the one chosen last; call `onChange` when another is chosen. */
export function startWordLanguage(onChange) {
  const automatic = new Option("", "auto");
  setText(automatic, "automatic");
  menu().add(automatic);
  for (const code of LANGUAGES) {
    const option = new Option("", code);
    setText(option, "language.name", { name: { language: code } }, { fallback: "{name}" });
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
  return LANGUAGES.includes(menu().value) ? { language: menu().value } : {};
}

/** Show the language of a request. */
export function writeLanguage({ language = "auto" }) {
  menu().value = LANGUAGES.includes(language) ? language : "auto";
}

/** Choose a language as the reader would. */
export function chooseLanguage(language) {
  writeLanguage({ language });
  menu().dispatchEvent(new Event("change"));
}

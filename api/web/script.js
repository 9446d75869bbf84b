// The language of a word, as far as it is known. Browsers choose the font of Chinese characters by language.

const CHARACTERS = /\p{Script=Han}/u;
const SCRIPTS = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
  ["ko", /\p{Script=Hangul}/u],
];

/** Return a word's language: what its script tells, or else `known`, of which Chinese and Japanese need their characters. */
export function languageOf(word, known = "zh") {
  const told = SCRIPTS.find(([, script]) => script.test(word))?.[0];
  if (told) return told;
  if (!CHARACTERS.test(word)) return ["zh", "ja", "auto"].includes(known) ? "und" : known;
  return known === "ja" ? "ja" : "zh-Hans";
}

/** Show a word in an element, marked with its language. */
export function showWord(element, word, known) {
  element.textContent = word;
  element.lang = languageOf(word, known);
  element.dir = "auto"; // Arabic and Hebrew run from right to left, with their punctuation
}

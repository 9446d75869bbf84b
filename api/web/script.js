// The language of a word as far as its script tells. Browsers choose the font of Chinese characters by it.

const SCRIPTS = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
  ["ko", /\p{Script=Hangul}/u],
  ["zh-Hans", /\p{Script=Han}/u],
];

export const languageOf = (word) => SCRIPTS.find(([, script]) => script.test(word))?.[0] ?? "und";

/** Show a word in an element, in its language. */
export function write(element, word) {
  element.textContent = word;
  element.lang = languageOf(word);
}

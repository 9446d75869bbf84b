// The language of a word, as far as its script tells. Browsers choose the font of Chinese characters by language.

const LANGUAGES = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
  ["ko", /\p{Script=Hangul}/u],
  ["zh-Hans", /\p{Script=Han}/u],
];

export const languageOf = (word) => LANGUAGES.find(([, script]) => script.test(word))?.[0] ?? "und";

/** Show a word in an element, marked with its language. */
export function showWord(element, word) {
  element.textContent = word;
  element.lang = languageOf(word);
  element.dir = "auto"; // Arabic and Hebrew run from right to left, with their punctuation
}

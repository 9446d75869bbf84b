// Texts in the language of the page. An element names the key of its text in data-t, and of its aria-label, placeholder
// or alt text in data-t-label, data-t-placeholder or data-t-alt. data-values fill the {names} in a text. An element can
// thus be translated again when the language changes.

import { $, pause, recall, remember } from "./dom.js";

const LANGUAGES = { en: "English", ru: "Русский", zh: "中文" };
const PLACES = {
  t: (element, text) => { if (element.textContent !== text) element.textContent = text; }, // or it is announced again
  tLabel: (element, text) => element.setAttribute("aria-label", text),
  tPlaceholder: (element, text) => { element.placeholder = text; },
  tAlt: (element, text) => { element.alt = text; },
};
const RETRY_MS = 1000;
const SELECTOR = "[data-t], [data-t-label], [data-t-placeholder], [data-t-alt]";

let texts = {};
let language = "en";

/** Return the text of a key, with its {names} filled. A value may be a text to translate {t: key, fallback}, a figure, or
 * a language {language: code}, which is named. */
export function t(key, values = {}, fallback = key) {
  const fill = (value) => {
    if (value?.figure !== undefined) return number(value.figure, value.digits);
    if (value?.language) return new Intl.DisplayNames([language], { type: "language" }).of(value.language);
    return value?.t ? t(value.t, {}, value.fallback) : value;
  };
  return (texts[key] ?? fallback).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? fill(values[name]) : whole));
}

/** Set a text of an element, now and in each language chosen later. `place` is a key of PLACES. */
export function setText(element, key, values = {}, { place = "t", fallback = key } = {}) {
  element.dataset[place] = key;
  element.dataset.values = JSON.stringify({ ...JSON.parse(element.dataset.values ?? "{}"), ...values });
  element.dataset.fallback = fallback;
  translate(element);
}

/** Return a number as a value of `setText`, which formats it in the language of the moment. */
export const figure = (value, digits = 2) => ({ figure: value, digits });

/** Show a number, or a dash if it is null. */
export function setNumber(element, value, digits) {
  setText(element, "figure", { value: value === null ? "–" : figure(value, digits) }, { fallback: "{value}" });
}

/** Return a number in the format of the language. */
export function number(value, digits = 2) {
  return value.toLocaleString(locale(), { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

/** Return a time, in milliseconds since 1970, in the format of the language; with its date, unless that is today. */
export function time(ms, style = "short") {
  const moment = new Date(ms);
  const isToday = moment.toDateString() === new Date().toDateString();
  return moment.toLocaleString(locale(), { timeStyle: style, ...(!isToday && { dateStyle: "short" }) });
}

/** Load the remembered language, or else the browser's, until its texts arrive, and fill the menu that switches it.
 * `onFault` is called when another language is chosen and its texts do not arrive. */
export async function startLanguage(onFault = () => {}) {
  const menu = $("#language");
  for (const [code, name] of Object.entries(LANGUAGES)) menu.add(new Option(name, code));
  menu.addEventListener("change", async () => {
    if (await load(menu.value)) remember("localStorage", "language", language);
    else onFault();
    menu.value = language;
  });
  while (!(await load(preferred()))) await pause(RETRY_MS);
  menu.value = language;
}

/** Return the browser's own variant of the language: British and American times differ. */
function locale() {
  return navigator.languages.find((code) => code.split("-")[0] === language) ?? language;
}

function preferred() {
  const wanted = [recall("localStorage", "language"), ...navigator.languages].map((code) => code?.split("-")[0]);
  return wanted.find((code) => code in LANGUAGES) ?? "en";
}

/** Show the page in a language. Return whether its texts have arrived. */
async function load(code) {
  const response = await fetch(`/static/i18n/${code}.json`).catch(() => null);
  const arrived = response?.ok ? await response.json().catch(() => null) : null;
  if (arrived === null) return false;
  [texts, language] = [arrived, code];
  document.documentElement.lang = { zh: "zh-Hans" }[code] ?? code;
  document.title = t($("title").dataset.title ?? "title");
  document.querySelectorAll(SELECTOR).forEach(translate);
  return true;
}

function translate(element) {
  const { values = "{}", fallback } = element.dataset;
  for (const [place, put] of Object.entries(PLACES)) {
    const key = element.dataset[place];
    if (key) put(element, t(key, JSON.parse(values), fallback));
  }
}

// Meanings suggested from the service's lexicon while a word is typed.

import { getJson } from "./api.js";
import { clearProblem, showProblem } from "./compose.js";
import { $, debounce } from "./dom.js";
import { say } from "./i18n.js";

const TYPING_MS = 300;

export function startMeaning() {
  const word = $("#word");
  const meaning = $("#meaning");
  const look = debounce(suggest, TYPING_MS);
  word.addEventListener("input", (event) => {
    if (meaning.value === meaning.dataset.suggested) meaning.value = ""; // it was the meaning of another word
    clearProblem();
    if (!event.isComposing) look(word.value.trim());
  });
  if (word.value) look(word.value.trim()); // typed while the page was loading, or brought back by the browser
  word.addEventListener("compositionend", () => look(word.value.trim()));
  meaning.addEventListener("input", markChosen);
  $("#suggestions").addEventListener("click", ({ target }) => {
    if (!target.matches("button")) return;
    meaning.value = target.textContent;
    meaning.dataset.suggested = target.textContent;
    markChosen();
  });
}

async function suggest(word) {
  if (!word) return show([]);
  try {
    const { meanings } = await getJson(`/api/writing/meaning?word=${encodeURIComponent(word)}`);
    if ($("#word").value.trim() === word) show(meanings);
  } catch (problem) {
    show([]);
    if (problem.field === "word") showProblem(problem); // else it is told when it matters: when the word is sent
  }
  return null;
}

function show(meanings) {
  const chips = meanings.map((text) => {
    const chip = Object.assign(document.createElement("button"), { type: "button", className: "chip", textContent: text });
    chip.lang = "en";
    return chip;
  });
  $("#suggestions").replaceChildren(...chips);
  $("#suggestions").hidden = chips.length === 0;
  const meaning = $("#meaning");
  if (chips.length) say(meaning, "meaning.lookup", { meaning: meanings[0] }, { place: "tPlaceholder" });
  else {
    delete meaning.dataset.tPlaceholder;
    meaning.placeholder = "";
  }
  markChosen();
}

function markChosen() {
  for (const chip of $("#suggestions").children) {
    chip.setAttribute("aria-pressed", String(chip.textContent === $("#meaning").value));
  }
}

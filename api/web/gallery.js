// The gallery: the history's pictures as small cards.

import { $, clone, showBlob } from "./dom.js";
import { LIMIT } from "./history.js";
import { setText } from "./i18n.js";
import { showWord } from "./script.js";

/** Show the entries. `actions` are open(entry), remove(entry) and styleOf(entry). */
export function showGallery(entries, actions) {
  document.querySelectorAll("#history img").forEach((image) => showBlob(image, null));
  $("#history").replaceChildren(...entries.map((entry) => makeCard(entry, actions)));
  $("#history-empty").hidden = entries.length > 0;
  setText($("#history-full"), "history.full", { most: LIMIT });
  $("#history-full").hidden = entries.length < LIMIT;
  $("#clear").hidden = entries.length === 0;
  $("#open-compare").hidden = entries.length < 2;
}

function makeCard(entry, { open, remove, styleOf }) {
  const card = clone("history-card");
  const style = styleOf(entry);
  showBlob($("img", card), entry.thumbnail);
  showWord($(".brush", card), entry.word, entry.metadata.language);
  $(".count", card).hidden = !entry.variations;
  $(".count", card).textContent = String(entry.variations?.length ?? "");
  setText($(".soft", card), style.t, {}, { fallback: style.fallback });
  for (const [name, action] of Object.entries({ open, remove })) {
    const button = $(`.${name}`, card);
    setText(button, `history.${name}`, { word: entry.word, style }, { place: "tLabel" });
    button.addEventListener("click", () => action(entry));
  }
  return card;
}

// Several pictures of one word at once: they form side by side, and any of them can be kept.

import { $, clone, showBlob } from "./dom.js";
import { number, say } from "./i18n.js";

const cells = () => [...$("#variations").children];

/** Show empty cells for the pictures that form; without several of them, the single frame. */
export function startVariations(count) {
  const isSeveral = count > 1;
  fill(isSeveral ? count : 0);
  for (const cell of cells()) cell.disabled = true;
  showGrid(isSeveral);
  $("#all-variations").hidden = true;
}

/** Show how one of the pictures forms. */
export function previewVariation(variation, image) {
  const cell = cells()[variation];
  if (!cell) return;
  $("img", cell).src = image;
  $("img", cell).hidden = false;
}

/** Show the pictures of an entry; `keep` is called with the number of the one that is chosen. */
export function showVariations(entry, keep) {
  const variations = entry.variations ?? [];
  fill(variations.length);
  variations.forEach((variation, index) => {
    const cell = cells()[index];
    const score = variation.legibility?.score ?? null;
    cell.disabled = false;
    showBlob($("img", cell), variation.image);
    const values = { number: index + 1, seed: variation.seed, score: score === null ? "–" : number(score) };
    say(cell, index === entry.best ? "variation.keep.best" : "variation.keep", values, { place: "tLabel" });
    say($(".tag", cell), index === entry.best ? "variation.best" : "variation.score", values);
    $(".tag", cell).hidden = score === null;
    cell.addEventListener("click", () => keep(index));
  });
  showKept(entry);
  showGrid(variations.length > 0);
}

/** Mark the picture that is kept. */
export function showKept(entry) {
  cells().forEach((cell, index) => cell.setAttribute("aria-pressed", String(index === entry.kept)));
}

/** Show all pictures in a grid, or the kept one alone. */
export function showGrid(isGrid) {
  $("#variations").hidden = !isGrid;
  $("#frame").hidden = isGrid;
  $("#all-variations").hidden = isGrid || cells().length === 0;
}

function fill(count) {
  for (const cell of cells()) showBlob($("img", cell), null);
  $("#variations").replaceChildren(...Array.from({ length: count }, () => clone("variation")));
}

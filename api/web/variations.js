// Variations: several pictures of one word form side by side, and the reader keeps one.

import { $, clone, showBlob } from "./dom.js";
import { figure, setText } from "./i18n.js";

const cells = () => [...$("#variations").children];

/** Show empty cells for the pictures of a job, or the single frame if there is only one. */
export function startVariations(count) {
  const hasSeveral = count > 1;
  fill(hasSeveral ? count : 0);
  for (const cell of cells()) cell.disabled = true;
  showGrid(hasSeveral);
  $("#all-variations").hidden = true;
}

/** Show the preview of one picture. */
export function previewVariation(index, image) {
  const cell = cells()[index];
  if (!cell) return;
  $("img", cell).src = image;
  $("img", cell).hidden = false;
}

/** Show the variations of an entry; call `keep` with the index of the one that the reader chooses. */
export function showVariations(entry, keep) {
  const variations = entry.variations ?? [];
  fill(variations.length);
  const isBest = (index) => index === entry.best && variations.some(({ legibility }) => isBelow(legibility, variations[index].legibility));
  variations.forEach((variation, index) => showVariation(variation, index, isBest(index), keep));
  showKept(entry);
  showGrid(variations.length > 0);
}

const shownScore = (legibility) => Math.round(100 * (legibility?.score ?? 0)); // with two digits, as the tags show it
const isBelow = (one, other) => shownScore(one) < shownScore(other);

function showVariation({ image, seed, legibility }, index, isBest, keep) {
  const cell = cells()[index];
  const score = legibility?.score ?? null;
  cell.disabled = false;
  showBlob($("img", cell), image);
  const values = { number: index + 1, seed, score: score === null ? "–" : figure(score) };
  setText(cell, isBest ? "variation.keep.best" : "variation.keep", values, { place: "tLabel" });
  setText($(".tag", cell), isBest ? "variation.best" : "variation.score", values);
  $(".tag", cell).hidden = score === null;
  cell.addEventListener("click", () => keep(index));
}

/** Mark the kept picture. */
export function showKept(entry) {
  cells().forEach((cell, index) => cell.setAttribute("aria-pressed", String(index === entry.kept)));
}

/** Show all pictures in a grid, or only the kept one. */
export function showGrid(isGrid) {
  $("#variations").hidden = !isGrid;
  $("#frame").hidden = isGrid;
  $("#all-variations").hidden = isGrid || cells().length === 0;
}

function fill(count) {
  for (const cell of cells()) showBlob($("img", cell), null);
  $("#variations").replaceChildren(...Array.from({ length: count }, () => clone("variation")));
}

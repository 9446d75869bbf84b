// A file with a list of words, chosen or dropped on the page. It takes the place of the text in the word field.

import { $ } from "./dom.js";

let file = null;
let givenName = ""; // the deck's name that a file gave

/** Return the file, or null if the words are in the field. */
export const listFile = () => file;

/** Hold a file; null leaves the words to the field. */
export function holdFile(chosen) {
  file = chosen;
  $("#file").hidden = file === null;
  $("#file-name").textContent = file?.name ?? "";
}

/** Name the deck after its file, unless the reader has named it. */
function nameDeck() {
  const name = $("#deck-name");
  if (name.value && name.value !== givenName) return;
  givenName = file?.name.replace(/\.[^.]*$/, "").slice(0, name.maxLength) ?? "";
  name.value = givenName;
}

/** Take files that the reader chooses or drops; call `onChange` after each change. */
export function startListFile(onChange) {
  const take = (chosen) => {
    holdFile(chosen);
    nameDeck();
    onChange();
  };
  const picker = $("#file-picker");
  for (const button of document.querySelectorAll(".choose-file")) button.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    if (picker.files.length) take(picker.files[0]);
    picker.value = ""; // so that the same file can be chosen again
    $("#file-remove").focus();
  });
  $("#file-remove").addEventListener("click", () => {
    take(null);
    $("#word").focus();
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault(); // or the browser would leave the page for the file
    take(event.dataTransfer.files[0]);
  });
}

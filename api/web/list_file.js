// A file with a list of words, chosen or dropped on the page. It takes the place of the text in the word field.

import { $ } from "./dom.js";

let file = null;

/** Return the file, or null if the words are in the field. */
export const listFile = () => file;

/** Hold a file; null leaves the words to the field. */
export function holdFile(chosen) {
  file = chosen;
  $("#file").hidden = file === null;
  $("#file-name").textContent = file?.name ?? "";
}

/** Take files that the reader chooses or drops; call `onChange` after each change. */
export function startListFile(onChange) {
  const take = (chosen) => {
    holdFile(chosen);
    if (file && !$("#deck-name").value) $("#deck-name").value = file.name.replace(/\.[^.]*$/, "").slice(0, $("#deck-name").maxLength);
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

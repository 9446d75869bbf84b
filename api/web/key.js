// The API key: asked for when the service wants one, kept until the tab closes.

import { $, recall, remember } from "./dom.js";

let question = null; // one dialog, however many calls wait for its answer

export const currentKey = () => recall("sessionStorage", "key");

/** Ask for a key unless another than `refused` was given meanwhile; return whether there is one to try. */
export function askForKey(refused) {
  if (currentKey() !== refused) return Promise.resolve(true);
  question ??= ask().finally(() => { question = null; });
  return question;
}

function ask() {
  const dialog = $("#key");
  const field = $("#key-value");
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" && field.value.trim();
      if (given) remember("sessionStorage", "key", given);
      resolve(Boolean(given));
    }, { once: true });
  });
}

// The API key: asked for when the service requires one, and kept until the tab is closed.

import { $, recall, remember } from "./dom.js";

let asking = null; // the open dialog's promise, shared by all calls that wait for a key

let key = recall("sessionStorage", "key"); // in memory, too, because storage may be switched off

export const currentKey = () => key;

/** Ask for a key, unless `refused` has been replaced meanwhile. Return whether there is a new key to try. */
export function askForKey(refused) {
  if (currentKey() !== refused) return Promise.resolve(true);
  asking ??= ask().finally(() => { asking = null; });
  return asking;
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
      if (given) {
        key = given;
        remember("sessionStorage", "key", key);
      }
      resolve(Boolean(given));
    }, { once: true });
  });
}

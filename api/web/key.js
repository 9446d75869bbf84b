// The API key: asked for when the service requires one, and kept until the tab is closed.

import { $, recall, remember } from "./dom.js";

let asking = null; // the open dialog's promise, shared by all calls that wait for a key

export const currentKey = () => recall("sessionStorage", "key");

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
      const key = dialog.returnValue === "ok" && field.value.trim();
      if (key) remember("sessionStorage", "key", key);
      resolve(Boolean(key));
    }, { once: true });
  });
}

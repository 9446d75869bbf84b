// The API key: asked for when the service requires one, and kept until the tab is closed.

import { $, recall, remember } from "./dom.js";
import { setText } from "./i18n.js";

let asking = null; // the open dialog's promise, shared by all calls that wait for a key

let key = recall("sessionStorage", "key"); // in memory, too, because storage may be switched off

export const currentKey = () => key;

/** Ask for a key, unless `refused` has been replaced meanwhile. Return whether there is a new key to try. */
export function askForKey(refused, { isValid = false } = {}) {
  if (currentKey() !== refused) return Promise.resolve(true);
  asking ??= ask(refused !== null && !isValid).finally(() => { asking = null; });
  return asking;
}

function ask(wasRefused) {
  const dialog = $("#key");
  const field = $("#key-value");
  field.value = "";
  showRefusal(wasRefused);
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

function showRefusal(wasRefused) {
  $("#key-value").setAttribute("aria-invalid", String(wasRefused));
  $("#key-error").hidden = !wasRefused;
  if (wasRefused) setText($("#key-error"), "key.refused");
}

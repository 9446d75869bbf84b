// The switch of the colour scheme: as the system, light, dark, and round again. theme.js applies it at the next load.

import { $, remember } from "./dom.js";
import { say } from "./i18n.js";

const THEMES = ["auto", "light", "dark"];

export function startAppearance() {
  const button = $("#theme");
  const show = () => say(button, `theme.${document.documentElement.dataset.theme}`, {}, { place: "tLabel" });
  button.addEventListener("click", () => {
    const { dataset } = document.documentElement;
    dataset.theme = THEMES[(THEMES.indexOf(dataset.theme) + 1) % THEMES.length];
    remember("localStorage", "theme", dataset.theme);
    show();
  });
  show();
}

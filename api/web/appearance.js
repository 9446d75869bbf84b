// The button that switches the theme: system, light, dark. theme.js applies the choice when the page loads.

import { $, remember } from "./dom.js";
import { setText } from "./i18n.js";

const THEMES = ["auto", "light", "dark"];

export function startAppearance() {
  const button = $("#theme");
  const show = () => setText(button, `theme.${document.documentElement.dataset.theme}`, {}, { place: "tLabel" });
  button.addEventListener("click", () => {
    const { dataset } = document.documentElement;
    dataset.theme = THEMES[(THEMES.indexOf(dataset.theme) + 1) % THEMES.length];
    remember("localStorage", "theme", dataset.theme);
    show();
  });
  show();
}

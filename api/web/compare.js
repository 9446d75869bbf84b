// The dialog that compares two pictures of the history and marks what differs.

import { $, CONTROLS, clone, showBlob } from "./dom.js";
import { number, setText, t, time } from "./i18n.js";

const PANES = ["a", "b"];

// The facts that are compared: the text's key of the name, and the value of an entry.
const FACTS = [
  ["meaning.short", (entry) => entry.metadata.translation],
  ["style", (entry, styleOf) => styleName(entry, styleOf)],
  ["legibility", ({ metadata }) => (metadata.legibility?.score == null ? "–" : number(metadata.legibility.score))],
  ["seed", (entry) => String(entry.metadata.seed)],
  ["size", (entry) => `${entry.metadata.width} × ${entry.metadata.height}`],
  ["steps", (entry) => String(entry.metadata.num_inference_steps)],
  ["guidance", (entry) => number(entry.metadata.guidance_scale, 1)],
  ["quality", (entry) => t(`quality.${entry.metadata.quality}`)],
  ["weights", ({ metadata }) => CONTROLS.map((control) => weightText(control, metadata.controlnet_weights)).join(", ")],
  ["methods", ({ metadata }) => CONTROLS.map((control) => t(`method.${metadata.conditioning_methods[control]?.[0]}`)).join(", ")],
];

/** Open the dialog with the shown entry, or else the newest, and the newest of the others. There are at least two. */
export function openCompare(entries, shown, styleOf) {
  const first = entries.find(({ id }) => id === shown?.id) ?? entries[0]; // the shown one may have been deleted
  const chosen = { a: first, b: entries.find((entry) => entry.id !== first.id) };
  const choose = (name, id) => {
    chosen[name] = entries.find((entry) => entry.id === id);
    showPanes(chosen, styleOf);
  };
  $("#compare .panes").replaceChildren(...PANES.map((name) => {
    const options = entries.map((entry) => new Option(optionText(entry, styleOf), entry.id));
    return makePane(name, options, chosen[name], choose);
  }));
  showPanes(chosen, styleOf);
  $("#compare").showModal();
}

function makePane(name, options, entry, choose) {
  const pane = clone("pane");
  pane.id = `pane-${name}`;
  const menu = $("select", pane);
  menu.id = `choose-${name}`;
  $("label", pane).htmlFor = menu.id;
  setText($("label", pane), `compare.${name}`);
  menu.append(...options);
  menu.value = entry.id;
  menu.addEventListener("change", () => choose(name, menu.value));
  return pane;
}

function showPanes(chosen, styleOf) {
  for (const name of PANES) {
    const entry = chosen[name];
    const image = $(`#pane-${name} img`);
    showBlob(image, entry.image);
    image.alt = t("picture.alt", { word: entry.word, meaning: entry.metadata.translation, style: styleOf(entry) });
    $(`#pane-${name} dl`).replaceChildren(...FACTS.map(([key, valueOf]) => {
      const [a, b] = PANES.map((pane) => valueOf(chosen[pane], styleOf));
      return makeFact(t(key), valueOf(entry, styleOf), a !== b);
    }));
  }
}

function makeFact(name, value, differs) {
  const make = (tag, textContent) => Object.assign(document.createElement(tag), { textContent });
  const fact = document.createElement("div");
  fact.classList.toggle("differs", differs);
  fact.append(make("dt", name), make("dd", value));
  return fact;
}

function styleName(entry, styleOf) {
  const style = styleOf(entry);
  return t(style.t, {}, style.fallback);
}

const optionText = (entry, styleOf) => `${entry.word} · ${styleName(entry, styleOf)} · ${time(entry.created)}`;

const weightText = (control, weights) => `${t(`control.${control}`)} ${number(weights[control] ?? 0)}`;

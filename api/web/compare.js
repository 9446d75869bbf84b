// Two pictures of the history side by side, and what differs between them.

import { $, CONTROLS, clone, showBlob } from "./dom.js";
import { number, say, t, time } from "./i18n.js";

const PANES = ["a", "b"];

// What is compared: the name's text, and how an entry shows it.
const FACTS = [
  ["meaning.short", (entry) => entry.metadata.translation],
  ["style", (entry, styleOf) => text(styleOf(entry))],
  ["legibility", ({ metadata }) => (metadata.legibility?.score == null ? "–" : number(metadata.legibility.score))],
  ["seed", (entry) => String(entry.metadata.seed)],
  ["size", (entry) => `${entry.metadata.width} × ${entry.metadata.height}`],
  ["steps", (entry) => String(entry.metadata.num_inference_steps)],
  ["guidance", (entry) => number(entry.metadata.guidance_scale, 1)],
  ["quality", (entry) => t(`quality.${entry.metadata.quality}`)],
  ["weights", ({ metadata }) => CONTROLS.map((control) => weight(control, metadata.controlnet_weights)).join(", ")],
  ["methods", ({ metadata }) => CONTROLS.map((control) => t(`method.${metadata.conditioning_methods[control]?.[0]}`)).join(", ")],
];

/** Open the dialog on two entries of the history, the shown one and the one before it. */
export function openCompare(entries, shown, styleOf) {
  const first = shown ?? entries[0];
  const chosen = { a: first, b: entries.find((entry) => entry.id !== first.id) };
  const draw = () => showPanes(chosen, styleOf);
  $("#compare .panes").replaceChildren(...PANES.map((name) => {
    const pane = clone("pane");
    pane.id = `pane-${name}`;
    const menu = $("select", pane);
    menu.id = `choose-${name}`;
    $("label", pane).htmlFor = menu.id;
    say($("label", pane), `compare.${name}`);
    menu.append(...entries.map((entry) => new Option(`${entry.word} · ${text(styleOf(entry))} · ${time(entry.created)}`, entry.id)));
    menu.value = chosen[name].id;
    menu.addEventListener("change", () => {
      chosen[name] = entries.find((entry) => entry.id === menu.value);
      draw();
    });
    return pane;
  }));
  draw();
  $("#compare").showModal();
}

function showPanes(chosen, styleOf) {
  for (const name of PANES) {
    const entry = chosen[name];
    const image = $(`#pane-${name} img`);
    showBlob(image, entry.image);
    image.alt = t("picture.alt", { word: entry.word, meaning: entry.metadata.translation, style: styleOf(entry) });
    $(`#pane-${name} dl`).replaceChildren(...FACTS.map(([key, show]) => {
      const values = PANES.map((pane) => show(chosen[pane], styleOf));
      return makeFact(t(key), show(entry, styleOf), values[0] !== values[1]);
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

const text = (style) => t(style.t, {}, style.fallback);

const weight = (control, weights) => `${t(`control.${control}`)} ${number(weights[control] ?? 0)}`;

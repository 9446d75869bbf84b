// Links to the page that carry a request. Nested values have dotted names, such as controlnet_weights.canny=0.5.

import { LANGUAGES } from "./word_language.js";

const MAX_QUERY = 2000; // characters; a longer query goes after the #, which is not sent to the server

const text = (value) => value;
const list = (value) => value.split(",");
const number = (value) => (value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : undefined);
const boolean = (value) => ({ true: true, false: false })[value];
const language = (value) => (["auto", ...LANGUAGES].includes(value) ? value : undefined);
const motifs = (value) => (["auto", "none"].includes(value) ? value : list(value));

// The parser of each field's value; undefined means invalid. A nested field has one parser for all its values.
const PARSERS = {
  word: text, translation: text, reading: text, language, style: text, negative_prompt: text, quality: text,
  seed: number, scene_seed: number, width: number, height: number, num_inference_steps: number, guidance_scale: number,
  draw_imagery: boolean, imagery: motifs,
  controlnet_weights: number, conditioning_methods: list, legibility: number,
};
const NESTED = new Set(["controlnet_weights", "conditioning_methods", "legibility"]);

/** Return a link that fills the form with a request. */
export function toLink(request, origin) {
  const query = String(new URLSearchParams(pairs(request)));
  return `${origin}/${query.length > MAX_QUERY ? "#" : "?"}${query}`;
}

/** Return the request of a link, without invalid values; null if it has no word. */
export function fromLink({ search, hash }) {
  const request = {};
  for (const [name, written] of new URLSearchParams(search.slice(1) || hash.slice(1))) {
    const [field, key] = name.split(".");
    const isField = Object.hasOwn(PARSERS, field) && NESTED.has(field) === Boolean(key);
    const value = isField ? PARSERS[field](written) : undefined;
    if (value === undefined) continue;
    request[field] = key ? { ...request[field], [key]: value } : value;
  }
  return request.word ? request : null;
}

function* pairs(values, prefix = "") {
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) yield* pairs(value, `${prefix}${name}.`);
    else yield [`${prefix}${name}`, String(value)];
  }
}

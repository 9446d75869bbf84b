// A request as a link to the page, and back. Nested values have dotted names: controlnet_weights.canny=0.5.

const LONGEST = 2000; // characters; a longer one goes after the #, which is never sent to a server

const text = (value) => value;
const list = (value) => value.split(",");
const number = (value) => (value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : undefined);
const truth = (value) => ({ true: true, false: false })[value];
const motifs = (value) => (["auto", "none"].includes(value) ? value : list(value));

// How the value of each name is read; the name before a dot holds for all after it.
const KINDS = {
  word: text, translation: text, reading: text, style: text, negative_prompt: text, quality: text,
  seed: number, scene_seed: number, width: number, height: number, num_inference_steps: number, guidance_scale: number,
  draw_imagery: truth, imagery: motifs,
  controlnet_weights: number, conditioning_methods: list, legibility: number,
};
const NESTED = new Set(["controlnet_weights", "conditioning_methods", "legibility"]);

/** Return the link whose form draws a request. */
export function toLink(request, origin) {
  const query = String(new URLSearchParams(pairs(request)));
  return `${origin}/${query.length > LONGEST ? "#" : "?"}${query}`;
}

/** Return the request of a link, without what cannot be read; null if it names no word. */
export function fromLink({ search, hash }) {
  const request = {};
  for (const [name, written] of new URLSearchParams(search.slice(1) || hash.slice(1))) {
    const [outer, inner] = name.split(".");
    const value = Object.hasOwn(KINDS, outer) && NESTED.has(outer) === Boolean(inner) ? KINDS[outer](written) : undefined;
    if (value === undefined) continue;
    if (inner) request[outer] = { ...request[outer], [inner]: value };
    else request[outer] = value;
  }
  return request.word ? request : null;
}

function* pairs(values, prefix = "") {
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) yield* pairs(value, `${prefix}${name}.`);
    else yield [`${prefix}${name}`, String(value)];
  }
}

// A finished picture as the page keeps it, in the history too:
// {id, created, word, request, prompt, metadata, image, thumbnail, maps: {type: {method: Blob}}}. One of several has
// variations, [{image, seed, legibility}], too: `best` is the number of the most legible, `kept` of the one that image
// and metadata are of.

import { request } from "./api.js";

const THUMBNAIL = 192; // pixels; shown at half that

/** Return the entry of a job that succeeded. `sent` is what was sent for it. */
export async function toEntry(job, sent) {
  const { result } = job;
  const image = await fetchBlob(result.image_url);
  const maps = {};
  for (const [control, methods] of Object.entries(result.conditioning_urls)) {
    const images = Object.entries(methods).map(async ([method, url]) => [method, await fetchBlob(url)]);
    maps[control] = Object.fromEntries(await Promise.all(images));
  }
  const best = (result.variations ?? []).findIndex(({ kept }) => kept);
  const variations = await Promise.all((result.variations ?? []).map(async ({ image: url, seed, legibility }) => (
    { image: await fetchBlob(url), seed, legibility }
  )));
  return {
    id: job.job_id,
    created: Date.now(),
    word: result.generation_metadata.word,
    request: sent,
    prompt: result.prompt_used,
    metadata: result.generation_metadata,
    image,
    thumbnail: await shrink(image),
    maps,
    ...(variations.length && { variations, best, kept: best }),
  };
}

/** Return the entry with another of its variations kept. */
export async function keepVariation(entry, kept) {
  const { image, seed, legibility } = entry.variations[kept];
  const metadata = { ...entry.metadata, seed, legibility };
  return { ...entry, kept, image, metadata, thumbnail: await shrink(image) };
}

/** Return the request that draws the picture again: as it was sent, with the seeds that were taken. */
export function repeatable(entry) {
  const { variations, ...request } = entry.request;
  const { seed, scene_seed: scene } = entry.metadata;
  return { ...request, seed, ...(scene !== undefined && scene !== seed && { scene_seed: scene }) };
}

/** Return the command that draws the picture again. */
export function toCurl(entry, origin, hasKey) {
  const json = JSON.stringify(repeatable(entry)).replaceAll("'", "'\\''");
  return [
    `curl -s '${origin}/api/writing/generate-writing-image'`,
    "-H 'Content-Type: application/json'",
    ...(hasKey ? ['-H "Authorization: Bearer $API_KEY"'] : []),
    `-d '${json}'`,
  ].join(" \\\n  ");
}

async function fetchBlob(url) {
  return (await request(url)).blob();
}

async function shrink(image) {
  const bitmap = await createImageBitmap(image);
  const scale = THUMBNAIL / Math.max(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.85); });
}

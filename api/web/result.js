// The entry of a finished job, as the page shows it and the history stores it:
// {id, created, word, request, prompt, metadata, image, thumbnail, maps: {type: {method: Blob}}}.
// An entry of several pictures also has variations: [{image, seed, legibility}], and the indices `best` of the most
// legible and `kept` of the one that image and metadata belong to.

import { getBlob } from "./api.js";

const THUMBNAIL_SIDE = 192; // pixels, for screens with two pixels per CSS pixel

/** Return the entry of a job that succeeded. `sent` is the job's request. */
export async function toEntry(job, sent) {
  const { result } = job;
  const image = await getBlob(result.image_url);
  const maps = await fetchMaps(result.conditioning_urls);
  const variations = await fetchVariations(result.variations ?? []);
  const best = (result.variations ?? []).findIndex(({ kept }) => kept);
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

/** Return the entry with another variation kept. */
export async function keepVariation(entry, kept) {
  const { image, seed, legibility } = entry.variations[kept];
  const metadata = { ...entry.metadata, seed, legibility };
  return { ...entry, kept, image, metadata, thumbnail: await shrink(image) };
}

/** Return the request that draws the kept picture again: the one that was sent, with the seeds that were used. */
export function toRequest(entry) {
  const { variations, ...sent } = entry.request;
  const { seed, scene_seed: sceneSeed } = entry.metadata;
  return { ...sent, seed, ...(sceneSeed !== undefined && sceneSeed !== seed && { scene_seed: sceneSeed }) };
}

/** Return a shell command that draws the kept picture again. */
export function toCurl(entry, origin, hasKey) {
  const json = JSON.stringify(toRequest(entry)).replaceAll("'", "'\\''");
  return [
    `curl -s '${origin}/api/writing/generate-writing-image'`,
    "-H 'Content-Type: application/json'",
    ...(hasKey ? ['-H "Authorization: Bearer $API_KEY"'] : []),
    `-d '${json}'`,
  ].join(" \\\n  ");
}

async function fetchMaps(urls) {
  const maps = {};
  for (const [control, methods] of Object.entries(urls)) {
    const images = Object.entries(methods).map(async ([method, url]) => [method, await getBlob(url)]);
    maps[control] = Object.fromEntries(await Promise.all(images));
  }
  return maps;
}

function fetchVariations(variations) {
  return Promise.all(variations.map(async ({ image: url, seed, legibility }) => (
    { image: await getBlob(url), seed, legibility }
  )));
}

async function shrink(image) {
  const bitmap = await createImageBitmap(image);
  const scale = THUMBNAIL_SIDE / Math.max(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.85); });
}

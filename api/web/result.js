// A finished picture as the page keeps it, in the history too:
// {id, created, word, request, prompt, metadata, image, thumbnail, maps: {type: {method: Blob}}}.

const THUMBNAIL = 192; // pixels; shown at half that

/** Return the entry of a job that succeeded. `request` is what was sent for it. */
export async function toEntry(job, request) {
  const { result } = job;
  const image = toBlob(result.generated_image_base64);
  const maps = {};
  for (const [control, methods] of Object.entries(result.conditioning_images_base64)) {
    maps[control] = Object.fromEntries(Object.entries(methods).map(([method, png]) => [method, toBlob(png)]));
  }
  return {
    id: job.job_id,
    created: Date.now(),
    word: result.generation_metadata.word,
    request,
    prompt: result.prompt_used,
    metadata: result.generation_metadata,
    image,
    thumbnail: await shrink(image),
    maps,
  };
}

/** Return the request that draws the picture again: as it was sent, with the seed that was taken. */
export function repeatable(entry) {
  return { ...entry.request, seed: entry.metadata.seed };
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

function toBlob(base64) {
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: "image/png" });
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

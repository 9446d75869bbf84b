// Server-sent events read with fetch: EventSource cannot send an API key.

import { request } from "./api.js";

const SILENCE_MS = 40_000; // the service sends a beat every 15 s; a connection silent for longer is dead

/** Yield {id, type, data} of a stream, until it closes. `lastId`: what was seen of it before. */
export async function* readEvents(path, lastId, signal) {
  const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
  const answer = await request(path, { headers, signal });
  if (answer.status === 204) return; // nothing more will come
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await readInTime(reader);
      if (done) return;
      const blocks = (text + value).replaceAll("\r\n", "\n").split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event.data !== null) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function readInTime(reader) {
  const timer = setTimeout(() => reader.cancel(), SILENCE_MS); // read() then says that it is done
  try {
    return await reader.read();
  } finally {
    clearTimeout(timer);
  }
}

function parse(block) {
  const event = { id: "", type: "message", data: null };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "id") event.id = value;
    if (name === "event") event.type = value;
    if (name === "data") event.data = JSON.parse(value);
  }
  return event;
}

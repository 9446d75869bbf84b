// Server-sent events, read with fetch, since EventSource cannot send an API key.

import { request } from "./api.js";

const SILENCE_MS = 40_000; // the service sends a heartbeat every 15 s, so a longer silence means a dead connection

/** Yield {id, type, data} for each event after the one with id `lastId`, until the stream closes. */
export async function* readEvents(path, lastId, signal) {
  const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
  const response = await request(path, { headers, signal });
  if (response.status === 204) return; // no more events will come
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
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
  const timer = setTimeout(() => reader.cancel(), SILENCE_MS); // read() then returns `done`
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

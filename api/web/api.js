// Calls of the service. Every fault comes out as a Problem, with the API's `code`, or `network`.

import { askForKey, currentKey } from "./key.js";
import { pause } from "./dom.js";

export class Problem extends Error {
  /** `document` is the API's problem (code, detail, field …), or a failed job's error. */
  constructor({ code, detail = "", field = null }, { status = 0, retryAfterS = null } = {}) {
    super(detail || code);
    Object.assign(this, { code, detail, field, status, retryAfterS });
  }
}

/** Return the answer of a call, asking for an API key where one is needed; raise a Problem unless it is a 2xx. */
export async function request(path, { headers = {}, ...options } = {}) {
  const key = currentKey();
  const authorised = key ? { ...headers, Authorization: `Bearer ${key}` } : headers;
  const answer = await reach(path, { ...options, headers: authorised });
  if (answer.ok) return answer;
  if (answer.status === 401 && (await askForKey(key))) return request(path, { headers, ...options });
  throw await problemOf(answer);
}

export async function getJson(path, options) {
  return (await request(path, options)).json();
}

/** Send a job; return its id. */
export async function submit(document) {
  return (await post("/api/writing/generate-writing-image", JSON.stringify(document), "application/json")).job_id;
}

/** Return the answer to what makes something. A lost connection is tried again: the key makes sure that it is made once. */
export function post(path, body, type) {
  const options = { method: "POST", headers: { "Content-Type": type, "Idempotency-Key": randomKey() }, body };
  return getJson(path, options).catch(async (problem) => {
    if (problem.code !== "network") throw problem;
    await pause(1000);
    return getJson(path, options);
  });
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "network" });
  }
}

async function problemOf(answer) {
  const seconds = Number.parseInt(answer.headers.get("Retry-After"), 10);
  const about = { status: answer.status, retryAfterS: Number.isNaN(seconds) ? null : seconds };
  const document = await answer.json().catch(() => ({}));
  return new Problem({ code: "internal_error", detail: `HTTP ${answer.status}`, ...document }, about);
}

// crypto.randomUUID is missing on plain http from another machine.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

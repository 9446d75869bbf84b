// Calls of the API. Every failure is raised as a Problem, with the API's `code` or, without a response, `network`.

import { askForKey, currentKey } from "./key.js";
import { pause } from "./dom.js";

const RETRY_MS = 1000;
// The codes of responses without one. They come from a proxy, which answers so while the service is away.
const CODES = { 413: "body_too_large", 429: "rate_limited", 502: "network", 503: "network", 504: "network" };

export class Problem extends Error {
  /** The argument is the API's problem document (code, detail, field …) or the error of a failed job. */
  constructor({ code, detail = "", field = null }, { status = 0, retryAfterS = null } = {}) {
    super(detail || code);
    Object.assign(this, { code, detail, field, status, retryAfterS });
  }
}

/** Whether a call that failed may succeed later: the service cannot be reached, is busy, or has a fault of its own. */
export const isTemporary = (error) =>
  error instanceof Problem && (error.code === "network" || error.status === 429 || error.status >= 500);

/** Return the response of a call; ask for an API key if one is needed. Raise a Problem unless the status is 2xx. */
export async function request(path, { headers = {}, ...options } = {}) {
  const key = currentKey();
  const authorised = key ? { ...headers, Authorization: `Bearer ${key}` } : headers;
  const response = await reach(() => fetch(path, { ...options, headers: authorised }));
  if (response.ok) return response;
  if (response.status === 401 && (await askForKey(key))) return request(path, { headers, ...options });
  throw await problemOf(response);
}

export async function getJson(path, options) {
  const response = await request(path, options);
  return reach(() => response.json());
}

export async function getBlob(path, options) {
  const response = await request(path, options);
  return reach(() => response.blob());
}

/** Submit a job; return its id. */
export async function submit(document) {
  return (await post("/api/writing/generate-writing-image", JSON.stringify(document), "application/json")).job_id;
}

/** Send a POST; return the JSON of its response. A retry after a lost connection creates nothing twice, due to its key. */
export function post(path, body, type) {
  const options = { method: "POST", headers: { "Content-Type": type, "Idempotency-Key": randomKey() }, body };
  return getJson(path, options).catch(async (problem) => {
    if (problem.code !== "network") throw problem;
    await pause(RETRY_MS);
    return getJson(path, options);
  });
}

/** Send a PUT; return the JSON of its response. */
export const put = (path, document) =>
  getJson(path, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(document) });

/** Return what `action` returns. Raise a Problem if no response arrives, or not all of it, or not from the service. */
async function reach(action) {
  try {
    return await action();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "network" });
  }
}

async function problemOf(response) {
  const seconds = Number.parseInt(response.headers.get("Retry-After"), 10);
  const context = { status: response.status, retryAfterS: Number.isNaN(seconds) ? null : seconds };
  const usual = { code: CODES[response.status] ?? "internal_error", detail: `HTTP ${response.status}` };
  const document = await response.json().catch(() => ({}));
  return new Problem({ ...usual, ...document }, context);
}

// crypto.randomUUID exists only on HTTPS and on localhost.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

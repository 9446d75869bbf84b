// Following a job to its end: by its events, or by polling if no events arrive.

import { getJson, isTemporary, request } from "./api.js";
import { pause } from "./dom.js";
import { readEvents } from "./events.js";

const MAX_ATTEMPTS = 4; // in a row, without an event
const POLL_MS = 700;
const MAX_POLL_FACTOR = 10;
const MAX_ERRORS = 8; // of the service itself, in a row: it cannot tell of this job
const FINAL_CODES = new Set(["job_not_found", "result_expired", "unauthorized"]); // asking again cannot help
const FINAL_STATUSES = ["succeeded", "failed", "cancelled"];

const jobUrl = (jobId) => `/api/writing/jobs/${jobId}`;
const jobUrlWithLinks = (jobId) => `${jobUrl(jobId)}?result=links`; // the pictures are fetched one by one

/** Return a job, as the API's JobView, once it has ended. The service may go away meanwhile, and come back.
 * `handlers` (progress, preview, queue) get the events' data; `lost` is called when the service does not answer. */
export async function follow(jobId, handlers, signal) {
  await listen(jobId, handlers, signal);
  return poll(jobId, handlers, signal);
}

export function cancel(jobId) {
  return request(jobUrl(jobId), { method: "DELETE" });
}

/** Return once the events say that the job has ended, or if there are no events. */
async function listen(jobId, handlers, signal) {
  let lastId = "";
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    try {
      for await (const event of readEvents(`${jobUrl(jobId)}/events`, lastId, signal)) {
        attempt = 1;
        lastId = event.id || lastId;
        if (event.type === "end") return;
        handlers[event.type]?.(event.data);
      }
    } catch (problem) {
      if (signal.aborted || FINAL_CODES.has(problem.code)) throw problem;
      if (problem.status === 404) return; // the service has no events
      if (isTemporary(problem)) handlers.lost();
    }
    await pause(250 * 2 ** attempt);
  }
}

async function poll(jobId, handlers, signal) {
  let errors = 0;
  for (let failures = 0; ; await pause(POLL_MS * Math.min(MAX_POLL_FACTOR, 1 + failures))) {
    try {
      const job = await getJson(jobUrlWithLinks(jobId), { signal });
      if (FINAL_STATUSES.includes(job.status)) return job;
      failures = errors = 0;
      if (job.queue_position !== null) handlers.queue({ queue_position: job.queue_position });
      else handlers.progress({ status: job.status, stage: job.stage, ...job.progress });
    } catch (problem) {
      errors = problem.status === 500 ? errors + 1 : 0;
      if (signal.aborted || !isTemporary(problem) || errors >= MAX_ERRORS) throw problem;
      failures += 1;
      handlers.lost();
    }
  }
}

// Following a job to its end: by its events, or by asking now and then where those do not come through.

import { Problem, getJson, request } from "./api.js";
import { pause } from "./dom.js";
import { readEvents } from "./events.js";

const ATTEMPTS = 4; // without one event between them
const POLL_MS = 700;
const GONE = new Set(["job_not_found", "result_expired", "unauthorized"]);

const address = (jobId) => `/api/writing/jobs/${jobId}`;
const light = (jobId) => `${address(jobId)}?result=links`; // the pictures are fetched for themselves

/** Return how a job ended, as the API's JobView. `handlers`: progress, preview and queue, each given an event's data. */
export async function follow(jobId, handlers, signal) {
  const ended = await listen(jobId, handlers, signal);
  return ended ? getJson(light(jobId), { signal }) : poll(jobId, handlers, signal);
}

export function cancel(jobId) {
  return request(address(jobId), { method: "DELETE" });
}

/** Return true once the job's events say that it has ended, false if they cannot be had. */
async function listen(jobId, handlers, signal) {
  let lastId = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      for await (const event of readEvents(`${address(jobId)}/events`, lastId, signal)) {
        attempt = 1;
        lastId = event.id || lastId;
        if (event.type === "end") return true;
        handlers[event.type]?.(event.data);
      }
    } catch (problem) {
      if (signal.aborted || GONE.has(problem.code)) throw problem;
      if (problem.status === 404) return false; // a service without events
    }
    await pause(250 * 2 ** attempt);
  }
  return false;
}

async function poll(jobId, handlers, signal) {
  for (let failures = 0; ; await pause(POLL_MS * (1 + failures))) {
    try {
      const job = await getJson(light(jobId), { signal });
      if (["succeeded", "failed", "cancelled"].includes(job.status)) return job;
      failures = 0;
      if (job.queue_position !== null) handlers.queue({ queue_position: job.queue_position });
      else handlers.progress({ status: job.status, stage: job.stage, ...job.progress });
    } catch (problem) {
      failures += 1;
      const isPassing = problem instanceof Problem && !GONE.has(problem.code);
      if (signal.aborted || !isPassing || failures > 8) throw problem;
    }
  }
}

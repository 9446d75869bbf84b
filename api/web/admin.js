// The operator's page: shows /health/detailed and refreshes it every few seconds.

import { getBlob, getJson } from "./api.js";
import { startAppearance } from "./appearance.js";
import { $, pause } from "./dom.js";
import { askForKey, currentKey } from "./key.js";
import { number, setText, startLanguage, time } from "./i18n.js";

const REFRESH_MS = 3000;
const FLOWER_PORT = 5555;
const MIB = 2 ** 20;
const ACCESS_ERRORS = ["unauthorized", "operator_only"];
const NO_VALUE = "–";

// What a tile or a cell shows is a plain string, a text to translate {key, values}, a worker's state {state}, or
// {plain, className}.

/** Return the text of `key` with `values`, or a dash if a value is missing. */
const text = (key, values) => (Object.values(values).some((value) => value == null) ? NO_VALUE : { key, values });
const whole = (value) => (value == null ? null : number(value, 0));
const oneDigit = (value) => (value == null ? null : number(value, 1));
const mib = (bytes) => oneDigit(bytes / MIB);
const seconds = (value, digits = 1) => text("admin.seconds", { seconds: value == null ? null : number(value, digits) });
const msInSeconds = (ms) => (ms == null ? null : ms / 1000);

const QUEUE = [
  ["admin.interactive", (service) => number(service.queue_depth.interactive, 0)],
  ["admin.bulk", (service) => number(service.queue_depth.bulk, 0)],
  ["admin.drain", (service) => seconds(service.drain_s, 0)],
  ["admin.leases", (service) => number(service.leases, 0)],
];

const JOBS = [
  ["admin.succeeded", (counts) => number(counts.succeeded, 0)],
  ["admin.failed", (counts) => number(counts.failed, 0)],
  ["admin.cancelled", (counts) => number(counts.cancelled, 0)],
  ["admin.average_time", (counts) => seconds(msInSeconds(counts.average_generation_time_ms))],
  ["admin.average_wait", (counts) => seconds(msInSeconds(counts.average_wait_ms))],
];

const RESULTS = [
  ["admin.results.kept", (results) => number(results.kept, 0)],
  ["admin.results.memory", ({ bytes, budget_bytes: budget }) => (budget
    ? text("admin.results.of", { used: mib(bytes), total: mib(budget) })
    : text("admin.results.used", { used: mib(bytes) }))],
  ["admin.results.fill", ({ bytes, budget_bytes: budget }) => text("admin.busy.value", { value: budget ? whole((100 * bytes) / budget) : null })],
  ["admin.results.evicted", (results) => number(results.evicted, 0)],
  ["admin.results.store", (results) => results.store],
];

const WORKERS = [
  ["admin.worker", (worker) => worker.worker_id],
  ["admin.state", (worker) => ({ state: worker.state })],
  ["admin.running", (worker) => text("admin.running.of", { running: worker.running, limit: worker.batch_limit })],
  ["admin.device", (worker) => worker.gpu.name || worker.device],
  ["admin.profile", (worker) => worker.gpu.profile],
  ["admin.memory", ({ gpu }) => text("admin.memory.of", { used: oneDigit(gpu.used_memory_gib), total: oneDigit(gpu.total_memory_gib) })],
  ["admin.temperature", ({ gpu }) => text("admin.temperature.value", { value: whole(gpu.temperature_c) })],
  ["admin.power", ({ gpu }) => text("admin.power.value", { value: whole(gpu.power_w) })],
  ["admin.busy", ({ gpu }) => text("admin.busy.value", { value: whole(gpu.utilisation_percent) })],
  ["admin.compiled", (worker) => yesOrNo(worker.setup.torch_compile)],
  ["admin.steps", (worker) => `${whole(worker.engine_steps) ?? NO_VALUE} / ${whole(worker.engine_rows) ?? NO_VALUE}`],
  ["admin.uptime", (worker) => time(worker.started_at * 1000)],
];

const SETUP = [
  ["admin.worker", (row) => row.worker],
  ["admin.switch", (row) => row.name],
  ["admin.answer", (row) => ({ plain: row.value, className: "long" })],
];

const FAILURES = [
  ["admin.when", (failure) => time(failure.ended_at * 1000, "medium")],
  ["admin.reason", (failure) => ({ plain: failure.detail, className: "long" })],
  ["admin.code", (failure) => failure.code],
  ["admin.job", (failure) => failure.job_id],
];

async function start() {
  await startLanguage();
  startAppearance();
  $("#flower").href = `${window.location.protocol}//${window.location.hostname}:${FLOWER_PORT}/`;
  $("#other-key").addEventListener("click", async () => {
    if (await askForKey(currentKey(), { isValid: true })) await refresh();
  });
  $("#metrics").addEventListener("click", openWithKey);
  for (;;) {
    if (!document.hidden && $("#no-operator").hidden) await refresh(); // or the key is asked for again and again
    await pause(REFRESH_MS);
  }
}

async function refresh() {
  const problem = await getJson("/health/detailed").then(show).then(() => null, (error) => error);
  $("#away").hidden = problem === null;
  if (problem) setText($("#away"), ACCESS_ERRORS.includes(problem.code) ? `error.${problem.code}` : "admin.away");
  $("#no-operator").hidden = !ACCESS_ERRORS.includes(problem?.code);
}

/** Follow a link with the API key, which a browser does not send by itself. */
async function openWithKey(click) {
  if (!currentKey()) return;
  click.preventDefault();
  const blob = await getBlob(click.currentTarget.getAttribute("href")).catch(() => null);
  if (blob) window.location.assign(URL.createObjectURL(blob));
}

function show({ status, gpu_status: gpus, service_status: service }) {
  setText($("#status"), `state.${status}`);
  $("#status").dataset.state = status;
  setText($("#updated"), "admin.updated", { time: time(Date.now(), "medium") });
  if (status === "unavailable") return;
  showTiles("queue", QUEUE, service);
  showTiles("jobs", JOBS, service.ai_status);
  showTiles("results", RESULTS, service.results);
  showTable("workers", WORKERS, service.workers.map((worker) => ({ ...worker, gpu: gpus[worker.worker_id] ?? {} })));
  showTable("setup", SETUP, service.workers.flatMap((worker) =>
    Object.entries(worker.setup).map(([name, value]) => ({ worker: worker.worker_id, name, value }))));
  showTable("failures", FAILURES, service.recent_failures ?? []);
}

function showTiles(id, tiles, figures) {
  $(`#${id}`).replaceChildren(...tiles.map(([name, content]) => {
    const tile = document.createElement("div");
    tile.append(makeElement("dt", { key: name }), makeElement("dd", content(figures)));
    return tile;
  }));
}

function showTable(id, columns, rows) {
  $(`#${id}-none`).hidden = rows.length > 0;
  $(`#${id}`).parentElement.hidden = rows.length === 0;
  $(`#${id} thead`).replaceChildren(makeRow("th", columns.map(([name]) => ({ key: name }))));
  $(`#${id} tbody`).replaceChildren(...rows.map((row) => makeRow("td", columns.map(([, content]) => content(row)))));
}

function makeRow(tag, contents) {
  const row = document.createElement("tr");
  row.append(...contents.map((content) => makeElement(tag, content)));
  return row;
}

/** Return an element that shows a content. */
function makeElement(tag, content) {
  const element = document.createElement(tag);
  if (tag === "th") element.scope = "col";
  if (typeof content === "string") element.textContent = content;
  else if (content.plain !== undefined) Object.assign(element, { textContent: content.plain, className: content.className });
  else if (content.state) element.append(makeState(content.state));
  else setText(element, content.key, content.values);
  return element;
}

function makeState(state) {
  const element = Object.assign(document.createElement("span"), { className: "state" });
  element.dataset.state = state;
  setText(element, `state.${state}`);
  return element;
}

/** Return "yes" or "no" translated, if a setting's value begins with it ("yes: 2 graphs"); else the value itself. */
function yesOrNo(value) {
  const word = value?.split(/[\s:]/)[0];
  return word === "yes" || word === "no" ? { key: `admin.${word}` } : (value ?? NO_VALUE);
}

start();

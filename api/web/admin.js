// The operator's page: /health/detailed, shown again every few seconds.

import { getJson, request } from "./api.js";
import { startAppearance } from "./appearance.js";
import { $, pause } from "./dom.js";
import { askForKey, currentKey } from "./key.js";
import { number, say, startLanguage, time } from "./i18n.js";

const REFRESH_MS = 3000;
const FLOWER_PORT = 5555;
const MIB = 2 ** 20;
const REFUSED = ["unauthorized", "operator_only"];

/** A cell or tile: `key` with `values`, where there is something to say. */
const text = (key, values) => (Object.values(values).some((value) => value == null) ? "–" : { key, values });
const seconds = (value, digits = 1) => text("admin.seconds", { seconds: value == null ? null : number(value, digits) });
const whole = (value) => (value == null ? null : number(value, 0));
const inSeconds = (ms) => (ms == null ? null : ms / 1000);

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
  ["admin.average_time", (counts) => seconds(inSeconds(counts.average_generation_time_ms))],
  ["admin.average_wait", (counts) => seconds(inSeconds(counts.average_wait_ms))],
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
  ["admin.state", (worker) => ({ key: `state.${worker.state}`, state: worker.state })],
  ["admin.running", (worker) => text("admin.running.of", { running: worker.running, limit: worker.batch_limit })],
  ["admin.device", (worker) => worker.gpu.name || worker.device],
  ["admin.profile", (worker) => worker.gpu.profile],
  ["admin.memory", ({ gpu }) => text("admin.memory.of", { used: gib(gpu.used_memory_gib), total: gib(gpu.total_memory_gib) })],
  ["admin.temperature", ({ gpu }) => text("admin.temperature.value", { value: whole(gpu.temperature_c) })],
  ["admin.power", ({ gpu }) => text("admin.power.value", { value: whole(gpu.power_w) })],
  ["admin.busy", ({ gpu }) => text("admin.busy.value", { value: whole(gpu.utilisation_percent) })],
  ["admin.compiled", (worker) => switched(worker.setup.torch_compile)],
  ["admin.steps", (worker) => `${whole(worker.engine_steps) ?? "–"} / ${whole(worker.engine_rows) ?? "–"}`],
  ["admin.uptime", (worker) => time(worker.started_at * 1000)],
];

const SETUP = [
  ["admin.worker", (row) => row.worker],
  ["admin.switch", (row) => row.name],
  ["admin.answer", (row) => ({ plain: row.answer, className: "long" })],
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
  $("#other-key").addEventListener("click", () => askForKey(currentKey()));
  $("#metrics").addEventListener("click", openWithKey);
  for (;;) {
    if (!document.hidden) await refresh();
    await pause(REFRESH_MS);
  }
}

async function refresh() {
  const isAway = await getJson("/health/detailed").then(show).then(() => false, (problem) => problem);
  $("#away").hidden = !isAway;
  if (isAway) say($("#away"), REFUSED.includes(isAway.code) ? `error.${isAway.code}` : "admin.away");
  $("#no-operator").hidden = isAway?.code !== "operator_only";
}

/** Follow a link to what needs the key, which a browser would not send by itself. */
async function openWithKey(click) {
  if (!currentKey()) return;
  click.preventDefault();
  const answer = await request(click.currentTarget.getAttribute("href")).catch(() => null);
  if (answer) window.location.assign(URL.createObjectURL(await answer.blob()));
}

function show({ status, gpu_status: gpus, service_status: service }) {
  say($("#status"), `state.${status}`);
  $("#status").dataset.state = status;
  say($("#updated"), "admin.updated", { time: time(Date.now(), "medium") });
  if (status === "unavailable") return;
  showTiles("queue", QUEUE, service);
  showTiles("jobs", JOBS, service.ai_status);
  showTiles("results", RESULTS, service.results);
  showTable("workers", WORKERS, service.workers.map((worker) => ({ ...worker, gpu: gpus[worker.worker_id] ?? {} })));
  showTable("setup", SETUP, service.workers.flatMap((worker) =>
    Object.entries(worker.setup).map(([name, answer]) => ({ worker: worker.worker_id, name, answer }))));
  showTable("failures", FAILURES, service.recent_failures ?? []);
}

function showTiles(id, tiles, figures) {
  $(`#${id}`).replaceChildren(...tiles.map(([name, content]) => {
    const tile = document.createElement("div");
    tile.append(make("dt", { key: name }), make("dd", content(figures)));
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
  row.append(...contents.map((content) => make(tag, content)));
  return row;
}

/** Return an element with a content: a plain text, or {key, values} to be translated, or {plain, className}. */
function make(tag, content) {
  const element = document.createElement(tag);
  if (tag === "th") element.scope = "col";
  if (typeof content === "string") element.textContent = content;
  else if (content.plain !== undefined) Object.assign(element, { textContent: content.plain, className: content.className });
  else say(element, content.key, content.values);
  if (content.state) {
    const inner = Object.assign(document.createElement("span"), { className: "state" });
    inner.dataset.state = content.state;
    say(inner, content.key);
    element.replaceChildren(inner);
    delete element.dataset.t;
  }
  return element;
}

/** The first word of what a worker says of a switch: "yes" of "yes: 2 graphs". */
function switched(answer) {
  const word = answer?.split(/[\s:]/)[0];
  return word === "yes" || word === "no" ? { key: `admin.${word}` } : (answer ?? "–");
}

function mib(bytes) {
  return number(bytes / MIB, 1);
}

function gib(value) {
  return value == null ? null : number(value, 1);
}

start();

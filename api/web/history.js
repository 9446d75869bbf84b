// The history: the latest pictures, in IndexedDB, or in memory if the browser offers none (as in a private window).

export const LIMIT = 24;
const STORE = "pictures";

const memory = new Map();
let opening = null;

/** Return all entries, newest first. */
export async function entries() {
  const found = await inStore("readonly", (store) => store.getAll(), () => [...memory.values()]);
  return found.sort((a, b) => b.created - a.created);
}

/** Store an entry; delete the oldest ones above the limit. */
export async function keep(entry) {
  await inStore("readwrite", (store) => store.put(entry), () => memory.set(entry.id, entry));
  for (const old of (await entries()).slice(LIMIT)) await remove(old.id);
}

export function remove(id) {
  return inStore("readwrite", (store) => store.delete(id), () => memory.delete(id));
}

export function clear() {
  return inStore("readwrite", (store) => store.clear(), () => memory.clear());
}

async function inStore(mode, action, inMemory) {
  opening ??= open().catch(() => null);
  const database = await opening;
  if (!database) return inMemory();
  const transaction = database.transaction(STORE, mode);
  const [result] = await Promise.all([resultOf(action(transaction.objectStore(STORE))), committed(transaction)]);
  return result;
}

/** Wait until a transaction is on disk. Leaving the page earlier would lose it. */
function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
}

async function open() {
  const opened = indexedDB.open("writing-service", 1);
  opened.onupgradeneeded = () => opened.result.createObjectStore(STORE, { keyPath: "id" });
  const database = await resultOf(opened);
  database.onclose = () => { opening = null; }; // the browser's data were cleared
  return database;
}

function resultOf(dbRequest) {
  return new Promise((resolve, reject) => {
    dbRequest.onsuccess = () => resolve(dbRequest.result);
    dbRequest.onerror = () => reject(dbRequest.error);
  });
}

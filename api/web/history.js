// The last pictures, in this browser's IndexedDB; in memory alone where there is none (a private window).

const LIMIT = 24;
const STORE = "pictures";

let memory = new Map();
let opening = null;

/** Return all entries, the newest first. */
export async function entries() {
  const found = await inStore("readonly", (store) => store.getAll(), () => [...memory.values()]);
  return found.sort((a, b) => b.created - a.created);
}

/** Keep an entry; the oldest ones over the limit go. */
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

async function inStore(mode, action, otherwise) {
  opening ??= open().catch(() => null);
  const database = await opening;
  if (!database) return otherwise();
  const transaction = database.transaction(STORE, mode);
  const [result] = await Promise.all([settled(action(transaction.objectStore(STORE))), committed(transaction)]);
  return result;
}

/** Wait until a transaction is on disk: a page that is left before loses it. */
function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
}

async function open() {
  const opened = indexedDB.open("writing-service", 1);
  opened.onupgradeneeded = () => opened.result.createObjectStore(STORE, { keyPath: "id" });
  return settled(opened);
}

function settled(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

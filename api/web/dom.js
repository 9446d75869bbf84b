// Helpers for elements and for the browser's storage.

export const $ = (selector, root = document) => root.querySelector(selector);

/** The control types, in the order of the page. */
export const CONTROLS = ["canny", "depth", "segmentation", "scribble"];

/** Return a copy of the first element of a <template>. */
export function clone(id) {
  return $(`template#${id}`).content.firstElementChild.cloneNode(true);
}

/** Show a blob in an <img>, or hide the <img> if there is none. Revoke the URL of the blob before it. */
export function showBlob(image, blob) {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.hidden = !blob;
  if (blob) image.src = URL.createObjectURL(blob);
  else image.removeAttribute("src");
}

/** Call `show` with each element once it is on the screen. */
export function whenVisible(elements, show) {
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      show(target);
    }
  });
  for (const element of elements) observer.observe(element);
}

/** Return a function that runs `action` once it has not been called for `ms` milliseconds. */
export function debounce(action, ms) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), ms);
  };
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Return a stored value, or null if there is none or storage is switched off. */
export function recall(storage, name) {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

/** Store a value, or delete it if it is null. Does nothing if storage is switched off. */
export function remember(storage, name, value) {
  try {
    if (value === null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
  } catch { /* the page works without storage */ }
}

/** Return the value that `rememberJson` stored, or null if there is none. One that cannot be read is deleted. */
export function recallJson(storage, name) {
  try {
    return JSON.parse(recall(storage, name));
  } catch {
    remember(storage, name, null);
    return null;
  }
}

export const rememberJson = (storage, name, value) => remember(storage, name, JSON.stringify(value));

// The few things that every part of the page does with elements.

export const $ = (selector, root = document) => root.querySelector(selector);

/** The controls that steer, in the order in which the page shows them. */
export const CONTROLS = ["canny", "depth", "segmentation", "scribble"];

/** Return a copy of the first element of a <template>. */
export function clone(id) {
  return $(`template#${id}`).content.firstElementChild.cloneNode(true);
}

/** Show a blob in an <img>; without one, hide the <img>. The address of the blob before it is given back. */
export function showBlob(image, blob) {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.hidden = !blob;
  if (blob) image.src = URL.createObjectURL(blob);
  else image.removeAttribute("src");
}

/** Return a function that runs `action` once its calls have paused for `ms` milliseconds. */
export function debounce(action, ms) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), ms);
  };
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Return a value kept in the browser, or null; storage may be switched off. */
export function recall(storage, name) {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

/** Keep a value in the browser where that is possible; null forgets it. */
export function remember(storage, name, value) {
  try {
    if (value === null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
  } catch { /* then it lasts as long as the page */ }
}

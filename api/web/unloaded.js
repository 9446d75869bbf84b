// Tells the reader when a script of the page does not arrive: then none of the others runs, and the page has no texts.

window.addEventListener("error", ({ target }) => {
  if (target.localName === "script") document.querySelector("#unloaded")?.removeAttribute("hidden");
}, true);

// Applies the remembered theme before the first paint, so that no other theme flashes. `auto` follows the system.
(function () {
  let theme = "auto";
  try {
    theme = localStorage.getItem("theme") || theme;
  } catch { /* storage is switched off */ }
  document.documentElement.dataset.theme = theme;
})();

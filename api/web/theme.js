// Runs before the first paint: a remembered scheme must not flash. `auto` follows the system.
(function () {
  let theme = "auto";
  try {
    theme = localStorage.getItem("theme") || theme;
  } catch { /* storage is switched off */ }
  document.documentElement.dataset.theme = theme;
})();

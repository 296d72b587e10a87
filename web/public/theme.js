// Sets the chosen theme before the first paint. A file of its own because the Content-Security-Policy allows no inline script.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("coachwork.theme");
  } catch (_) {
    // storage is switched off: follow the system
  }
  var dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();

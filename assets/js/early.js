// Runs before the first paint, so that a page in the theme somebody chose does not flash in the other one first.
try {
  const theme = localStorage.getItem("muster-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's choice holds.
}

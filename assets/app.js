// Fills the start page with what only the running server knows. Everything is fetched from the server itself.

const CHECK_AGAIN_MILLIS = 5_000;
const GIVE_UP_MILLIS = 4_000;

/** Asks one of the service's own routes; a server that does not answer is an answer too. */
async function ask(path) {
  try {
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MILLIS) });
    const body = await response.json();
    return { fine: response.ok, body };
  } catch {
    return { fine: false, body: { detail: "no answer" } };
  }
}

/** Shows a check's outcome, in a word and not in colour alone. */
function show(id, { fine, body }) {
  const check = document.getElementById(id);
  const word = fine ? "yes" : `no: ${body.detail ?? "it does not say why"}`;
  check.dataset.state = fine ? "yes" : "no";
  const place = check.querySelector(".word");
  // Only changes are written, so that a screen reader is not told the same every few seconds.
  if (place.textContent !== word) place.textContent = word;
}

async function refresh() {
  if (!document.hidden) {
    const [alive, ready] = await Promise.all([ask("healthz"), ask("readyz")]);
    show("alive", alive);
    show("ready", ready);
    if (alive.body.version) document.getElementById("version").textContent = `Version ${alive.body.version}`;
  }
  setTimeout(refresh, CHECK_AGAIN_MILLIS);
}

for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;
refresh();

/**
 * The banner that says on every page what keeps the database from being written, and goes when nothing does.
 */

import { call, storageEvents } from "./api.js";
import { fill, h } from "./dom.js";
import * as format from "./format.js";
import { live } from "./live.js";
import { session } from "./session.js";
import { icon } from "./ui.js";

/** How often those are asked who may not listen to the stream, which tells it each second. */
const ASK_MILLIS = 30_000;

const banner = document.getElementById("trouble");

/** What is shown, so that a screen reader is told of changes alone. */
let shown = "";

/** @param {{kind: string, since: string, message: string} | null} trouble */
function show(trouble) {
  const text = trouble && session() !== null ? `${trouble.kind} ${trouble.since}` : "";
  if (text === shown) return;
  shown = text;
  banner.hidden = !text;
  if (!text) return fill(banner);
  fill(
    banner,
    icon("warning"),
    h(
      "div",
      {},
      h("p", { class: "trouble-what" }, "Changes are refused. ", `${trouble.message}.`),
      h(
        "p",
        { class: "note" },
        "Since ",
        h("time", { datetime: trouble.since }, format.momentToSecond(Date.parse(trouble.since))),
        ". What is stored can be read, and nothing of it is lost.",
      ),
    ),
  );
}

/** Asks, where the stream does not tell. */
async function ask() {
  if (session() === null) return show(null);
  try {
    show((await call("GET", "healthz")).body.trouble ?? null);
  } catch {
    // A server that does not answer is shown as a lost connection.
  }
}

/** Watches from now on, whoever signs in. */
export function watchTrouble() {
  live.on("sample", ({ trouble }) => show(trouble ?? null));
  storageEvents.addEventListener("refused", ask);
  setInterval(() => {
    if (session() !== null && live.state === "off" && !document.hidden) ask();
  }, ASK_MILLIS);
  return ask;
}

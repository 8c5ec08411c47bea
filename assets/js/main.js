/**
 * The frame around the pages: who is signed in, which page is shown, how the connection stands, and in which colours.
 */

import { sessionEvents } from "./api.js";
import { fill, h, name, say } from "./dom.js";
import { live } from "./live.js";
import { forgetSession, loadSession, may, session, signOut } from "./session.js";
import { watchTrouble } from "./trouble.js";
import { button, failed, icon, state, toast } from "./ui.js";
import * as access from "./pages/access.js";
import * as enterprises from "./pages/enterprises.js";
import * as entries from "./pages/entries.js";
import * as overview from "./pages/overview.js";
import * as signIn from "./pages/sign-in.js";
import * as tuning from "./pages/tuning.js";

/** The pages, in their order in the navigation, each with who may see it. */
const PAGES = [
  { path: "overview", title: "Overview", show: overview.show, allowed: may.watchCache },
  { path: "entries", title: "Entries", show: entries.show, allowed: may.watchCache },
  { path: "tuning", title: "Tuning", show: tuning.show, allowed: may.watchCache },
  { path: "enterprises", title: "Enterprises", show: enterprises.show, allowed: () => session() !== null },
  { path: "access", title: "Access", show: access.show, allowed: may.administer },
];

const LIVE_WORDS = { connecting: "Connecting", live: "Live", lost: "Reconnecting" };

const content = document.getElementById("content");
const navigation = document.getElementById("pages");

/** Asks whether the database can be written: at once, where nothing tells it yet. */
const askForTrouble = watchTrouble();

/** What to call when the page that is shown goes: it ends its timers and its listening. */
let leave = null;

/** Where somebody wanted to go before signing in. */
let wanted = "";

/** @returns {{path: string, segments: string[], query: URLSearchParams}} */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [first = "", ...segments] = path.split("/").map(decode);
  return { path: first, segments, query: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function home() {
  return may.watchCache() ? "overview" : "enterprises";
}

function render() {
  leave?.();
  leave = null;
  const here = route();
  const hasCode = here.path === "sign-in" && here.segments[0] !== undefined;
  if (hasCode || session() === null) return showSignIn(here);
  if (here.path === "" || here.path === "sign-in") return location.replace(`#/${home()}`);
  const page = PAGES.find(({ path }) => path === here.path);
  document.title = page ? `${page.title} · Muster` : "Not found · Muster";
  markCurrent(here.path);
  content.dataset.page = here.path;
  const container = h("div", { class: "page" });
  fill(content, container);
  if (!page) {
    container.append(
      state(
        "empty",
        h("h1", { tabindex: -1 }, "There is no such page"),
        "The address leads nowhere.",
        h("a", { class: "button primary-button", href: `#/${home()}` }, "To the start"),
      ),
    );
  } else if (!page.allowed()) {
    const why =
      session().enterpriseId === null
        ? `Only an administrator may see ${page.title}. You are signed in as ${session().role}.`
        : "Your token is limited to one enterprise, and this page is about all of them.";
    container.append(
      h("h1", { class: "page-title" }, page.title),
      state(
        "forbidden",
        "Not allowed",
        why,
        h("a", { class: "button primary-button", href: `#/${home()}` }, "To what you may see"),
      ),
    );
  } else {
    leave = page.show(container, here) ?? null;
  }
  window.scrollTo(0, 0);
}

function showSignIn(here) {
  document.title = "Sign in · Muster";
  document.body.dataset.signedIn = "no";
  content.dataset.page = "sign-in";
  // The code of a one-time link is used once and belongs neither into the history nor on the screen.
  const code = here.path === "sign-in" ? here.segments[0] : undefined;
  if (here.path === "sign-in") history.replaceState(null, "", "#/");
  else if (here.path !== "") wanted = location.hash;
  const container = h("div", { class: "page" });
  fill(content, container);
  signIn.show(container, { code, done: enter });
}

/** Begins with what a session may see. */
function enter() {
  document.body.dataset.signedIn = "yes";
  fillNavigation();
  fillAccount();
  if (may.watchCache()) live.start();
  showLive();
  askForTrouble();
  const target = wanted;
  wanted = "";
  if (target && location.hash !== target) location.hash = target;
  else render();
}

/** Ends, because somebody signed out or the session is over. */
function end(message) {
  if (session() === null && document.body.dataset.signedIn !== "yes") return;
  forgetSession();
  live.stop();
  showLive();
  askForTrouble();
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  document.getElementById("account").hidden = true;
  fill(navigation);
  render();
  if (message) toast(message, "bad");
}

function fillNavigation() {
  fill(
    navigation,
    h(
      "ul",
      {},
      PAGES.filter(({ allowed }) => allowed()).map(({ path, title }) =>
        h("li", {}, h("a", { href: `#/${path}`, data: { page: path } }, icon(path), h("span", {}, title))),
      ),
    ),
  );
}

function markCurrent(path) {
  for (const link of navigation.querySelectorAll("a")) {
    if (link.dataset.page === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function fillAccount() {
  const { name: who, role, enterpriseId } = session();
  const opener = document.getElementById("account");
  const menu = document.getElementById("menu");
  opener.hidden = false;
  fill(opener, icon("person"), h("span", { class: "account-name" }, name(who)));
  opener.setAttribute("aria-label", `Account and appearance: ${who}`);
  const chosen = document.documentElement.dataset.theme ?? "system";
  const theme = (value, label) =>
    h(
      "label",
      { class: "choice" },
      h("input", {
        type: "radio",
        name: "theme",
        value,
        checked: value === chosen,
        on: { change: () => setTheme(value) },
      }),
      label,
    );
  fill(
    menu,
    h(
      "p",
      { class: "menu-who" },
      name(who),
      h("span", { class: "note" }, enterpriseId ? `${role} of ${enterpriseId}` : role),
    ),
    h(
      "fieldset",
      { class: "segments", id: "theme" },
      h("legend", {}, "Appearance"),
      theme("system", "System"),
      theme("light", "Light"),
      theme("dark", "Dark"),
    ),
    h("a", { href: "docs" }, "API reference"),
    button(
      "Sign out",
      () => {
        menu.hidePopover();
        signOut().then(
          () => end(),
          (error) => toast(error.message, "bad"),
        );
      },
      { id: "sign-out" },
    ),
  );
}

function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("muster-theme");
    else localStorage.setItem("muster-theme", theme);
  } catch {
    // Without storage it holds until the page is closed.
  }
}

function showLive() {
  const element = document.getElementById("live");
  element.hidden = live.state === "off";
  element.dataset.state = live.state;
  say(element.querySelector(".live-word"), LIVE_WORDS[live.state] ?? "");
}

async function start() {
  document.getElementById("skip").addEventListener("click", () => content.focus());
  addEventListener("hashchange", () => {
    const before = content.dataset.page;
    render();
    // Who navigates by ear hears where the way led; who chose among views of one page goes on from there.
    const chosen = content.dataset.page === before && content.querySelector('[aria-current="true"]');
    (chosen || content.querySelector("h1"))?.focus({ preventScroll: true });
  });
  sessionEvents.addEventListener("signed-out", () => end("Your session has ended. Sign in again."));
  live.on("signed-out", () => end("Your session has ended. Sign in again."));
  live.on("state", showLive);
  const here = route();
  if (here.path === "sign-in" && here.segments[0]) return render();
  try {
    await loadSession();
  } catch (error) {
    return fill(
      content,
      h(
        "div",
        { class: "page" },
        failed(error, () => location.reload()),
      ),
    );
  }
  if (session()) enter();
  else render();
}

start();

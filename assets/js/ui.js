/**
 * The parts that pages are made of: messages, dialogs, states, badges, tables.
 */

import { fill, h, s, uniqueId } from "./dom.js";
import { count, counted } from "./format.js";

/** How long a message that needs nobody's attention stays. */
const TOAST_MILLIS = 6_000;

/** Paths of the icons, on a grid of 24. */
const ICONS = {
  overview: "M4 20V11M10 20V4M16 20v-7M22 20H2",
  entries: "M4 6h16M4 12h16M4 18h10",
  tuning: "M4 7h9M19 7h1M4 17h1M11 17h9M16 4v6M8 14v6",
  enterprises: "M4 21V5l8-2v18M12 9l8 2v10M2 21h20M7.5 8v.01M7.5 12v.01M7.5 16v.01M16 14v.01M16 17.5v.01",
  access: "M8 15a4 4 0 1 1 3.5-6H21v4h-2v3h-4v-3h-3.5A4 4 0 0 1 8 15zM7.5 11v.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4L2.5 20h19zM12 10v4.5M12 17.5v.01",
  none: "M6 12h12",
  close: "M6 6l12 12M18 6L6 18",
  up: "M7 14l5-5 5 5",
  down: "M7 10l5 5 5-5",
  both: "M8 10l4-4 4 4M8 14l4 4 4-4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  empty: "M3 13l3-8h12l3 8v6H3zM3 13h5l1.5 3h5l1.5-3h5",
  refresh: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  back: "M15 6l-6 6 6 6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
};

/** A drawing beside words that say the same. */
export function icon(name) {
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    s("path", { d: ICONS[name] }),
  );
}

/**
 * A button.
 *
 * @param {string} label
 * @param {(event: Event) => void} run
 * @param {Record<string, any>} [attributes] `look` is `primary`, `danger` or `quiet`.
 */
export function button(label, run, { look, icon: drawing, ...attributes } = {}) {
  return h(
    "button",
    {
      type: "button",
      ...attributes,
      class: `button${look ? ` ${look}-button` : ""} ${attributes.class ?? ""}`.trim(),
      on: { click: run },
    },
    drawing && icon(drawing),
    label,
  );
}

/** A short word with a colour, which never says more than the word. */
export function badge(text, tone, drawing) {
  return h("span", { class: `badge badge-${tone}` }, drawing && icon(drawing), text);
}

/**
 * Says something at the edge of the page.
 *
 * @param {string} text
 * @param {"good" | "bad"} [tone] A bad message stays until it is closed.
 */
export function toast(text, tone = "good") {
  const region = document.getElementById("toasts");
  let timer = 0;
  const close = () => {
    clearTimeout(timer);
    element.remove();
  };
  const element = h(
    "div",
    { class: `toast toast-${tone}`, role: tone === "bad" ? "alert" : "status" },
    icon(tone === "bad" ? "warning" : "check"),
    h("p", {}, text),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Close this message", on: { click: close } },
      icon("close"),
    ),
  );
  const start = () => {
    if (tone === "good") timer = setTimeout(close, TOAST_MILLIS);
  };
  element.addEventListener("pointerenter", () => clearTimeout(timer));
  element.addEventListener("pointerleave", start);
  // What is outside of an open dialog can be neither read nor closed, so the dialog holds the messages meanwhile.
  (document.querySelector("dialog[open]") ?? document.body).append(region);
  region.append(element);
  start();
}

/** Runs something that a button began: the button is busy meanwhile, and a failure is said. */
export async function withBusy(element, work) {
  element.setAttribute("aria-busy", "true");
  element.disabled = true;
  try {
    return await work();
  } catch (error) {
    toast(error.message, "bad");
    return undefined;
  } finally {
    element.removeAttribute("aria-busy");
    element.disabled = false;
  }
}

/**
 * Opens a dialog. It closes when its work is done; a failure is said inside.
 *
 * @param {object} options
 * @param {string} options.id
 * @param {string} options.title
 * @param {any} options.body
 * @param {string} [options.confirm] The word on the button that does it; without one there is only a way out.
 * @param {"primary" | "danger"} [options.look]
 * @param {() => Promise<any>} [options.run] What the button does. `false` leaves the dialog open.
 * @param {string} [options.cancel]
 * @param {boolean} [options.wide]
 * @returns {{close: () => void, element: HTMLDialogElement, confirm: HTMLButtonElement, fail: (text: string) => void}}
 */
export function openDialog({ id, title, body, confirm, look = "primary", run, cancel = "Cancel", wide }) {
  const titleId = uniqueId("dialog-title");
  const failure = h("p", { class: "form-error", role: "alert", hidden: true });
  const confirmButton =
    confirm && h("button", { type: "submit", class: `button ${look}-button`, data: { action: "confirm" } }, confirm);
  const cancelButton = h(
    "button",
    { type: "button", class: "button", data: { action: "cancel" }, on: { click: () => element.close() } },
    cancel,
  );
  const fail = (text) => {
    fill(failure, text);
    failure.hidden = !text;
  };
  const leave = () => {
    const messages = element.querySelector("#toasts");
    if (messages) document.body.append(messages);
    element.remove();
  };
  const submit = async (event) => {
    event.preventDefault();
    if (!run || confirmButton.disabled) return;
    fail("");
    confirmButton.disabled = true;
    confirmButton.setAttribute("aria-busy", "true");
    try {
      if ((await run()) !== false) element.close();
    } catch (error) {
      fail(error.message);
    } finally {
      confirmButton.disabled = false;
      confirmButton.removeAttribute("aria-busy");
    }
  };
  const element = h(
    "dialog",
    { id, class: `dialog${wide ? " wide" : ""}`, "aria-labelledby": titleId, on: { close: leave } },
    h(
      "form",
      { novalidate: true, on: { submit } },
      h("header", {}, h("h2", { id: titleId }, title)),
      h("div", { class: "dialog-body" }, body, failure),
      h("footer", {}, cancelButton, confirmButton),
    ),
  );
  document.body.append(element);
  element.showModal();
  // A dialog that scrolls would take the focus itself.
  (element.querySelector(".dialog-body :is(input, select, code):not(:disabled)") ?? cancelButton).focus();
  return { close: () => element.close(), element, confirm: confirmButton, fail };
}

/**
 * What stands where something would be: nothing there, not allowed, failed.
 *
 * @param {"empty" | "error" | "forbidden"} kind
 * @param {string | Node} title An element where it is the heading of the whole page.
 * @param {any} text
 * @param {...any} actions
 */
export function state(kind, title, text, ...actions) {
  const drawing = { empty: "empty", error: "warning", forbidden: "lock" }[kind];
  return h(
    "div",
    { class: `state state-${kind}`, data: { state: kind }, role: kind === "error" ? "alert" : null },
    icon(drawing),
    title instanceof Node ? title : h("h2", {}, title),
    text && h("p", {}, text),
    actions.length > 0 && h("div", { class: "actions" }, actions),
  );
}

/** The state of something that could not be read, with a way to try again. */
export function failed(error, retry) {
  if (error.status === 403) return state("forbidden", "Not allowed", error.message);
  const number = error.requestId ? ` In the server’s log this is request ${error.requestId}.` : "";
  return state(
    "error",
    "This could not be read",
    `${error.message}.${number}`.replace("..", "."),
    button("Try again", retry, { look: "primary", data: { action: "retry" } }),
  );
}

/** A grey place of the size that something will have. */
export function skeleton(className) {
  return h("div", { class: `skeleton ${className}`, "aria-hidden": "true" });
}

/** Grey rows of a table that is being read. */
export function skeletonRows(rows, columns) {
  return Array.from({ length: rows }, () =>
    h(
      "tr",
      { "aria-hidden": "true" },
      Array.from({ length: columns }, () => h("td", {}, skeleton("skeleton-line"))),
    ),
  );
}

/**
 * A table with a head.
 *
 * @param {{id: string, caption: string, columns: {name: string, figure?: boolean, optional?: boolean, hidden?: boolean}[]}} options
 * @returns {{element: HTMLElement, body: HTMLElement}}
 */
export function table({ id, caption, columns }) {
  const body = h("tbody", {});
  const head = columns.map(({ name, figure, optional, hidden }) =>
    h(
      "th",
      { scope: "col", class: [figure && "figure", optional && "optional"].filter(Boolean).join(" ") || null },
      hidden ? h("span", { class: "sr-only" }, name) : name,
    ),
  );
  const element = h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": `${caption}, to be scrolled` },
    h(
      "table",
      { class: "table", id },
      h("caption", { class: "sr-only" }, caption),
      h("thead", {}, h("tr", {}, head)),
      body,
    ),
  );
  return { element, body };
}

/** A row that says that there is none. */
export function emptyRow(columns, text) {
  return h("tr", { class: "empty-row" }, h("td", { colspan: columns }, text));
}

/**
 * Words for the pages of a list, and the ways to the others.
 *
 * @param {{page: number, size: number, total: number, one: string, many: string, go: (page: number) => void}} about
 */
export function pager({ page, size, total, one, many, go }) {
  const first = total === 0 ? 0 : (page - 1) * size + 1;
  const last = Math.min(page * size, total);
  const words =
    total <= size ? counted(total, one, many) : `${count(first)}–${count(last)} of ${counted(total, one, many)}`;
  return h(
    "div",
    { class: "pager" },
    h("p", { role: "status" }, words),
    total > size &&
      h(
        "div",
        { class: "actions" },
        button("Previous", () => go(page - 1), { disabled: page <= 1, data: { action: "previous" } }),
        button("Next", () => go(page + 1), { disabled: last >= total, data: { action: "next" } }),
      ),
  );
}

/**
 * A field with its label, a hint, and a place beside it for what is wrong.
 *
 * @param {{label: string, control: HTMLElement, hint?: any, name?: string}} options
 * @returns {{element: HTMLElement, control: HTMLElement, fail: (message: string) => void}}
 */
export function field({ label, control, hint, name: fieldName }) {
  const id = control.id || uniqueId("field");
  control.id = id;
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const hintElement = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  const describedBy = [hintElement && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", describedBy);
  const element = h(
    "div",
    { class: "field", data: { field: fieldName } },
    h("label", { for: id }, label),
    control,
    hintElement,
    error,
  );
  const fail = (message) => {
    error.hidden = !message;
    if (error.textContent !== message) error.textContent = message;
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return { element, control, fail };
}

/** Says each of a problem's errors beside its field, if it is here; what is left is returned as one sentence. */
export function failFields(problem, fields) {
  const left = [];
  for (const { field: fieldName, message } of problem.errors ?? []) {
    if (fields[fieldName]) fields[fieldName].fail(sentence(message));
    else left.push(`${fieldName} ${message}`);
  }
  return problem.errors?.length > 0 ? left.join("; ") : problem.message;
}

/** `Must be …`, as a sentence of its own. */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Copies a text, and says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not allow copying here; select the text and copy it by hand", "bad");
  }
}

/** A text to be copied. */
export function copyable(text, label, id) {
  return h(
    "div",
    { class: "copyable" },
    // It breaks between words, and inside of one only where that is longer than the line.
    h("code", { id, tabindex: 0 }, text.split(" ").map((word, at) => [at > 0 && " ", h("span", {}, word)])),
    button("Copy", () => copy(text), { icon: "copy", "aria-label": `Copy ${label}` }),
  );
}

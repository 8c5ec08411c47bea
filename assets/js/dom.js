/**
 * Elements, made without a template: whatever is given as a child becomes text, so names are shown and never run.
 */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */

/**
 * Makes an element.
 *
 * `on` holds listeners, `data` data attributes, `prop` properties; everything else is an attribute, left out when it is
 * `null`, `undefined` or `false`, and empty when it is `true`.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** Makes an SVG element, in the same way. */
export function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      for (const [key, datum] of Object.entries(value)) if (datum != null) element.dataset[key] = datum;
    } else if (name === "prop") {
      Object.assign(element, value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value != null && value !== false) {
      element.setAttribute(name, value);
    }
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child instanceof Node) element.append(child);
    else if (child != null && child !== false) element.append(String(child));
  }
}

/** Puts these children in the place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Puts these in the place of all that stands behind an element, which stays where it is, with the focus if it has that. */
export function fillAfter(element, ...children) {
  while (element.nextSibling) element.nextSibling.remove();
  append(element.parentElement, children);
}

/** Sets an element's text, and leaves it alone when it says so already, so that a screen reader is told only news. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A name that somebody gave, in its own direction of writing. */
export function name(text, attributes) {
  return h("bdi", { dir: "auto", title: text, ...attributes, class: `name ${attributes?.class ?? ""}`.trim() }, text);
}

/** The key of a cache entry; where there is little room it breaks after its colons. */
export function keyText(key) {
  const pieces = key.split(/(?<=:)/);
  return h(
    "code",
    {},
    pieces.map((piece, index) => [index > 0 && h("wbr"), piece]),
  );
}

let ids = 0;

/** An id that no other element has. */
export function uniqueId(word) {
  ids += 1;
  return `${word}-${ids}`;
}

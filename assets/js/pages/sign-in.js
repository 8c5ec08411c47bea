/**
 * Signing in, by a token or by a one-time link.
 */

import { fill, h } from "../dom.js";
import { signIn } from "../session.js";
import { field } from "../ui.js";

/**
 * @param {HTMLElement} container
 * @param {{code?: string, done: () => void}} options
 */
export function show(container, { code, done }) {
  const token = field({
    label: "Token",
    control: h("input", {
      type: "password",
      id: "token",
      name: "token",
      autocomplete: "current-password",
      required: true,
      spellcheck: "false",
      autocapitalize: "off",
    }),
    hint: "It is exchanged for a session and not kept in this page.",
  });
  const submit = h("button", { type: "submit", class: "button primary-button", id: "sign-in" }, "Sign in");
  const news = h("p", { class: "form-error", id: "sign-in-error", role: "alert", hidden: true });

  const exchange = async (secret) => {
    news.hidden = true;
    submit.disabled = true;
    submit.setAttribute("aria-busy", "true");
    try {
      await signIn(secret);
      done();
    } catch (error) {
      fill(news, secret.code ? "This link did not let you in. " : "", error.message);
      news.hidden = false;
      token.control.focus();
    } finally {
      submit.disabled = false;
      submit.removeAttribute("aria-busy");
    }
  };

  const send = (event) => {
    event.preventDefault();
    const text = token.control.value.trim();
    token.fail(text ? "" : "Enter a token");
    if (text) exchange({ token: text });
    else token.control.focus();
  };

  fill(
    container,
    h(
      "div",
      { class: "sign-in" },
      h(
        "section",
        { class: "card" },
        h("img", { src: "icon.svg", alt: "", width: 48, height: 48 }),
        h("h1", { tabindex: -1 }, "Sign in to Muster"),
        h(
          "form",
          { novalidate: true, on: { submit: send } },
          // Password managers file a token under a name.
          h("input", { type: "text", name: "username", autocomplete: "username", value: "muster", hidden: true }),
          token.element,
          news,
          submit,
        ),
      ),
      h(
        "details",
        { class: "card help" },
        h("summary", {}, "No token at hand?"),
        h("p", {}, "On the machine that runs the server, make a link that works once:"),
        h("pre", { tabindex: 0 }, h("code", {}, "muster sign-in-link")),
        h("p", {}, "Or make a token, which is shown once:"),
        h("pre", { tabindex: 0 }, h("code", {}, "muster token create --role admin")),
      ),
      h("p", { class: "note" }, h("a", { href: "docs" }, "API reference")),
    ),
  );

  if (code) exchange({ code });
  else token.control.focus();
}

/**
 * Tuning: each setting as a slider and as text, what it would bring, what will change, and what changed before.
 */

import { call, Problem, read, serverNow } from "../api.js";
import { fill, fillAfter, h, name } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { may } from "../session.js";
import { badge, button, failed, failFields, skeleton, toast, withBusy } from "../ui.js";
import { flatten, SETTINGS, settingWords } from "./settings.js";
import { Control } from "./tuning-control.js";

/** Changes that the page shows at once. */
const HISTORY_SHOWN_MAX = 20;

/** The predictions are read anew this often while the page is shown: a little longer than the server keeps each. */
const PREDICT_MILLIS = 7_000;

/**
 * @param {HTMLElement} container
 */
export function show(container) {
  const page = new Tuning(container);
  page.begin();
  return () => page.end();
}

class Tuning {
  #container;
  #head = h("header", { class: "page-head" }, h("h1", { class: "page-title", tabindex: -1 }, "Tuning"));
  #configuration = null;
  #defaults = null;
  #version = 0;
  #tag = null;
  /** Controls by the name of their field. */
  #controls = new Map();
  #changes = h("div", { class: "changes", id: "changes" });
  #history = h("ol", { class: "history", id: "history" });
  #news = h("div", { class: "news" });
  #endings = [];
  #stopped = new AbortController();
  #timer = 0;

  constructor(container) {
    this.#container = container;
  }

  begin() {
    fill(
      this.#container,
      this.#head,
      h(
        "div",
        { class: "tuning" },
        h(
          "div",
          { class: "stack" },
          sectionHead(SETTINGS[0]),
          Array.from({ length: 3 }, () => skeleton("skeleton-setting card")),
        ),
        h("div", { class: "stack" }, skeleton("skeleton-panel card")),
      ),
    );
    this.#endings = [
      live.on("configuration", ({ version }) => version !== this.#version && this.#reload()),
      live.on("reset", () => this.#reload()),
    ];
    this.#timer = setInterval(() => !document.hidden && this.#predict(), PREDICT_MILLIS);
    this.#load();
  }

  end() {
    clearInterval(this.#timer);
    this.#stopped.abort();
    this.#endings.forEach((ending) => ending());
  }

  async #fetch() {
    const { body, headers } = await read("cache/config", {}, { signal: this.#stopped.signal });
    this.#defaults = body.defaults;
    this.#take(body, headers);
  }

  #take({ configuration, version }, headers) {
    this.#configuration = configuration;
    this.#version = version;
    this.#tag = headers.get("ETag");
  }

  async #load() {
    try {
      await this.#fetch();
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        fillAfter(
          this.#head,
          failed(error, () => this.#load()),
        );
      return;
    }
    this.#controls.clear();
    const values = flatten(this.#configuration);
    const sections = SETTINGS.map(({ title, note, settings }) =>
      h(
        "section",
        { class: "stack", "aria-label": title },
        sectionHead({ title, note }),
        h(
          "div",
          { class: settings[0].steps ? "stack" : "setting-grid" },
          settings.map((setting) => {
            const control = new Control(setting, values[setting.field], () => this.#onInput());
            this.#controls.set(setting.field, control);
            return control.element;
          }),
        ),
      ),
    );
    const panel = h(
      "aside",
      { class: "stack tuning-side", tabindex: 0, "aria-label": "Changes and history" },
      may.administer()
        ? h(
            "section",
            { class: "card changes-card", "aria-labelledby": "changes-title" },
            h("h2", { id: "changes-title" }, "What will change"),
            this.#changes,
          )
        : h(
            "section",
            { class: "card" },
            h("h2", {}, "Read only"),
            h("p", { class: "note" }, "Only an administrator may change these settings."),
          ),
      h(
        "section",
        { class: "card", "aria-labelledby": "history-title" },
        h("h2", { id: "history-title" }, "History"),
        this.#history,
      ),
    );
    fillAfter(
      this.#head,
      this.#news,
      h(
        "div",
        { class: "tuning" },
        h(
          "form",
          { class: "stack wide-gap", id: "settings", novalidate: true, on: { submit: (event) => this.#apply(event) } },
          sections,
        ),
        panel,
      ),
    );
    this.#onInput();
    this.#predict();
    this.#readHistory();
  }

  /** Somebody else changed something: what is chosen here stays chosen. */
  async #reload() {
    if (!this.#configuration) return;
    try {
      await this.#fetch();
    } catch {
      return;
    }
    const values = flatten(this.#configuration);
    for (const [field, control] of this.#controls) control.setCurrent(values[field]);
    this.#onInput();
    this.#predict();
    this.#readHistory();
  }

  #chosen() {
    return [...this.#controls.values()].filter((control) => control.isChanged);
  }

  #onInput() {
    if (!may.administer()) return;
    const chosen = this.#chosen();
    const wrong = chosen.filter((control) => control.value === null);
    this.#changes.parentElement.dataset.any = chosen.length === 0 ? "no" : "yes";
    if (chosen.length === 0) {
      fill(
        this.#changes,
        h("p", { class: "note" }, "Nothing. Move a slider or type a value; it takes effect when you apply it."),
      );
      return;
    }
    const row = (control) =>
      h(
        "li",
        { data: { change: control.setting.field } },
        h("span", {}, control.setting.label),
        h(
          "span",
          { class: "change-values" },
          h("span", { class: "before" }, control.words(control.current)),
          h("span", { "aria-hidden": "true" }, "→"),
          h("span", { class: "sr-only" }, "becomes"),
          control.value === null ? badge("Invalid", "bad", "warning") : h("strong", {}, control.words(control.value)),
        ),
      );
    fill(
      this.#changes,
      h("ul", { class: "change-list" }, chosen.map(row)),
      wrong.length > 0 &&
        h(
          "p",
          { class: "form-error" },
          `${format.counted(wrong.length, "value")} cannot be set; see beside the field.`,
        ),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          { type: "submit", form: "settings", class: "button primary-button", id: "apply", disabled: wrong.length > 0 },
          `Apply ${format.counted(chosen.length, "change")}`,
        ),
        button("Discard", () => this.#discard(), { id: "discard" }),
      ),
    );
  }

  #discard() {
    for (const control of this.#controls.values()) control.choose(control.current);
    this.#onInput();
  }

  async #apply(event) {
    event.preventDefault();
    const chosen = this.#chosen();
    if (!may.administer() || chosen.length === 0 || chosen.some((control) => control.value === null)) return;
    const patch = {};
    for (const { setting, value } of chosen) {
      const [group, key] = setting.field.split(".");
      if (key) (patch[group] ??= {})[key] = value;
      else patch[group] = value;
    }
    const element = document.getElementById("apply");
    element.disabled = true;
    element.setAttribute("aria-busy", "true");
    try {
      const { body, headers } = await call("PUT", "cache/config", {
        body: patch,
        headers: this.#tag ? { "If-Match": this.#tag } : {},
      });
      this.#settle(body, headers);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #settle(body, headers) {
    this.#take(body, headers);
    const values = flatten(this.#configuration);
    for (const [field, control] of this.#controls) {
      control.setCurrent(values[field]);
      control.choose(values[field]);
    }
    toast(body.message);
    this.#onInput();
    this.#predict();
    this.#readHistory();
  }

  async #refuse(error) {
    const isChangedElsewhere = error instanceof Problem && error.status === 412;
    if (isChangedElsewhere) await this.#reload();
    else this.#onInput();
    const fields = Object.fromEntries(this.#controls);
    const words = isChangedElsewhere
      ? "Somebody else changed the settings meanwhile. They are shown as they are now; look again at what you chose."
      : failFields(error, fields);
    if (words) toast(words, "bad");
    this.#chosen()
      .find((control) => control.isRefused)
      ?.focus();
  }

  async #predict() {
    const { signal } = this.#stopped;
    const predicted = [...this.#controls.values()].filter(({ setting }) => setting.predict);
    await Promise.all(
      predicted.map(async (control) => {
        try {
          const { body } = await read("cache/analytics/what-if", control.setting.predict, { signal });
          control.predict(body);
        } catch (error) {
          if (!signal.aborted) control.predict(null, error.message);
        }
      }),
    );
  }

  async #readHistory() {
    try {
      const { body } = await read(
        "cache/config/history",
        // One more, to say what the oldest that is shown has changed.
        { limit: HISTORY_SHOWN_MAX + 1 },
        { signal: this.#stopped.signal },
      );
      this.#fillHistory(body.history);
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        fill(
          this.#history,
          h(
            "li",
            {},
            failed(error, () => this.#readHistory()),
          ),
        );
    }
  }

  #fillHistory(versions) {
    if (versions.length === 0)
      return fill(this.#history, h("li", { class: "note" }, "Nobody has changed the defaults."));
    const now = serverNow();
    const entry = (version, index) => {
      const at = Date.parse(version.at);
      const isNow = version.version === this.#version;
      const before = version.version === 1 ? { configuration: this.#defaults } : versions[index + 1];
      return h(
        "li",
        { data: { version: version.version } },
        h(
          "div",
          { class: "history-head" },
          h("strong", {}, `Version ${version.version}`),
          isNow
            ? badge("Holds now", "good", "check")
            : may.administer() &&
                button("Revert to this", (event) => this.#revert(version.version, event.currentTarget), {
                  class: "small",
                  data: { action: "revert" },
                  "aria-label": `Revert to this: version ${version.version}`,
                }),
        ),
        h(
          "p",
          { class: "note" },
          h("time", { datetime: version.at, title: format.momentToSecond(at) }, format.ago(at, now)),
          " by ",
          name(version.actor),
        ),
        differences(version.configuration, before?.configuration),
      );
    };
    const defaults =
      this.#version > 0 &&
      versions.length <= HISTORY_SHOWN_MAX &&
      h(
        "li",
        { data: { version: 0 } },
        h(
          "div",
          { class: "history-head" },
          h("strong", {}, "Defaults"),
          may.administer() &&
            button("Revert to these", (event) => this.#revert(0, event.currentTarget), {
              class: "small",
              data: { action: "revert" },
            }),
        ),
      );
    return fill(this.#history, versions.slice(0, HISTORY_SHOWN_MAX).map(entry), defaults);
  }

  async #revert(version, element) {
    const headers = this.#tag ? { "If-Match": this.#tag } : {};
    const answer = await withBusy(element, () => call("POST", "cache/config/revert", { body: { version }, headers }));
    if (answer) this.#settle(answer.body, answer.headers);
    else this.#reload();
  }
}

function sectionHead({ title, note }) {
  return h("div", { class: "section-head" }, h("h2", {}, title), note && h("p", { class: "note" }, note));
}

/** What a version changed of the one before it. */
function differences(after, before) {
  if (!before) return null;
  const [now, then] = [flatten(after), flatten(before)];
  const changed = Object.keys(now).filter((field) => now[field] !== then[field] && settingWords(field));
  return h(
    "ul",
    { class: "difference" },
    changed.map((field) => {
      const { label, words } = settingWords(field);
      return h(
        "li",
        {},
        `${label}: `,
        h("span", { class: "before" }, words(then[field])),
        " → ",
        h("strong", {}, words(now[field])),
      );
    }),
  );
}

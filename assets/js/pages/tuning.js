/**
 * Tuning: each setting as a slider and as text, what it would bring, what will change, and what changed before.
 */

import { call, Problem, read, serverNow } from "../api.js";
import { Chart } from "../chart.js";
import { fill, h, name } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { may } from "../session.js";
import { badge, button, emptyRow, failed, failFields, sentence, skeleton, toast, withBusy } from "../ui.js";
import { flatten, SETTINGS, settingWords, showValue } from "./settings.js";

/** Changes that the page shows at once. */
const HISTORY_SHOWN_MAX = 20;

/** The predictions change slowly; they are read anew this often while the page is shown. */
const PREDICT_MILLIS = 30_000;

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
  #configuration = null;
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
    fill(this.#container, this.#head(), h("div", { class: "tuning" },
      h("div", { class: "stack" }, sectionHead(SETTINGS[0]), Array.from({ length: 3 }, () => skeleton("skeleton-setting card"))), h("div", { class: "stack" }, skeleton("skeleton-panel card"))));
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

  #head() {
    return h("header", { class: "page-head" }, h("h1", { class: "page-title", tabindex: -1 }, "Tuning"));
  }

  async #fetch() {
    const { body, headers } = await read("cache/config", {}, { signal: this.#stopped.signal });
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
      if (!this.#stopped.signal.aborted) fill(this.#container, this.#head(), failed(error, () => this.#load()));
      return;
    }
    this.#controls.clear();
    const values = flatten(this.#configuration);
    const sections = SETTINGS.map(({ title, note, settings }) => h("section", { class: "stack", "aria-label": title },
      sectionHead({ title, note }),
      h("div", { class: settings[0].steps ? "stack" : "setting-grid" }, settings.map((setting) => {
        const control = new Control(setting, values[setting.field], () => this.#onInput());
        this.#controls.set(setting.field, control);
        return control.element;
      }))));
    const panel = h("aside", { class: "stack tuning-side", tabindex: 0, "aria-label": "Changes and history" },
      may.administer()
        ? h("section", { class: "card changes-card", "aria-labelledby": "changes-title" }, h("h2", { id: "changes-title" }, "What will change"), this.#changes)
        : h("section", { class: "card" }, h("h2", {}, "Read only"), h("p", { class: "note" }, "Only an administrator may change these settings.")),
      h("section", { class: "card", "aria-labelledby": "history-title" }, h("h2", { id: "history-title" }, "History"), this.#history));
    fill(this.#container, this.#head(), this.#news, h("div", { class: "tuning" }, h("form", { class: "stack wide-gap", id: "settings", novalidate: true, on: { submit: (event) => this.#apply(event) } }, sections), panel));
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
      fill(this.#changes, h("p", { class: "note" }, "Nothing. Move a slider or type a value; it takes effect when you apply it."));
      return;
    }
    const row = (control) => h("li", { data: { change: control.setting.field } }, h("span", {}, control.setting.label),
      h("span", { class: "change-values" }, h("span", { class: "before" }, control.words(control.current)), h("span", { "aria-hidden": "true" }, "→"), h("span", { class: "sr-only" }, "becomes"),
        control.value === null ? badge("Invalid", "bad", "warning") : h("strong", {}, control.words(control.value))));
    fill(this.#changes, h("ul", { class: "change-list" }, chosen.map(row)),
      wrong.length > 0 && h("p", { class: "form-error" }, `${format.counted(wrong.length, "value")} cannot be set; see beside the field.`),
      h("div", { class: "actions" },
        h("button", { type: "submit", form: "settings", class: "button primary-button", id: "apply", disabled: wrong.length > 0 }, `Apply ${format.counted(chosen.length, "change")}`),
        button("Discard", () => this.#discard(), { id: "discard" })));
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
      const { body, headers } = await call("PUT", "cache/config", { body: patch, headers: this.#tag ? { "If-Match": this.#tag } : {} });
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
    const words = isChangedElsewhere ? "Somebody else changed the settings meanwhile. They are shown as they are now; look again at what you chose." : failFields(error, fields);
    if (words) toast(words, "bad");
    this.#chosen().find((control) => control.isRefused)?.focus();
  }

  async #predict() {
    const { signal } = this.#stopped;
    const predicted = [...this.#controls.values()].filter(({ setting }) => setting.predict);
    await Promise.all(predicted.map(async (control) => {
      try {
        const { body } = await read("cache/analytics/what-if", control.setting.predict, { signal });
        control.predict(body);
      } catch (error) {
        if (!signal.aborted) control.predict(null, error.message);
      }
    }));
  }

  async #readHistory() {
    try {
      const { body } = await read("cache/config/history", { limit: HISTORY_SHOWN_MAX }, { signal: this.#stopped.signal });
      this.#fillHistory(body.history);
    } catch (error) {
      if (!this.#stopped.signal.aborted) fill(this.#history, h("li", {}, failed(error, () => this.#readHistory())));
    }
  }

  #fillHistory(versions) {
    if (versions.length === 0) return fill(this.#history, h("li", { class: "note" }, "Nobody has changed the defaults."));
    const now = serverNow();
    const entry = (version, index) => {
      const at = Date.parse(version.at);
      const isNow = version.version === this.#version;
      return h("li", { data: { version: version.version } },
        h("div", { class: "history-head" }, h("strong", {}, `Version ${version.version}`), isNow ? badge("Holds now", "good", "check")
          : may.administer() && button("Revert to this", (event) => this.#revert(version.version, event.currentTarget), { class: "small", data: { action: "revert" }, "aria-label": `Revert to this: version ${version.version}` })),
        h("p", { class: "note" }, h("time", { datetime: version.at, title: format.momentToSecond(at) }, format.ago(at, now)), " by ", name(version.actor)),
        differences(version.configuration, versions[index + 1]?.configuration, version.version));
    };
    const defaults = this.#version > 0 && versions[versions.length - 1].version === 1 && h("li", { data: { version: 0 } },
      h("div", { class: "history-head" }, h("strong", {}, "Defaults"), may.administer() && button("Revert to these", (event) => this.#revert(0, event.currentTarget), { class: "small", data: { action: "revert" } })));
    return fill(this.#history, versions.map(entry), defaults);
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
function differences(after, before, version) {
  if (!before) return version === 1 ? h("p", { class: "note" }, "The first change of the defaults.") : null;
  const [now, then] = [flatten(after), flatten(before)];
  const changed = Object.keys(now).filter((field) => now[field] !== then[field] && settingWords(field));
  return h("ul", { class: "difference" }, changed.map((field) => {
    const { label, words } = settingWords(field);
    return h("li", {}, `${label}: `, h("span", { class: "before" }, words(then[field])), " → ", h("strong", {}, words(now[field])));
  }));
}

/** One setting: its slider, its text, what is wrong with it, and what it would bring. */
class Control {
  #slider = null;
  #text;
  #error;
  #chart = null;
  #basis = null;
  #prediction = null;
  #onInput;
  isRefused = false;

  constructor(setting, current, onInput) {
    this.setting = setting;
    this.current = current;
    this.value = current;
    this.#onInput = onInput;
    const id = `setting-${setting.field.replace(".", "-")}`;
    const isReadOnly = !may.administer();
    this.#text = h("input", {
      type: "text", id, name: setting.field, autocomplete: "off", spellcheck: "false", inputmode: setting.steps ? null : "decimal",
      value: setting.write(current), readonly: isReadOnly, "aria-describedby": `${id}-hint ${id}-error`,
      on: { input: () => this.#onText(), change: () => this.#onSettled() },
    });
    this.#error = h("p", { class: "field-error", id: `${id}-error`, role: "alert", hidden: true });
    if (setting.steps) {
      this.#slider = h("input", {
        type: "range", min: 0, max: setting.steps.length - 1, step: 1, disabled: isReadOnly, "aria-label": `${setting.label}, slider`,
        data: { slider: setting.field }, on: { input: () => this.#onSlide() },
      });
      this.#placeSlider();
    }
    this.element = h("div", { class: `setting${setting.steps ? " card" : ""}`, data: { setting: setting.field } },
      h("div", { class: "setting-head" }, h("div", {}, h("label", { for: id }, setting.label), h("p", { class: "note", id: `${id}-hint` }, setting.hint)),
        h("div", { class: "setting-text" }, this.#text, setting.unit && h("span", { class: "note" }, setting.unit))),
      this.#error, this.#slider && h("div", { class: "slider-track" }, this.#slider), setting.predict && this.#curve(id));
  }

  #curve(id) {
    this.#chart = new Chart({
      id: `${id}-curve`, title: `Predicted hit ratio by ${this.setting.label}`, kind: "area", bare: true, max: 1, pointName: this.setting.label,
      format: (ratio) => format.percent(ratio, 1), formatTick: (ratio) => format.percent(ratio, 0), empty: "Not enough requests yet to predict from",
      series: [{ key: "ratio", name: "Predicted hit ratio", tone: "hit" }],
    });
    this.#basis = h("p", { class: "note basis" }, "\u00a0");
    return h("div", { class: "prediction" }, this.#chart.element, this.#basis);
  }

  get isChanged() {
    return this.value !== this.current;
  }

  words(value) {
    return showValue(this.setting, value) + (this.setting.unit ? ` ${this.setting.unit}` : "");
  }

  focus() {
    this.#text.focus();
  }

  /** Another value holds now. Whoever had not chosen one follows. */
  setCurrent(value) {
    const follows = !this.isChanged;
    this.current = value;
    if (follows) this.choose(value);
    else this.#draw();
  }

  choose(value) {
    this.value = value;
    this.#text.value = this.setting.write(value);
    this.fail("");
    this.#placeSlider();
    this.#draw();
  }

  fail(message) {
    this.isRefused = Boolean(message);
    this.#error.hidden = !message;
    if (this.#error.textContent !== message) this.#error.textContent = message;
    if (message) this.#text.setAttribute("aria-invalid", "true");
    else this.#text.removeAttribute("aria-invalid");
  }

  #onSlide() {
    this.value = this.setting.steps[this.#slider.valueAsNumber];
    // Where the slider comes back to what holds, it is that, also when that lies between two steps.
    if (this.#slider.valueAsNumber === Math.round(this.#place(this.current))) this.value = this.current;
    this.#text.value = this.setting.write(this.value);
    this.#slider.setAttribute("aria-valuetext", this.#text.value);
    this.fail("");
    this.#draw();
    this.#onInput();
  }

  #onText() {
    const { value, wrong } = this.setting.parse(this.#text.value);
    this.value = wrong ? null : value;
    this.fail(wrong ? sentence(wrong) : "");
    if (!wrong) this.#placeSlider();
    this.#draw();
    this.#onInput();
  }

  #onSettled() {
    if (this.value !== null) this.#text.value = this.setting.write(this.value);
  }

  /** Where a value stands among the steps; between two of them, in proportion. */
  #place(value) {
    const { steps } = this.setting;
    const above = steps.findIndex((step) => step >= value);
    if (above === -1) return steps.length - 1;
    if (above === 0) return 0;
    return above - 1 + (value - steps[above - 1]) / (steps[above] - steps[above - 1]);
  }

  #placeSlider() {
    if (!this.#slider) return;
    this.#slider.value = Math.round(this.#place(this.value));
    this.#slider.setAttribute("aria-valuetext", this.setting.write(this.value));
  }

  /** @param {any} body What the API predicts; `null` if it could not be read. */
  predict(body, failure) {
    this.#prediction = body;
    if (!body) this.#basis.textContent = failure ?? "";
    else if (body.accesses === 0) this.#basis.textContent = "As soon as summaries are asked for, this shows what other values would bring.";
    else {
      const sampled = body.samplingRate < 1 ? `, of which ${format.percent(body.samplingRate, 1)} of the keys were replayed` : "";
      this.#basis.textContent = `From ${format.counted(body.accesses, "request")} of the last ${format.span(body.spanSeconds * 1_000)}${sampled}. With the value of today: ${format.percent(body.current.hitRatio)}.`;
    }
    this.#draw();
  }

  #draw() {
    if (!this.#chart) return;
    const { steps, tickSteps, pointValue } = this.setting;
    const at = (value) => this.#place(value) / (steps.length - 1);
    const known = (this.#prediction?.points ?? []).filter((point) => point.hitRatio !== null && pointValue(point) >= steps[0] && pointValue(point) <= steps[steps.length - 1]);
    const marks = [{ x: at(this.current), label: "Today", tone: "quiet" }];
    if (this.isChanged && this.value !== null) {
      const ratio = between(known.map((point) => [at(pointValue(point)), point.hitRatio]), at(this.value));
      marks.push({ x: at(this.value), label: `Chosen${ratio === null ? "" : `: ${format.percent(ratio)}`}`, tone: "target" });
    }
    this.#chart.show({
      isEmpty: known.length === 0, points: known.map((point) => ({ x: at(pointValue(point)), label: showValue(this.setting, pointValue(point)) })),
      values: { ratio: known.map(({ hitRatio }) => hitRatio) }, ticks: tickSteps.map((value) => ({ x: at(value), label: showValue(this.setting, value) })), marks,
    });
  }
}

/** The curve's height at a place between its points; `null` outside them. */
function between(places, at) {
  const above = places.findIndex(([x]) => x >= at);
  if (above === -1) return places.length > 0 ? places[places.length - 1][1] : null;
  if (above === 0) return places[0][1];
  const [[x0, y0], [x1, y1]] = [places[above - 1], places[above]];
  return y0 + ((at - x0) / (x1 - x0)) * (y1 - y0);
}

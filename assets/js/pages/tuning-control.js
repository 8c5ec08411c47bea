/**
 * The control of one setting.
 */

import { Chart } from "../chart.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { may } from "../session.js";
import { sentence } from "../ui.js";
import { showValue } from "./settings.js";

/** One setting: its slider, its text, what is wrong with it, and what it would bring. */
export class Control {
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
      type: "text",
      id,
      name: setting.field,
      autocomplete: "off",
      spellcheck: "false",
      inputmode: setting.steps ? null : "decimal",
      value: setting.write(current),
      readonly: isReadOnly,
      "aria-describedby": `${id}-hint ${id}-error`,
      on: { input: () => this.#onText(), change: () => this.#onSettled() },
    });
    this.#error = h("p", { class: "field-error", id: `${id}-error`, role: "alert", hidden: true });
    if (setting.steps) {
      this.#slider = h("input", {
        type: "range",
        min: 0,
        max: setting.steps.length - 1,
        step: 1,
        disabled: isReadOnly,
        "aria-label": `${setting.label}, slider`,
        data: { slider: setting.field },
        on: { input: () => this.#onSlide() },
      });
      this.#placeSlider();
    }
    this.element = h(
      "div",
      { class: `setting${setting.steps ? " card" : ""}`, data: { setting: setting.field } },
      h(
        "div",
        { class: "setting-head" },
        h("div", {}, h("label", { for: id }, setting.label), h("p", { class: "note", id: `${id}-hint` }, setting.hint)),
        h("div", { class: "setting-text" }, this.#text, setting.unit && h("span", { class: "note" }, setting.unit)),
      ),
      this.#error,
      this.#slider && h("div", { class: "slider-track" }, this.#slider),
      setting.predict && this.#curve(id),
      setting.unpredicted && h("p", { class: "note basis" }, setting.unpredicted),
    );
  }

  #curve(id) {
    this.#chart = new Chart({
      id: `${id}-curve`,
      title: `Predicted hit ratio by ${this.setting.label}`,
      kind: "area",
      bare: true,
      max: 1,
      pointName: this.setting.label,
      format: (ratio) => format.percent(ratio, 1),
      formatTick: (ratio) => format.percent(ratio, 0),
      empty: "Not enough requests yet to predict from",
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
    else if (body.accesses === 0)
      this.#basis.textContent = "As soon as summaries are asked for, this shows what other values would bring.";
    else {
      const sampled =
        body.samplingRate < 1 ? `, of which ${format.percent(body.samplingRate, 1)} of the keys were replayed` : "";
      this.#basis.textContent = `From ${format.counted(body.accesses, "request")} of the last ${format.span(body.spanSeconds * 1_000)}${sampled}. With the value of today: ${format.percent(body.current.hitRatio)}.`;
    }
    this.#draw();
  }

  #draw() {
    if (!this.#chart) return;
    const { steps, tickSteps, pointValue } = this.setting;
    const at = (value) => this.#place(value) / (steps.length - 1);
    const known = (this.#prediction?.points ?? []).filter(
      (point) =>
        point.hitRatio !== null && pointValue(point) >= steps[0] && pointValue(point) <= steps[steps.length - 1],
    );
    const marks = [{ x: at(this.current), label: "Today", tone: "quiet" }];
    if (this.isChanged && this.value !== null) {
      const ratio = between(
        known.map((point) => [at(pointValue(point)), point.hitRatio]),
        at(this.value),
      );
      marks.push({
        x: at(this.value),
        label: `Chosen${ratio === null ? "" : `: ${format.percent(ratio)}`}`,
        tone: "target",
      });
    }
    this.#chart.show({
      isEmpty: known.length === 0,
      points: known.map((point) => ({ x: at(pointValue(point)), label: showValue(this.setting, pointValue(point)) })),
      values: { ratio: known.map(({ hitRatio }) => hitRatio) },
      ticks: tickSteps.map((value) => ({ x: at(value), label: showValue(this.setting, value) })),
      marks,
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

/**
 * What is drawn inside a chart: its axes, bars, lines and marks, for one size and one set of data.
 */

import { fill, s } from "./dom.js";
import { decades, evenSteps } from "./scale.js";

/** Room for the labels of the axes, in rem: left of the plot, under it, above and right of it. */
const GUTTER = { left: 3.75, bottom: 1.4, top: 0.5, right: 0.6 };

/** About how wide a character of a label is, in rem. */
const CHARACTER_WIDTH = 0.44;

/** A level that may be away is, when it is so many times as high as the largest value. */
const AWAY_FACTOR = 8;

const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
const round = (number) => Math.round(number * 10) / 10;
const crisp = (number) => Math.round(number) + 0.5;

/** What all bars of a point amount to. */
export function sumAt(series, { values }, index) {
  return series.reduce((sum, { key }) => sum + (values[key][index] ?? 0), 0);
}

/** A drawing of `ChartData` as `ChartOptions` say, where both are of `chart.js`. */
export class Plot {
  #options;
  #data;
  #yScale;

  constructor(options, data, { width, height }) {
    const size = rem();
    this.#options = options;
    this.#data = data;
    this.left = GUTTER.left * size;
    this.top = GUTTER.top * size;
    this.right = width - GUTTER.right * size;
    this.bottom = height - GUTTER.bottom * size;
    this.#yScale = this.#makeYScale();
  }

  /** The layers, those in front last, with a cursor at the point of this number. */
  layers(at) {
    const axes = [this.#grid(), this.#xAxis()];
    if (this.#data.isEmpty) {
      const middle = { class: "chart-empty", x: (this.left + this.right) / 2, y: (this.top + this.bottom) / 2 };
      return [...axes, s("text", middle, this.#options.empty)];
    }
    const values = this.#options.kind === "bars" ? this.#bars() : this.#lines();
    return [...axes, values, this.#levels(), this.#marks(), this.#cursor(at)];
  }

  /** Where a part of the width, from 0 to 1, lies. */
  x(part) {
    return this.left + part * (this.right - this.left);
  }

  /** The place of the point by its number, from 0 to 1. Bars stand in the middle of their share. */
  place(index) {
    const { points } = this.#data;
    if (points[index].x !== undefined) return points[index].x;
    if (this.#options.kind === "bars") return (index + 0.5) / points.length;
    return points.length < 2 ? 1 : index / (points.length - 1);
  }

  #makeYScale() {
    const { logarithmic, minimumMax = 0, max: fixed, kind, binary, series } = this.#options;
    const { values, levels = [], points } = this.#data;
    const height = this.bottom - this.top;
    const all = Object.values(values)
      .flat()
      .filter((value) => value !== null);
    if (logarithmic) {
      const positive = all.filter((value) => value > 0);
      const low = 10 ** Math.floor(Math.log10(Math.min(...positive, 1_000)));
      const high = 10 ** Math.ceil(Math.log10(Math.max(...positive, low * 10) * 1.0001));
      const part = (value) => Math.log10(Math.max(value, low) / low) / Math.log10(high / low);
      return { ticks: decades(low, high), at: (value) => this.bottom - part(value) * height };
    }
    let largest = Math.max(...all, 0);
    if (kind === "bars") {
      for (let index = 0; index < points.length; index += 1) {
        largest = Math.max(largest, sumAt(series, this.#data, index));
      }
    }
    const near = levels.filter(({ value, mayBeAway }) => !mayBeAway || value <= largest * AWAY_FACTOR);
    largest = Math.max(largest, minimumMax, ...near.map(({ value }) => value));
    const steps = fixed === undefined ? evenSteps(largest, binary) : evenSteps(fixed, false, fixed);
    const end = steps[steps.length - 1] || 1;
    return { ticks: steps, end, at: (value) => this.bottom - (Math.min(value, end) / end) * height };
  }

  #grid() {
    const { left, right } = this;
    const y = this.#yScale;
    return s(
      "g",
      { class: "grid" },
      y.ticks.map((value) => [
        s("line", { x1: left, x2: right, y1: crisp(y.at(value)), y2: crisp(y.at(value)) }),
        s("text", { x: left - 8, y: y.at(value), class: "y-tick" }, this.#options.formatTick(value)),
      ]),
    );
  }

  #xAxis() {
    const { bottom, left, right } = this;
    const widthOf = (tick) => tick.label.length * rem() * CHARACTER_WIDTH;
    const beginOf = (tick) =>
      Math.min(Math.max(this.x(tick.x) - widthOf(tick) / 2, left - rem() / 2), right - widthOf(tick));
    const collide = (tick, next) => next !== undefined && beginOf(tick) + widthOf(tick) + rem() / 2 > beginOf(next);
    // Where labels would stand in one another, every second or third is shown, from the newest on.
    const every = (step) => this.#data.ticks.filter((_, index, { length }) => (length - 1 - index) % step === 0);
    let shown = this.#data.ticks;
    for (
      let step = 2;
      step <= this.#data.ticks.length && shown.some((tick, index) => collide(tick, shown[index + 1]));
      step += 1
    )
      shown = every(step);
    return s(
      "g",
      { class: "x-axis" },
      shown.map((tick) =>
        s(
          "text",
          { x: round(beginOf(tick) + widthOf(tick) / 2), y: bottom + rem() * 1.1, "text-anchor": "middle" },
          tick.label,
        ),
      ),
    );
  }

  #bars() {
    const { left, right } = this;
    const y = this.#yScale;
    const { points, values } = this.#data;
    const share = (right - left) / points.length;
    const gap = share > 5 ? Math.min(2, share * 0.25) : share > 2.5 ? 0.5 : 0;
    const floor = new Array(points.length).fill(0);
    return s(
      "g",
      {},
      this.#options.series.map(({ key, tone }) => {
        let path = "";
        for (let index = 0; index < points.length; index += 1) {
          const value = values[key][index] ?? 0;
          if (value <= 0) continue;
          const top = y.at(floor[index] + value);
          const bottom = y.at(floor[index]);
          const begin = left + index * share + gap / 2;
          path += `M${round(begin)} ${round(bottom)}V${round(top)}h${round(share - gap)}V${round(bottom)}z`;
          floor[index] += value;
        }
        return s("path", { d: path, class: `bar tone-${tone}` });
      }),
    );
  }

  #lines() {
    const { bottom } = this;
    const y = this.#yScale;
    const { points, values } = this.#data;
    return s(
      "g",
      {},
      this.#options.series.map(({ key, tone, dashed }) => {
        const runs = [];
        let run = null;
        points.forEach((_, index) => {
          const value = values[key][index];
          if (value === null || value === undefined) run = null;
          else {
            if (!run) runs.push((run = []));
            run.push([round(this.x(this.place(index))), round(y.at(value))]);
          }
        });
        const line = runs.map((run) => `M${run.map((place) => place.join(" ")).join("L")}`).join("");
        const alone = runs
          .filter((run) => run.length === 1)
          .map(([[cx, cy]]) => s("circle", { cx, cy, r: 2, class: `dot tone-${tone}` }));
        const area =
          this.#options.kind !== "area"
            ? null
            : s("path", {
                class: `area tone-${tone}`,
                d: runs
                  .map((run) => `M${run[0][0]} ${bottom}L${run.map((place) => place.join(" ")).join("L")}V${bottom}z`)
                  .join(""),
              });
        return [area, s("path", { d: line, class: `line tone-${tone}${dashed ? " dashed" : ""}` }), alone];
      }),
    );
  }

  #levels() {
    const { left, right, top } = this;
    const y = this.#yScale;
    const level = ({ value, label, tone }) => {
      if (value > y.end) {
        const place = { x: right, y: top + rem() * 0.85, "text-anchor": "end" };
        return s("g", { class: `level tone-${tone}` }, s("text", place, `↑ ${label}`));
      }
      const at = crisp(y.at(value));
      const above = at - top > rem() * 1.1;
      return s(
        "g",
        { class: `level tone-${tone}` },
        s("line", { x1: left, x2: right, y1: at, y2: at }),
        s("text", { x: left + 6, y: above ? at - 5 : at + rem() * 0.85 }, label),
      );
    };
    return s("g", {}, (this.#data.levels ?? []).map(level));
  }

  #marks() {
    const { top, bottom, right } = this;
    return s(
      "g",
      {},
      (this.#data.marks ?? []).map(({ x: at, label, tone }, index) => {
        const flip = right - this.x(at) < rem() * 6;
        return s(
          "g",
          { class: `mark tone-${tone}` },
          s("line", { x1: this.x(at), x2: this.x(at), y1: top, y2: bottom }),
          s(
            "text",
            { x: this.x(at) + (flip ? -5 : 5), y: bottom - 6 - index * rem(), "text-anchor": flip ? "end" : "start" },
            label,
          ),
        );
      }),
    );
  }

  #cursor(at) {
    if (at === null) return null;
    const { top, bottom } = this;
    const place = this.x(this.place(at));
    const dots =
      this.#options.kind === "bars"
        ? []
        : this.#options.series.map(({ key, tone }) => {
            const value = this.#data.values[key][at];
            const cy = value == null ? null : this.#yScale.at(value);
            return cy === null ? null : s("circle", { cx: place, cy, r: 3.5, class: `dot tone-${tone}` });
          });
    return s("g", { class: "cursor" }, s("line", { x1: place, x2: place, y1: top, y2: bottom }), dots);
  }
}

/** A line's course in a few pixels, for beside a figure that says what matters; hidden from screen readers. */
export function sparkline(element, values, tone) {
  const known = values.filter((value) => value !== null);
  const high = Math.max(...known, 0);
  const low = Math.min(...known, high);
  const part = (value) => (high === low ? (high > 0 ? 0.5 : 0) : (value - low) / (high - low));
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    const place = `${round((index / Math.max(1, values.length - 1)) * 100)} ${round(22 - (value === null ? 0 : part(value)) * 20)}`;
    // A value that stands alone is a dot: a line without length, whose ends are round.
    if (value !== null) path += drawing ? `L${place}` : `M${place}h0`;
    drawing = value !== null;
  });
  fill(
    element,
    s(
      "svg",
      { viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true", class: "sparkline" },
      s("path", { d: path, class: `line tone-${tone}`, "vector-effect": "non-scaling-stroke" }),
    ),
  );
}

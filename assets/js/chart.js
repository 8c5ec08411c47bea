/**
 * Charts, drawn as SVG and coloured by the stylesheet. Each can be read with the pointer, with the keyboard and as a table.
 */

import { fill, h, s, say } from "./dom.js";
import { NOTHING } from "./format.js";
import { decades, evenSteps } from "./scale.js";

/** Room for the labels of the axes, in rem: left of the plot, under it, above and right of it. */
const GUTTER = { left: 3.75, bottom: 1.4, top: 0.5, right: 0.6 };

/** About how wide a character of a label is, in rem. */
const CHARACTER_WIDTH = 0.44;

const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

/**
 * @typedef {object} Series
 * @property {string} key
 * @property {string} name
 * @property {string} tone The colour, by the name that the stylesheet has for it.
 * @property {boolean} [dashed]
 *
 * @typedef {object} ChartOptions
 * @property {string} id
 * @property {string} title
 * @property {string} [note] What the chart shows, in a sentence.
 * @property {"bars" | "lines" | "area"} kind Bars are stacked.
 * @property {Series[]} series
 * @property {(value: number) => string} format
 * @property {(value: number) => string} [formatTick]
 * @property {boolean} [logarithmic]
 * @property {number} [max] The axis' end; without one, it ends above the largest value.
 * @property {number} [minimumMax] The axis ends no lower than this.
 * @property {string} [empty] What is said when there is nothing to draw.
 * @property {string} [pointName] What one point is called: `Time`.
 * @property {number} [level] Of the heading.
 * @property {boolean} [bare] Without a heading and a legend.
 *
 * @typedef {object} ChartData
 * @property {{x?: number, label: string}[]} points What stands at each place; `x` from 0 to 1, evenly spread without it.
 * @property {Record<string, (number | null)[]>} values By series, one for each point.
 * @property {{x: number, label: string}[]} ticks Labels under the plot.
 * @property {{value: number, label: string, tone: string}[]} [levels] Lines across, such as a target.
 * @property {{x: number, label: string, tone: string}[]} [marks] Lines from top to bottom, such as today's setting.
 * @property {boolean} [isEmpty]
 */

/** One chart. */
export class Chart {
  #options;
  #data = null;
  #at = null;
  #scale = null;
  #plot;
  #canvas;
  #readout;
  #table;
  #legend;
  #now;

  /** @param {ChartOptions} options */
  constructor(options) {
    this.#options = {
      formatTick: options.format,
      level: 2,
      pointName: "Time",
      empty: "Nothing to show yet",
      ...options,
    };
    const { id, title, note, level, bare } = this.#options;
    const titleId = `${id}-title`;
    this.#now = h("p", { class: "chart-now" });
    this.#legend = h("ul", { class: "legend", "aria-label": `Legend of ${title}` });
    this.#canvas = s("svg", { "aria-hidden": "true", focusable: "false" });
    this.#readout = h("div", { class: "readout", hidden: true });
    this.#plot = h(
      "div",
      {
        class: "plot",
        tabindex: 0,
        role: "slider",
        "aria-label": `${title}: move through the values`,
        "aria-orientation": "horizontal",
        "aria-valuemin": 0,
        "aria-valuemax": 0,
        "aria-valuenow": 0,
        on: {
          pointermove: (event) => this.#onPointer(event),
          pointerdown: (event) => this.#onPointer(event),
          pointerleave: () => this.#choose(null),
          keydown: (event) => this.#onKey(event),
          focus: () => this.#at === null && this.#data && this.#choose(this.#data.points.length - 1),
          blur: () => this.#choose(null),
        },
      },
      this.#canvas,
      this.#readout,
    );
    this.#table = h(
      "details",
      { class: "as-table", on: { toggle: () => this.#fillTable() } },
      h("summary", {}, "Show as table", h("span", { class: "sr-only" }, `: ${title}`)),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": `${title}, to be scrolled` }),
    );
    const head = bare
      ? null
      : h(
          "figcaption",
          { class: "chart-head" },
          h("div", {}, h(`h${level}`, { id: titleId }, title), note && h("p", { class: "note" }, note)),
          this.#now,
        );
    this.element = h(
      "figure",
      {
        class: `chart${bare ? " bare" : " card"}`,
        id,
        "aria-labelledby": bare ? null : titleId,
        "aria-label": bare ? title : null,
        data: { state: "loading" },
      },
      head,
      bare ? null : this.#legend,
      this.#plot,
      this.#table,
    );
    this.#fillLegend();
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
  }

  /** Says beside the title how it stands at this moment. */
  sayNow(text) {
    say(this.#now, text);
  }

  /** @param {ChartData} data */
  show(data) {
    this.#data = data;
    this.element.dataset.state = data.isEmpty ? "empty" : "shown";
    this.#plot.setAttribute("aria-valuemax", Math.max(0, data.points.length - 1));
    if (this.#at !== null && this.#at >= data.points.length) this.#at = null;
    this.#draw();
    this.#describe();
    if (this.#table.open) this.#fillTable();
  }

  #fillLegend() {
    const { series } = this.#options;
    const entry = ({ name, tone, dashed }) =>
      h("li", {}, h("span", { class: `key tone-${tone}${dashed ? " dashed" : ""}`, "aria-hidden": "true" }), name);
    fill(this.#legend, series.length > 1 ? series.map(entry) : []);
  }

  #draw() {
    if (!this.#data || this.#plot.clientWidth === 0) return;
    const size = rem();
    const width = this.#plot.clientWidth;
    const height = this.#plot.clientHeight;
    const box = {
      left: GUTTER.left * size,
      top: GUTTER.top * size,
      right: width - GUTTER.right * size,
      bottom: height - GUTTER.bottom * size,
    };
    this.#scale = { ...box, y: this.#yScale(box), x: (at) => box.left + at * (box.right - box.left) };
    this.#canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const layers = [this.#grid(), this.#xAxis()];
    if (this.#data.isEmpty) {
      const middle = { class: "chart-empty", x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
      layers.push(s("text", middle, this.#options.empty));
    } else {
      layers.push(this.#options.kind === "bars" ? this.#bars() : this.#lines());
      layers.push(this.#levels(), this.#marks(), this.#cursor());
    }
    fill(this.#canvas, layers);
    this.#fillReadout();
  }

  /** The place of the point by its number, from 0 to 1. Bars stand in the middle of their share. */
  #place(index) {
    const { points } = this.#data;
    if (points[index].x !== undefined) return points[index].x;
    if (this.#options.kind === "bars") return (index + 0.5) / points.length;
    return points.length < 2 ? 1 : index / (points.length - 1);
  }

  #yScale(box) {
    const { logarithmic, minimumMax = 0, max: fixed, kind } = this.#options;
    const { values, levels = [], points } = this.#data;
    const all = Object.values(values)
      .flat()
      .filter((value) => value !== null);
    if (logarithmic) {
      const positive = all.filter((value) => value > 0);
      const low = 10 ** Math.floor(Math.log10(Math.min(...positive, 1_000)));
      const high = 10 ** Math.ceil(Math.log10(Math.max(...positive, low * 10) * 1.0001));
      const part = (value) => Math.log10(Math.max(value, low) / low) / Math.log10(high / low);
      return { ticks: decades(low, high), at: (value) => box.bottom - part(value) * (box.bottom - box.top) };
    }
    let largest = Math.max(...all, 0);
    if (kind === "bars") {
      for (let index = 0; index < points.length; index += 1) largest = Math.max(largest, this.#sumAt(index));
    }
    largest = Math.max(largest, minimumMax, ...levels.map((level) => level.value));
    const steps = fixed === undefined ? evenSteps(largest, this.#options.binary) : evenSteps(fixed, false, fixed);
    const end = steps[steps.length - 1] || 1;
    return { ticks: steps, at: (value) => box.bottom - (Math.min(value, end) / end) * (box.bottom - box.top) };
  }

  #sumAt(index) {
    return this.#options.series.reduce((sum, { key }) => sum + (this.#data.values[key][index] ?? 0), 0);
  }

  #grid() {
    const { left, right, y } = this.#scale;
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
    const { bottom, left, right, x } = this.#scale;
    const widthOf = (tick) => tick.label.length * rem() * CHARACTER_WIDTH;
    const beginOf = (tick) =>
      Math.min(Math.max(x(tick.x) - widthOf(tick) / 2, left - rem() / 2), right - widthOf(tick));
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
    const { left, right, y } = this.#scale;
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
    const { bottom, y, x } = this.#scale;
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
            run.push([round(x(this.#place(index))), round(y.at(value))]);
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
    const { left, right, top, y } = this.#scale;
    return s(
      "g",
      {},
      (this.#data.levels ?? []).map(({ value, label, tone }) => {
        const at = crisp(y.at(value));
        const above = at - top > rem() * 1.1;
        return s(
          "g",
          { class: `level tone-${tone}` },
          s("line", { x1: left, x2: right, y1: at, y2: at }),
          s("text", { x: left + 6, y: above ? at - 5 : at + rem() * 0.85 }, label),
        );
      }),
    );
  }

  #marks() {
    const { top, bottom, right, x } = this.#scale;
    return s(
      "g",
      {},
      (this.#data.marks ?? []).map(({ x: at, label, tone }, index) => {
        const flip = right - x(at) < rem() * 6;
        return s(
          "g",
          { class: `mark tone-${tone}` },
          s("line", { x1: x(at), x2: x(at), y1: top, y2: bottom }),
          s(
            "text",
            { x: x(at) + (flip ? -5 : 5), y: bottom - 6 - index * rem(), "text-anchor": flip ? "end" : "start" },
            label,
          ),
        );
      }),
    );
  }

  #cursor() {
    if (this.#at === null) return null;
    const { top, bottom, x, y } = this.#scale;
    const place = x(this.#place(this.#at));
    const dots =
      this.#options.kind === "bars"
        ? []
        : this.#options.series.map(({ key, tone }) => {
            const value = this.#data.values[key][this.#at];
            return value == null
              ? null
              : s("circle", { cx: place, cy: y.at(value), r: 3.5, class: `dot tone-${tone}` });
          });
    return s("g", { class: "cursor" }, s("line", { x1: place, x2: place, y1: top, y2: bottom }), dots);
  }

  #onPointer(event) {
    if (!this.#data || !this.#scale || this.#data.isEmpty) return;
    const { left, right } = this.#scale;
    const at = (event.clientX - this.#plot.getBoundingClientRect().left - left) / (right - left);
    let nearest = 0;
    this.#data.points.forEach((_, index) => {
      if (Math.abs(this.#place(index) - at) < Math.abs(this.#place(nearest) - at)) nearest = index;
    });
    this.#choose(nearest);
  }

  #onKey(event) {
    if (!this.#data) return;
    const last = this.#data.points.length - 1;
    const at = this.#at ?? last;
    const steps = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      Home: 0,
      End: last,
      PageUp: at + 10,
      PageDown: at - 10,
    };
    if (event.key === "Escape") this.#choose(null);
    else if (event.key in steps) {
      event.preventDefault();
      this.#choose(Math.max(0, Math.min(last, steps[event.key])));
    }
  }

  #choose(index) {
    if (index === this.#at) return;
    this.#at = index;
    this.#draw();
    this.#describe();
  }

  /** Says the chosen point, or the last one, to whoever cannot see it. */
  #describe() {
    const { points } = this.#data;
    if (points.length === 0) return;
    const at = this.#at ?? points.length - 1;
    this.#plot.setAttribute("aria-valuenow", at);
    const values = this.#rowsAt(at)
      .map(({ name, text }) => `${name} ${text}`)
      .join(", ");
    this.#plot.setAttribute(
      "aria-valuetext",
      this.#data.isEmpty ? this.#options.empty : `${points[at].label}: ${values}`,
    );
  }

  #rowsAt(index) {
    const { series, format, kind } = this.#options;
    const rows = series.map(({ key, name, tone, dashed }) => {
      const value = this.#data.values[key][index];
      return { name, tone, dashed, text: value == null ? NOTHING : format(value) };
    });
    if (kind === "bars" && series.length > 1) rows.push({ name: "Total", text: format(this.#sumAt(index)) });
    return rows;
  }

  #fillReadout() {
    this.#readout.hidden = this.#at === null || this.#data.isEmpty === true;
    if (this.#readout.hidden) return;
    const rows = this.#rowsAt(this.#at);
    fill(
      this.#readout,
      h("p", { class: "readout-head" }, this.#data.points[this.#at].label),
      h(
        "dl",
        {},
        rows.map((row) =>
          h(
            "div",
            {},
            h(
              "dt",
              {},
              h("span", { class: row.tone ? `key tone-${row.tone}${row.dashed ? " dashed" : ""}` : "key none" }),
              row.name,
            ),
            h("dd", {}, row.text),
          ),
        ),
      ),
    );
    const { x, left, right } = this.#scale;
    const place = x(this.#place(this.#at));
    const isRight = place > (left + right) / 2;
    const { style } = this.#readout;
    style.insetInlineStart = isRight ? "auto" : `${place + 12}px`;
    style.insetInlineEnd = isRight ? `${this.#plot.clientWidth - place + 12}px` : "auto";
  }

  #fillTable() {
    if (!this.#table.open || !this.#data) return;
    const { series, pointName, title } = this.#options;
    const { points } = this.#data;
    const head = h(
      "tr",
      {},
      h("th", { scope: "col" }, pointName),
      series.map(({ name }) => h("th", { scope: "col", class: "figure" }, name)),
    );
    const rows = points
      .map((point, index) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, point.label),
          this.#rowsAt(index)
            .slice(0, series.length)
            .map(({ text }) => h("td", { class: "figure" }, text)),
        ),
      )
      .reverse();
    fill(
      this.#table.querySelector(".scroll"),
      h(
        "table",
        { class: "table" },
        h("caption", { class: "sr-only" }, title),
        h("thead", {}, head),
        h("tbody", {}, rows),
      ),
    );
  }
}

/** A line's course in a few pixels, for beside a figure that says what matters; hidden from screen readers. */
export function sparkline(element, values, tone) {
  const known = values.filter((value) => value !== null);
  const high = Math.max(...known, 0);
  const low = Math.min(...known, high);
  const part = (value) => (high === low ? 0.5 : (value - low) / (high - low));
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    const place = `${round((index / Math.max(1, values.length - 1)) * 100)} ${round(22 - (value === null ? 0 : part(value)) * 20)}`;
    if (value !== null) path += `${drawing ? "L" : "M"}${place}`;
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

const round = (number) => Math.round(number * 10) / 10;
const crisp = (number) => Math.round(number) + 0.5;

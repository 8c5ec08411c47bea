/**
 * Charts, drawn as SVG and coloured by the stylesheet. Each can be read with the pointer, with the keyboard and as a table.
 */

import { fill, h, s, say } from "./dom.js";
import { NOTHING } from "./format.js";
import { Plot, sumAt } from "./plot.js";

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
 * @property {{value: number, label: string, tone: string, mayBeAway?: boolean}[]} [levels] Lines across, such as a target.
 *   One that may be away is only told of where it would press all values down to the floor.
 * @property {{x: number, label: string, tone: string}[]} [marks] Lines from top to bottom, such as today's setting.
 * @property {boolean} [isEmpty]
 */

/** One chart. */
export class Chart {
  #options;
  #data = null;
  #at = null;
  #drawn = null;
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
    const entry = (one) => h("li", {}, h("span", { class: this.#keyClass(one), "aria-hidden": "true" }), one.name);
    fill(this.#legend, series.length > 1 ? series.map(entry) : []);
  }

  /** How the sign beside a name looks: as what it stands for does. */
  #keyClass({ tone, dashed }) {
    if (!tone) return "key none";
    return `key tone-${tone}${this.#options.kind === "lines" ? " stroke" : ""}${dashed ? " dashed" : ""}`;
  }

  #draw() {
    if (!this.#data || this.#plot.clientWidth === 0) return;
    const { clientWidth: width, clientHeight: height } = this.#plot;
    this.#drawn = new Plot(this.#options, this.#data, { width, height });
    this.#canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    fill(this.#canvas, this.#drawn.layers(this.#at));
    this.#fillReadout();
  }

  #onPointer(event) {
    if (!this.#data || !this.#drawn || this.#data.isEmpty) return;
    const { left, right } = this.#drawn;
    const at = (event.clientX - this.#plot.getBoundingClientRect().left - left) / (right - left);
    let nearest = 0;
    this.#data.points.forEach((_, index) => {
      if (Math.abs(this.#drawn.place(index) - at) < Math.abs(this.#drawn.place(nearest) - at)) nearest = index;
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
    if (kind === "bars" && series.length > 1) rows.push({ name: "Total", text: format(sumAt(series, this.#data, index)) });
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
              h("span", { class: this.#keyClass(row) }),
              row.name,
            ),
            h("dd", {}, row.text),
          ),
        ),
      ),
    );
    const { left, right } = this.#drawn;
    const place = this.#drawn.x(this.#drawn.place(this.#at));
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

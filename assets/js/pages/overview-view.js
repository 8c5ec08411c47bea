/**
 * What the overview shows: figures against their targets, and charts.
 */

import { Chart } from "../chart.js";
import { fill, h, keyText, say } from "../dom.js";
import * as format from "../format.js";
import { sparkline } from "../plot.js";
import { timeTicks } from "../scale.js";
import { badge, emptyRow, table } from "../ui.js";

/** The windows of time, as the API names them, each with how its times are written. */
export const WINDOWS = [
  { key: "1h", label: "1 hour", tick: format.timeOfDay, point: format.timeOfDay },
  { key: "24h", label: "24 hours", tick: format.timeOfDay, point: format.weekdayTime },
  { key: "7d", label: "7 days", tick: format.dayOf, point: format.moment },
  { key: "30d", label: "30 days", tick: format.dayOf, point: format.moment },
];

/** The four figures that have a target; `aim` reads it from the configuration. */
const TARGETS = [
  {
    key: "hitRate",
    title: "Hit rate",
    tone: "hit",
    above: true,
    value: format.steadyPercent,
    aim: (aim) => `Target: above ${format.percent(aim)}`,
    means: "How many requests were answered without asking the database.",
    spark: (point) => point.hitRatio,
  },
  {
    key: "hitMillis",
    title: "p99 of a hit",
    tone: "coalesced",
    value: (millis) => format.latency(millis === null ? null : millis * 1_000),
    aim: (aim) => `Target: below ${format.latency(aim * 1_000)}`,
    means: "99 of 100 answers from the cache took no longer.",
    spark: (point) => point.hitMicros.p99,
  },
  {
    key: "memoryBytes",
    title: "Cache memory",
    tone: "stale",
    value: format.bytes,
    aim: (aim) => `Target: below ${format.bytes(aim)}`,
    means: "What all entries take now, with their keys and bookkeeping.",
    spark: (point) => point.bytes,
  },
  {
    key: "invalidationsPerHour",
    title: "Mass invalidations",
    tone: "miss",
    value: (number) => `${format.decimal(number)} per hour`,
    aim: (aim) => `Target: below ${format.decimal(aim)} per hour`,
    means: "Clears of more than one entry. What writes invalidate is normal and not counted here.",
    spark: (point) => point.massInvalidations,
  },
];

/** Why entries went. */
export const REMOVALS = [
  { key: "invalidated", name: "Invalidated by a write", tone: "hit" },
  { key: "expired", name: "Expired", tone: "grey" },
  { key: "replaced", name: "Replaced", tone: "coalesced" },
  { key: "size", name: "Too many entries", tone: "miss" },
  { key: "bytes", name: "Too many bytes", tone: "stale" },
  { key: "cleared", name: "Cleared", tone: "bad" },
];

/** What is seen. It is there in its final size before anything is known. */
export class View {
  #window;
  #news = h("div", { class: "news" });
  #now = h("p", { class: "now", id: "now", role: "status", "aria-live": "off" }, "\u00a0");
  #tiles = new Map();
  #charts;
  #left = h("dl", { class: "shares", id: "time-left" });
  #asked = table({
    id: "most-asked",
    caption: "The entries that answered most requests",
    columns: [{ name: "Entry" }, { name: "Requests", figure: true }, { name: "Age", figure: true }],
  });

  constructor(window) {
    this.#window = window;
    const timeChart = (options) => new Chart({ pointName: "Time", empty: "No requests in this time", ...options });
    this.#charts = {
      requests: timeChart({
        id: "chart-requests",
        title: "Requests",
        note: "By how they were answered.",
        kind: "bars",
        format: format.count,
        formatTick: format.compact,
        series: [
          { key: "hit", name: "Hit", tone: "hit" },
          { key: "coalesced", name: "Coalesced", tone: "coalesced" },
          { key: "miss", name: "Miss", tone: "miss" },
          { key: "stale", name: "Stale", tone: "stale" },
        ],
      }),
      ratio: timeChart({
        id: "chart-ratio",
        title: "Hit ratio",
        note: "The part of the requests that was answered from the cache.",
        kind: "area",
        max: 1,
        format: format.percent,
        formatTick: (value) => format.percent(value, 0),
        series: [{ key: "ratio", name: "Hit ratio", tone: "hit" }],
      }),
      latency: timeChart({
        id: "chart-latency",
        title: "Latency",
        note: "On a logarithmic scale.",
        kind: "lines",
        logarithmic: true,
        format: format.latency,
        series: [
          { key: "hit50", name: "Hit, p50", tone: "hit" },
          { key: "hit99", name: "Hit, p99", tone: "hit", dashed: true },
          { key: "load50", name: "Load, p50", tone: "miss" },
          { key: "load99", name: "Load, p99", tone: "miss", dashed: true },
        ],
      }),
      memory: timeChart({
        id: "chart-memory",
        title: "Memory",
        note: "What the entries take, against what they may.",
        kind: "area",
        binary: true,
        format: format.bytes,
        empty: "Nothing is known of this time",
        series: [{ key: "bytes", name: "Entries", tone: "stale" }],
      }),
      removals: timeChart({
        id: "chart-removals",
        title: "Removals",
        note: "Why entries went.",
        kind: "bars",
        format: format.count,
        formatTick: format.compact,
        empty: "No entry went in this time",
        series: REMOVALS,
      }),
    };
  }

  elements() {
    const choice = ({ key, label }) =>
      h(
        "a",
        {
          href: `#/overview?window=${key}`,
          data: { window: key },
          "aria-current": key === this.#window.key ? "true" : null,
          title: label,
        },
        key,
      );
    for (const target of TARGETS) this.#tiles.set(target.key, new Tile(target));
    return [
      h(
        "header",
        { class: "page-head" },
        h("h1", { class: "page-title", tabindex: -1 }, "Overview"),
        h("nav", { class: "segments", id: "window", "aria-label": "Window of time" }, WINDOWS.map(choice)),
      ),
      this.#news,
      h(
        "section",
        { class: "tiles", "aria-label": "Figures with a target" },
        [...this.#tiles.values()].map((tile) => tile.element),
      ),
      this.#now,
      h(
        "div",
        { class: "charts" },
        h("div", { class: "span-2" }, this.#charts.requests.element),
        this.#charts.ratio.element,
        this.#charts.latency.element,
        this.#charts.memory.element,
        this.#charts.removals.element,
        h(
          "section",
          { class: "card", "aria-labelledby": "left-title" },
          h("h2", { id: "left-title" }, "Time left of the entries"),
          this.#left,
        ),
        h(
          "section",
          { class: "card", "aria-labelledby": "asked-title" },
          h("h2", { id: "asked-title" }, "Most asked for"),
          this.#asked.element,
        ),
      ),
    ];
  }

  /** Says that something failed, or takes that back. */
  say(element) {
    fill(this.#news, element);
  }

  sayNow({ last, entries, loadsInFlight, hitMicros, loadMicros }) {
    const requests = last.hits + last.misses;
    const parts = [
      `Last second: ${format.counted(requests, "request")}, ${format.counted(last.hits, "hit")}`,
      `${format.counted(entries, "entry", "entries")}`,
      `${format.counted(loadsInFlight, "load")} under way`,
    ];
    say(this.#now, parts.join(" · "));
    const p50 = [
      hitMicros.p50 && `hit ${format.latency(hitMicros.p50)}`,
      loadMicros.p50 && `load ${format.latency(loadMicros.p50)}`,
    ];
    const known = p50.filter(Boolean);
    this.#charts.latency.sayNow(known.length > 0 ? `Now p50: ${known.join(", ")}` : "");
    this.#charts.requests.sayNow(`${format.count(requests)} per second`);
  }

  /** Says that nothing moves any more, and how old is what is shown. */
  sayLost(since) {
    const when = since === null ? "" : ` Shown is how it stood at ${format.timeToSecond(since)}.`;
    say(this.#now, `Not connected to the server.${when}`);
    for (const chart of [this.#charts.requests, this.#charts.latency]) chart.sayNow("");
  }

  show(analytics, configuration) {
    const { series, totals, targets } = analytics;
    for (const [key, tile] of this.#tiles) {
      const { value = null } = targets.find((target) => target.name === key) ?? {};
      tile.show(value, configuration.targets[key], series);
    }
    const times = series.map(({ start }) => Date.parse(start));
    const common = {
      points: times.map((time) => ({ label: this.#window.point(time) })),
      ticks: timeTicks(times, this.#window.tick),
    };
    const quiet = totals.hits + totals.misses === 0;
    const of = (pick) => series.map(pick);
    const { requests, ratio, latency, memory, removals } = this.#charts;
    requests.show({
      ...common,
      isEmpty: quiet,
      values: {
        hit: of(({ hits }) => hits),
        coalesced: of(({ coalesced }) => coalesced),
        stale: of(({ stale }) => stale),
        miss: of(({ misses, coalesced, stale }) => Math.max(0, misses - coalesced - stale)),
      },
    });
    const aim = configuration.targets.hitRate;
    ratio.show({
      ...common,
      isEmpty: quiet,
      values: { ratio: of(({ hitRatio }) => hitRatio) },
      levels: [{ value: aim, label: `Target ${format.percent(aim)}`, tone: "target" }],
    });
    ratio.sayNow(totals.hitRatio === null ? "" : `${format.steadyPercent(totals.hitRatio)} in all`);
    latency.show({
      ...common,
      isEmpty: quiet,
      values: {
        hit50: of((point) => point.hitMicros.p50),
        hit99: of((point) => point.hitMicros.p99),
        load50: of((point) => point.loadMicros.p50),
        load99: of((point) => point.loadMicros.p99),
      },
    });
    const bound = configuration.maxCacheBytes;
    memory.show({
      ...common,
      isEmpty: series.every((point) => point.bytes === null),
      values: { bytes: of((point) => point.bytes) },
      levels: [{ value: bound, label: `Bound ${format.bytes(bound)}`, tone: "bad", mayBeAway: true }],
    });
    const { bytes } = series[series.length - 1];
    memory.sayNow(bytes === null ? "" : `${format.bytes(bytes)}, ${format.percent(bytes / bound)} of the bound`);
    removals.show({
      ...common,
      isEmpty: REMOVALS.every(({ key }) => analytics.removals[key] === 0),
      values: Object.fromEntries(REMOVALS.map(({ key }) => [key, of((point) => point.removals[key])])),
    });
    removals.sayNow(analytics.savedMillis > 0 ? `Hits saved ${format.span(analytics.savedMillis)} of loading` : "");
    this.#showEntries(analytics);
  }

  #showEntries({ ttlDistribution, mostAccessedEntries, totalEntries }) {
    const shares = [
      ["Less than 5 minutes", ttlDistribution.expiringSoon],
      ["Less than an hour", ttlDistribution.expiring1Hour],
      ["An hour or longer", ttlDistribution.expiringLater],
    ];
    fill(
      this.#left,
      shares.map(([label, number]) =>
        h(
          "div",
          {},
          h("dt", {}, label),
          h(
            "dd",
            {},
            h("meter", { min: 0, max: Math.max(1, totalEntries), value: number, "aria-label": label }),
            h("span", { class: "figure" }, format.count(number)),
          ),
        ),
      ),
    );
    fill(
      this.#asked.body,
      mostAccessedEntries.length === 0
        ? emptyRow(3, "No entry has answered a request yet.")
        : mostAccessedEntries
            .slice(0, 5)
            .map(({ key, accessCount, age }) =>
              h(
                "tr",
                {},
                h("th", { scope: "row", class: "key-cell" }, keyText(key)),
                h("td", { class: "figure" }, format.count(accessCount)),
                h("td", { class: "figure" }, format.seconds(Number.parseFloat(age) * 60_000)),
              ),
            ),
    );
  }
}

/** One figure against its target. */
class Tile {
  #target;
  #badge = h("span", { class: "tile-badge" });
  #value = h("p", { class: "tile-value" }, "\u00a0");
  #aim = h("p", { class: "tile-aim" }, "\u00a0");
  #spark = h("div", { class: "tile-spark" });
  #met = undefined;

  constructor(target) {
    this.#target = target;
    const id = `tile-${target.key}`;
    this.element = h(
      "article",
      { class: "card tile", id, "aria-labelledby": `${id}-title`, data: { met: "unknown" } },
      h("header", {}, h("h2", { id: `${id}-title` }, target.title), this.#badge),
      h("div", { class: "tile-figure" }, this.#value, this.#spark),
      this.#aim,
      h("p", { class: "note" }, target.means),
    );
  }

  show(value, aim, series) {
    const { above, tone } = this.#target;
    say(this.#value, this.#target.value(value));
    say(this.#aim, this.#target.aim(aim));
    sparkline(this.#spark, series.map(this.#target.spark), tone);
    const met = value === null ? null : above ? value > aim : value < aim;
    if (met === this.#met) return;
    this.#met = met;
    this.element.dataset.met = met === null ? "unknown" : met ? "met" : "missed";
    fill(
      this.#badge,
      met === null
        ? badge("No data yet", "quiet", "none")
        : met
          ? badge("Met", "good", "check")
          : badge("Missed", "bad", "warning"),
    );
  }
}

/**
 * The overview: is the cache doing its job, and what is it costing.
 */

import { read, serverNow } from "../api.js";
import { BackupPart } from "../backup.js";
import { fill } from "../dom.js";
import { Durations } from "../durations.js";
import { live } from "../live.js";
import { may } from "../session.js";
import { failed } from "../ui.js";
import { REMOVALS, View, WINDOWS } from "./overview-view.js";

/** How often what samples do not bring, the lists of entries, is read anew while something happens to them. */
const REFRESH_MILLIS = { "1h": 10_000, "24h": 30_000, "7d": 60_000, "30d": 60_000 };

/** How much time a sample tells of. */
const SAMPLE_MILLIS = 1_000;

/**
 * @param {HTMLElement} container
 * @param {{query: URLSearchParams}} route
 * @returns {() => void}
 */
export function show(container, { query }) {
  const window = WINDOWS.find(({ key }) => key === query.get("window")) ?? WINDOWS[0];
  const view = new View(window);
  fill(container, view.elements());
  const board = new Board(window, view);
  board.begin();
  const backup = may.administer() ? new BackupPart().begin() : null;
  if (backup) {
    container.firstElementChild.after(backup.alert);
    container.append(backup.element);
  }
  return () => {
    board.end();
    backup?.end();
  };
}

/** What the page knows: the window as it was read, and what the samples have brought since. */
class Board {
  #window;
  #view;
  #analytics = null;
  #configuration = null;
  #readAt = -Infinity;
  #isReading = false;
  /** Whether to read anew with the next sample. The first reading is at any moment of a second, so it is. */
  #isDue = true;
  /** Whether something happened to the entries since the last reading. */
  #isOutdated = false;
  /** How long hits and loads took, in the window and in its last step. */
  #durations = null;
  /** The samples that came while a reading was under way. */
  #meanwhile = [];
  #stopped = new AbortController();
  #endings = [];

  constructor(window, view) {
    this.#window = window;
    this.#view = view;
  }

  begin() {
    this.#endings = [
      live.on("sample", (sample) => this.#onSample(sample)),
      live.on("configuration", () => this.#read()),
      live.on("reset", () => this.#read()),
      live.on("state", (state) => state === "lost" && this.#view.sayLost(serverNow())),
    ];
    this.#read();
  }

  end() {
    this.#stopped.abort();
    this.#endings.forEach((ending) => ending());
  }

  async #read() {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#meanwhile = [];
    const { signal } = this.#stopped;
    try {
      const [analytics, configuration] = await Promise.all([
        read("cache/analytics", { window: this.#window.key }, { signal }),
        read("cache/config", {}, { signal }),
      ]);
      this.#analytics = analytics.body.analytics;
      this.#configuration = configuration.body.configuration;
      const { hits, loads, runningHits, runningLoads } = this.#analytics.buckets;
      this.#durations = {
        hits: new Durations(hits),
        loads: new Durations(loads),
        runningHits: new Durations(runningHits),
        runningLoads: new Durations(runningLoads),
      };
      this.#readAt = performance.now();
      this.#isOutdated = false;
      // A sample tells of the second before it; one that began after the reading is not in it.
      const readUpTo = Date.parse(this.#analytics.timestamp);
      this.#meanwhile
        .filter(({ timestamp }) => Date.parse(timestamp) - SAMPLE_MILLIS / 2 > readUpTo)
        .forEach((sample) => this.#add(sample));
      this.#view.say(null);
      this.#view.show(this.#analytics, this.#configuration);
    } catch (error) {
      if (!signal.aborted) this.#view.say(failed(error, () => this.#read()));
    } finally {
      this.#isReading = false;
    }
  }

  /** Adds what a second brought. Reading anew begins with a sample, so that nothing is counted twice or left out. */
  #onSample(sample) {
    if (!this.#analytics) return;
    this.#add(sample);
    this.#view.sayNow(sample);
    if (hasHappened(sample.last)) this.#isOutdated = true;
    const passed = performance.now() - this.#readAt;
    if (this.#isOutdated && passed > REFRESH_MILLIS[this.#window.key]) this.#isDue = true;
    if (this.#isReading) {
      this.#meanwhile.push(sample);
    } else if (this.#isDue) {
      this.#isDue = false;
      this.#read();
    }
    this.#view.show(this.#analytics, this.#configuration);
  }

  #add(sample) {
    const { totals, removals, series, stepSeconds, targets, invalidations } = this.#analytics;
    const step = stepSeconds * 1_000;
    const at = Date.parse(sample.timestamp);
    while (at >= Date.parse(series[series.length - 1].start) + step) {
      series.push(emptyPoint(Date.parse(series[series.length - 1].start) + step));
      series.shift();
      this.#durations.runningHits = new Durations();
      this.#durations.runningLoads = new Durations();
      // What the window has left behind is to go from its totals, too.
      this.#isDue = true;
    }
    const point = series[series.length - 1];
    for (const counts of [totals, point]) {
      for (const key of ["hits", "misses", "coalesced", "revalidated", "stale", "loads", "massInvalidations"])
        counts[key] += sample.last[key];
      counts.hitRatio = counts.hits + counts.misses > 0 ? counts.hits / (counts.hits + counts.misses) : null;
    }
    for (const { key } of REMOVALS) {
      point.removals[key] += sample.last.removals[key];
      removals[key] += sample.last.removals[key];
    }
    point.bytes = sample.bytes;
    this.#analytics.savedMillis += sample.savedMillis;
    point.entries = sample.entries;
    const { hits, loads, runningHits, runningLoads } = this.#durations;
    for (const durations of [hits, runningHits]) durations.add(sample.hitBuckets);
    for (const durations of [loads, runningLoads]) durations.add(sample.loadBuckets);
    point.hitMicros = runningHits.percentiles();
    point.loadMicros = runningLoads.percentiles();
    const { p99 } = hits.percentiles();
    const set = (name, value) => Object.assign(targets.find((target) => target.name === name) ?? {}, { value });
    set("hitRate", totals.hitRatio);
    set("hitMillis", p99 === null ? null : p99 / 1_000);
    set("memoryBytes", sample.bytes);
    set("invalidationsPerHour", totals.massInvalidations / invalidations.hours);
  }
}

/** Whether a second has changed anything of the entries. */
function hasHappened({ hits, misses, loads, removals }) {
  return hits + misses + loads + Object.values(removals).reduce((sum, count) => sum + count, 0) > 0;
}

function emptyPoint(start) {
  const nothing = { p50: null, p90: null, p99: null, max: null };
  return {
    start: new Date(start).toISOString(),
    hits: 0,
    misses: 0,
    coalesced: 0,
    revalidated: 0,
    stale: 0,
    loads: 0,
    massInvalidations: 0,
    hitRatio: null,
    hitMicros: { ...nothing },
    loadMicros: { ...nothing },
    removals: Object.fromEntries(REMOVALS.map(({ key }) => [key, 0])),
    bytes: null,
    entries: null,
  };
}

/**
 * Durations in buckets, as the API tells them: counts can be added up, and percentiles be made of them.
 */

/** How often which durations came. */
export class Durations {
  /** Counts by the upper ends of their buckets, in microseconds. */
  #counts = new Map();
  #total = 0;

  /** @param {[number, number][]} [buckets] Pairs of an upper end and a count. */
  constructor(buckets = []) {
    this.add(buckets);
  }

  /** Adds what came since. */
  add(buckets) {
    for (const [end, count] of buckets) {
      this.#counts.set(end, (this.#counts.get(end) ?? 0) + count);
      this.#total += count;
    }
  }

  /** Percentiles under the API's names; `null` where nothing came. */
  percentiles() {
    const parts = { p50: 0.5, p90: 0.9, p99: 0.99, max: 1 };
    const found = { p50: null, p90: null, p99: null, max: null };
    let seen = 0;
    for (const [end, count] of [...this.#counts].sort(([one], [other]) => one - other)) {
      seen += count;
      for (const [name, part] of Object.entries(parts)) {
        if (found[name] === null && seen >= Math.max(1, Math.ceil(part * this.#total))) found[name] = end;
      }
    }
    return found;
  }
}

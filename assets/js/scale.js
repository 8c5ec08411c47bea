/**
 * Where the labels of a chart's axes stand.
 */

/** Decades between two labels of a logarithmic axis are one, unless there are more than this. */
const DECADES_MAX = 6;

/** Labels under a span of time: a few of the points, spread evenly. */
export function timeTicks(times, label) {
  const every = Math.max(1, Math.round(times.length / 6));
  const ticks = [];
  for (let index = times.length - 1; index >= 0; index -= every) {
    ticks.push({ x: times.length < 2 ? 1 : index / (times.length - 1), label: label(times[index]) });
  }
  return ticks.reverse();
}

/** Round numbers from zero to above the largest value; of bytes, they are round as powers of two. */
export function evenSteps(largest, isBinary, fixed) {
  if (largest <= 0) return [0, 1];
  const rough = largest / 4;
  const base = isBinary ? 2 ** Math.floor(Math.log2(rough)) : 10 ** Math.floor(Math.log10(rough));
  const step = base * ([1, 2, 2.5, 5, 10].find((factor) => base * factor >= rough * 0.999) ?? 10);
  const whole = step < 1 && !fixed && !isBinary && largest >= 1 ? 1 : step;
  const steps = [];
  for (let value = 0; value < largest + whole * 0.999; value += whole) steps.push(value);
  return fixed ? steps.filter((value) => value <= fixed * 1.0001) : steps;
}

/** Powers of ten between two of them. */
export function decades(low, high) {
  const count = Math.round(Math.log10(high / low));
  const every = Math.ceil(count / DECADES_MAX);
  const ticks = [];
  for (let decade = 0; decade <= count; decade += every) ticks.push(low * 10 ** decade);
  return ticks;
}

/**
 * Figures as people read them: in the browser's locale, with units.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KILOBYTE = 1_024;

/** What stands for a figure that nobody knows. */
export const NOTHING = "–";

const formats = new Map();

function format(key, options) {
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, options));
  return formats.get(key);
}

/** A count: `12,345`. */
export function count(number) {
  return number == null ? NOTHING : format("count", { maximumFractionDigits: 0 }).format(number);
}

/** A count of things: `1 entry`, `2 entries`. */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A number that may have digits after the point: `0.25`. */
export function decimal(number, digits = 1) {
  return number == null ? NOTHING : format(`decimal${digits}`, { maximumFractionDigits: digits }).format(number);
}

/** A large count in little room: `12K`. */
export function compact(number) {
  return format("compact", { notation: "compact", maximumFractionDigits: 1 }).format(number);
}

/** A part of a whole: `95.1%`. */
export function percent(ratio, digits = 1) {
  if (ratio == null) return NOTHING;
  return format(`percent${digits}`, { style: "percent", maximumFractionDigits: digits }).format(ratio);
}

/** A part of a whole whose digits do not come and go while it changes. */
export function steadyPercent(ratio) {
  if (ratio == null) return NOTHING;
  const digits = { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return format("steady", digits).format(ratio);
}

function unit(number, name, digits) {
  const options = { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits };
  return format(`${name}${digits}`, options).format(number);
}

/** Three digits are enough for a size or a time. */
const digitsOf = (number) => (number >= 100 ? 0 : number >= 10 ? 1 : 2);

/** Bytes, in the units that the API uses: a megabyte has 1,048,576. */
export function bytes(number) {
  if (number == null) return NOTHING;
  if (number < KILOBYTE) return `${count(number)} B`;
  const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let value = number;
  let step = 0;
  while (value >= KILOBYTE && step < names.length - 1) {
    value /= KILOBYTE;
    step += 1;
  }
  return unit(value, names[step], digitsOf(value));
}

/** A latency, given in microseconds: `12.3 μs`, `1.2 ms`. */
export function latency(micros) {
  if (micros == null) return NOTHING;
  if (micros < 1_000) return unit(micros, "microsecond", digitsOf(micros));
  if (micros < 1_000_000) return unit(micros / 1_000, "millisecond", digitsOf(micros / 1_000));
  return unit(micros / 1_000_000, "second", digitsOf(micros / 1_000_000));
}

/** A stretch of time, given in milliseconds, by its two largest units: `4 min 12 s`. */
export function span(millis) {
  if (millis == null) return NOTHING;
  if (millis < SECOND) return unit(Math.max(0, Math.round(millis)), "millisecond", 0);
  const parts = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [SECOND, "s"],
  ];
  const first = parts.findIndex(([length]) => millis >= length);
  const [length, word] = parts[first];
  const whole = Math.floor(millis / length);
  const rest = parts[first + 1];
  const left = rest ? Math.floor((millis - whole * length) / rest[0]) : 0;
  return `${count(whole)} ${word}${left > 0 ? ` ${left} ${rest[1]}` : ""}`;
}

/** The same for what moves each second: whole seconds, from `0 s` on. */
export function seconds(millis) {
  const whole = Math.round(millis / SECOND) * SECOND;
  return whole < SECOND ? "0 s" : span(whole);
}

/** A setting's duration, given in milliseconds, as it is typed: `1h 30m`. */
export function duration(millis) {
  if (millis === 0) return "0s";
  const parts = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "m"],
    [SECOND, "s"],
    [1, "ms"],
  ];
  const words = [];
  let left = millis;
  for (const [length, word] of parts) {
    const whole = Math.floor(left / length);
    if (whole > 0) words.push(`${whole}${word}`);
    left -= whole * length;
  }
  return words.join(" ");
}

const UNITS = new Map([
  ...["ms", "msec", "millis"].map((word) => [word, 1]),
  ...["s", "sec", "secs", "second", "seconds"].map((word) => [word, SECOND]),
  ...["m", "min", "mins", "minute", "minutes"].map((word) => [word, MINUTE]),
  ...["h", "hr", "hrs", "hour", "hours"].map((word) => [word, HOUR]),
  ...["d", "day", "days"].map((word) => [word, DAY]),
  ...["w", "week", "weeks"].map((word) => [word, 7 * DAY]),
]);

/** Milliseconds of a typed duration such as `1h 30m`; `null` if it is none. */
export function parseDuration(text) {
  const trimmed = text.trim().toLowerCase();
  if (!/^(\d+\s*[a-z]+\s*)+$/.test(trimmed)) return trimmed === "0" ? 0 : null;
  let millis = 0;
  for (const [, number, word] of trimmed.matchAll(/(\d+)\s*([a-z]+)/g)) {
    if (!UNITS.has(word)) return null;
    millis += Number(number) * UNITS.get(word);
  }
  return millis;
}

/** Bytes as they are typed: `64 MB`. */
export function size(number) {
  const units = ["B", "kB", "MB", "GB"];
  let step = 0;
  let value = number;
  while (value >= KILOBYTE && step < units.length - 1 && Number.isInteger((value / KILOBYTE) * 1_000)) {
    value /= KILOBYTE;
    step += 1;
  }
  return `${value} ${units[step]}`;
}

/** Bytes of a typed size such as `64 MB`; `null` if it is none. */
export function parseSize(text) {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  if (!match) return null;
  return Math.round(Number(match[1]) * KILOBYTE ** " kmgt".indexOf(match[2].toLowerCase() || " "));
}

const dates = {
  time: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
  clock: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  second: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
  hour: new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" }),
  day: new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" }),
  utcDay: new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" }),
  utcMonth: new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" }),
  moment: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
};

/** `14:05:12`. */
export const timeToSecond = (millis) => dates.clock.format(millis);
/** `14:05`. */
export const timeOfDay = (millis) => dates.time.format(millis);
/** `Thu 14:00`. */
export const weekdayTime = (millis) => dates.hour.format(millis);
/** `Nov 22`. */
export const dayOf = (millis) => dates.day.format(millis);
/** `Nov 22, 2026, 14:05`. */
export const moment = (millis) => dates.moment.format(millis);
/** The same to the second. */
export const momentToSecond = (millis) => dates.second.format(millis);
/** The day of a date such as `2026-11-22`, which is one of UTC. */
export const utcDay = (date) => dates.utcDay.format(Date.parse(date));
/** The month of a text such as `2026-11`. */
export const utcMonth = (month) => dates.utcMonth.format(Date.parse(`${month}-01`));

/** A stretch of time in one unit, rounded: `12 h`. */
function roughly(millis) {
  const [length, word] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
  ].find(([length]) => millis >= length * 0.95) ?? [SECOND, "s"];
  return `${count(Math.max(1, Math.round(millis / length)))} ${word}`;
}

/** How long ago something was, by the server's clock: `4 min ago`. */
export function ago(millis, now) {
  if (now == null || millis == null) return NOTHING;
  const passed = Math.max(0, now - millis);
  return passed < 5 * SECOND ? "just now" : `${roughly(passed)} ago`;
}

/** How long it is until something, by the server's clock: `in 4 min`. */
export function until(millis, now) {
  if (now == null || millis == null) return NOTHING;
  return millis <= now ? "over" : `in ${roughly(millis - now)}`;
}

/**
 * What can be tuned: how each setting is called, typed, slid and bounded. The server checks the same bounds again.
 */

import * as format from "../format.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KILOBYTE = 1_024;
const MEGABYTE = 1_024 * KILOBYTE;
const GIGABYTE = 1_024 * MEGABYTE;

const DURATION_MIN = SECOND;
const DURATION_MAX = 30 * DAY;
const BYTES_MIN = 1_024;
const BYTES_MAX = 64 * GIGABYTE;
const ENTRIES_MAX = 100_000;
const WRITES_MAX = 1_000_000;
const HIT_MILLIS_MAX = 60_000;

/** Where a slider of durations stops. */
const DURATIONS = [
  ...[1, 2, 5, 10, 15, 20, 30, 45].map((number) => number * SECOND),
  ...[1, 2, 3, 5, 10, 15, 20, 30, 45].map((number) => number * MINUTE),
  ...[1, 1.5, 2, 2.5, 3, 4, 6, 8, 12, 18].map((number) => number * HOUR),
  ...[1, 2, 3, 5, 7, 14, 21, 30].map((number) => number * DAY),
];

const ENTRY_COUNTS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  300,
  500,
  750,
  1_000,
  1_500,
  2_000,
  3_000,
  5_000,
  7_500,
  10_000,
  20_000,
  50_000,
  ENTRIES_MAX,
];

const SIZES = [
  ...[64, 128, 256, 512].map((number) => number * KILOBYTE),
  ...[1, 2, 4, 8, 16, 24, 32, 48, 64, 80, 96, 128, 192, 256, 384, 512, 768].map((number) => number * MEGABYTE),
  ...[1, 2, 4, 8, 16, 32, 64].map((number) => number * GIGABYTE),
];

function parseDuration(text, mayBeZero) {
  const value = format.parseDuration(text);
  if (value === null) return { wrong: "must be a duration such as 90s, 30m or 1h 30m" };
  if (value === 0 && mayBeZero) return { value };
  const bounds = `from ${format.duration(DURATION_MIN)} to ${format.duration(DURATION_MAX)}`;
  if (value < DURATION_MIN || value > DURATION_MAX)
    return { wrong: mayBeZero ? `must be 0 or ${bounds}` : `must be ${bounds}` };
  return { value };
}

function parseSize(text) {
  const value = format.parseSize(text);
  if (value === null) return { wrong: "must be a size such as 512 kB, 64 MB or 1 GB" };
  if (value < BYTES_MIN || value > BYTES_MAX)
    return { wrong: `must be from ${format.size(BYTES_MIN)} to ${format.size(BYTES_MAX)}` };
  return { value };
}

/** Reads a whole number; separators of thousands are what people paste. */
const parseWhole = (least, most) => (text) => {
  const bare = text
    .trim()
    .replace(/[\s'’_\u00a0\u202f]/g, "")
    .replace(/^(\d{1,3})([.,]\d{3})+$/, (all) => all.replace(/[.,]/g, ""));
  const value = /^\d+$/.test(bare) ? Number(bare) : Number.NaN;
  const isGood = value >= least && value <= most;
  return isGood ? { value } : { wrong: `must be a whole number from ${format.count(least)} to ${format.count(most)}` };
};

const parseNumber =
  (most, scale = 1) =>
  (text) => {
    const bare = text.trim().replace(",", ".").replace(/\s*%$/, "");
    const value = /^\d+(\.\d+)?$/.test(bare) ? Number(bare) / scale : Number.NaN;
    const isGood = value > 0 && value <= most;
    return isGood
      ? { value: Number(value.toPrecision(12)) }
      : { wrong: `must be a number above 0 and at most ${format.count(most * scale)}` };
  };

const writeNumber = (value) => String(Number(value.toPrecision(12)));

const ttl = (field, label, hint, more = {}) => ({
  field,
  label,
  hint,
  steps: DURATIONS,
  parse: (text) => parseDuration(text, false),
  write: format.duration,
  tickSteps: [SECOND, MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, DURATION_MAX],
  pointValue: ({ ttlMillis }) => ttlMillis,
  ...more,
});

/** Why nothing is predicted of a TTL that depends on writes. */
const BY_ACTIVITY =
  "No prediction: it depends on how much was written to each enterprise at the time, which the record of requests does not tell.";

/** Every setting, by section, under the name that the API has for it. */
export const SETTINGS = [
  {
    title: "How long entries live",
    note: "A write ends an entry at once, whatever its TTL. A shorter TTL costs hits, and a longer one memory.",
    settings: [
      ttl("ttlSettings.enterprise", "Enterprise TTL", "Summaries of enterprises.", { predict: { kind: "enterprise" } }),
      ttl("ttlSettings.department", "Department TTL", "Summaries of departments.", { predict: { kind: "department" } }),
      ttl("ttlSettings.default", "Default TTL", "Anything else, such as contact details.", {
        predict: { kind: "default" },
      }),
      ttl(
        "ttlSettings.highActivity",
        "TTL at high activity",
        "For enterprises with many writes, where this is shorter.",
        { unpredicted: BY_ACTIVITY },
      ),
      ttl(
        "ttlSettings.lowActivity",
        "TTL at low activity",
        "For enterprises with hardly a write, where this is longer.",
        { unpredicted: BY_ACTIVITY },
      ),
      ttl(
        "staleIfError",
        "Stale if error",
        "How long an entry may stand in while the database cannot be read; 0 for never.",
        {
          parse: (text) => parseDuration(text, true),
          steps: [0, ...DURATIONS],
          unpredicted:
            "No prediction: what stands in for an answer counts as a miss, so the hit ratio stays as it is.",
        },
      ),
    ],
  },
  {
    title: "How much is kept",
    note: "The least recently used entry goes first.",
    settings: [
      {
        field: "maxCacheSize",
        label: "Entries at most",
        hint: "From 1 to 100,000.",
        steps: ENTRY_COUNTS,
        parse: parseWhole(1, ENTRIES_MAX),
        write: String,
        show: format.count,
        tickSteps: [1, 10, 100, 1_000, 10_000, ENTRIES_MAX],
        predict: { by: "maxCacheSize" },
        pointValue: ({ maxCacheSize }) => maxCacheSize,
      },
      {
        field: "maxCacheBytes",
        label: "Memory at most",
        hint: "Keys, bodies and bookkeeping of all entries.",
        steps: SIZES,
        parse: parseSize,
        write: format.size,
        tickSteps: [64 * KILOBYTE, MEGABYTE, 16 * MEGABYTE, 128 * MEGABYTE, GIGABYTE, 8 * GIGABYTE, 64 * GIGABYTE],
        predict: { by: "maxCacheBytes" },
        pointValue: ({ maxCacheBytes }) => maxCacheBytes,
      },
    ],
  },
  {
    title: "What counts as activity",
    settings: [
      {
        field: "activity.highPerHour",
        label: "High activity from",
        hint: "Writes of an enterprise in the last hour.",
        unit: "per hour",
        parse: parseWhole(1, WRITES_MAX),
        write: String,
        show: format.count,
      },
      {
        field: "activity.lowPerDay",
        label: "Low activity below",
        hint: "Writes of an enterprise in the last day.",
        unit: "per day",
        parse: parseWhole(0, WRITES_MAX),
        write: String,
        show: format.count,
      },
    ],
  },
  {
    title: "What is aimed at",
    note: "The overview says whether these are met.",
    settings: [
      {
        field: "targets.hitRate",
        label: "Hit rate above",
        hint: "The part answered from the cache.",
        unit: "%",
        parse: parseNumber(1, 100),
        write: (value) => writeNumber(value * 100),
      },
      {
        field: "targets.hitMillis",
        label: "p99 of a hit below",
        hint: "99 of 100 hits are quicker.",
        unit: "ms",
        parse: parseNumber(HIT_MILLIS_MAX),
        write: writeNumber,
      },
      {
        field: "targets.memoryBytes",
        label: "Memory below",
        hint: "What the entries take.",
        parse: parseSize,
        write: format.size,
      },
      {
        field: "targets.invalidationsPerHour",
        label: "Mass invalidations below",
        hint: "Clears of more than one entry.",
        unit: "per hour",
        parse: parseNumber(WRITES_MAX),
        write: writeNumber,
      },
    ],
  },
];

const BY_FIELD = new Map(SETTINGS.flatMap(({ settings }) => settings).map((setting) => [setting.field, setting]));

/** A setting's label, and how its values are written; `undefined` for what is no setting of its own. */
export function settingWords(field) {
  const setting = BY_FIELD.get(field);
  return (
    setting && {
      label: setting.label,
      words: (value) =>
        value == null ? format.NOTHING : showValue(setting, value) + (setting.unit ? ` ${setting.unit}` : ""),
    }
  );
}

/** A value as it is read; where people would stumble over that when typing, it differs from how it is typed. */
export function showValue(setting, value) {
  return (setting.show ?? setting.write)(value);
}

/** A configuration as one value by each field's whole name. */
export function flatten(configuration) {
  const flat = {};
  for (const [field, value] of Object.entries(configuration)) {
    if (value !== null && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) flat[`${field}.${key}`] = inner;
    } else flat[field] = value;
  }
  return flat;
}

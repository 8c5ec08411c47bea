/**
 * The API, as the page calls it: with the session's cookie, to this server only.
 */

/** How long an answer is waited for. Longer than the server lets a request take. */
const GIVE_UP_MILLIS = 35_000;

/** A request that failed, in the server's words. */
export class Problem extends Error {
  /** @param {{status: number, detail: string, errors?: {field: string, message: string}[], requestId?: string}} about */
  constructor({ status, detail, errors = [], requestId }) {
    super(detail);
    this.status = status;
    this.errors = errors;
    this.requestId = requestId;
  }

  /** Whether nothing answered at all. */
  get isOffline() {
    return this.status === 0;
  }
}

/** Told when the session has ended: `signed-out`. */
export const sessionEvents = new EventTarget();

/** Told when something could not be stored: `refused`. */
export const storageEvents = new EventTarget();

/** The server's time when an answer came, beside this page's monotonic clock; the browser's wall clock is not asked. */
let known = null;

/** Notes what time it is for the server. */
export function noteServerTime(millis) {
  if (Number.isFinite(millis)) known = { millis, at: performance.now() };
}

/** Milliseconds since 1970 as the server counts them; `null` before the first answer. */
export function serverNow() {
  return known && known.millis + (performance.now() - known.at);
}

/**
 * Sends a request.
 *
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<{body: any, headers: Headers, millis: number}>}
 */
export async function call(method, path, { body, headers = {}, signal } = {}) {
  const giveUp = AbortSignal.timeout(GIVE_UP_MILLIS);
  const request = {
    method,
    headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "same-origin",
    signal: signal ? AbortSignal.any([signal, giveUp]) : giveUp,
  };
  const begun = performance.now();
  let response, answer;
  try {
    response = await fetch(path, request);
    answer = await response.json().catch(() => ({}));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ status: 0, detail: "The server does not answer. Is it running?" });
  }
  const millis = performance.now() - begun;
  // The header has whole seconds; the middle of the second is wrong by half of one at most.
  noteServerTime(Date.parse(response.headers.get("Date") ?? "") + 500);
  if (!response.ok) {
    if (response.status === 401 && path !== "session") sessionEvents.dispatchEvent(new Event("signed-out"));
    if (response.status === 507 || response.status === 503) storageEvents.dispatchEvent(new Event("refused"));
    const detail = answer.detail ?? `The server answered ${response.status}`;
    throw new Problem({ status: response.status, detail, errors: answer.errors, requestId: answer.requestId });
  }
  return { body: answer, headers: response.headers, millis };
}

/** Reads something. Parameters that are empty are left out. */
export async function read(path, params = {}, options) {
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return call("GET", query ? `${path}?${query}` : path, options);
}

/** A part of a path, whatever is in it. */
export const part = encodeURIComponent;

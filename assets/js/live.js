/**
 * The cache's events as they happen, over server-sent events; a connection that is lost is shown and made anew.
 */

import { noteServerTime } from "./api.js";
import { loadSession } from "./session.js";

/** A sample comes each second; after this long without one the connection is dead, whatever the browser thinks. */
const SILENCE_MAX_MILLIS = 5_000;

/** First and longest pause before another try, when the browser gave up by itself. */
const RETRY_MIN_MILLIS = 1_000;
const RETRY_MAX_MILLIS = 15_000;

/** A page that nobody sees gives its connection back after this long: browsers open only six to one server. */
const HIDDEN_MAX_MILLIS = 30_000;

const EVENTS = ["sample", "publication", "configuration", "reset"];

/** @typedef {"off" | "connecting" | "live" | "lost"} LiveState */

class Live extends EventTarget {
  /** @type {LiveState} */
  state = "off";
  #source = null;
  #wanted = false;
  #silence = 0;
  #retry = 0;
  #retryMillis = RETRY_MIN_MILLIS;
  #hide = 0;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => this.#onVisibility());
    // A page that the browser keeps for the way back would keep its connection, too.
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#wanted && this.#resume());
  }

  /** Connects, and stays connected. */
  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#open();
  }

  /** Ends the connection. */
  stop() {
    this.#wanted = false;
    this.#close();
    this.#set("off");
  }

  /**
   * Listens to one kind of event; what it returns ends that.
   *
   * @param {string} kind `sample`, `publication`, `configuration`, `reset` or `state`
   * @param {(data: any) => void} listener
   */
  on(kind, listener) {
    const wrapped = (event) => listener(event.detail);
    this.addEventListener(kind, wrapped);
    return () => this.removeEventListener(kind, wrapped);
  }

  #open() {
    this.#close();
    this.#set(this.state === "lost" ? "lost" : "connecting");
    const source = new EventSource("cache/events");
    this.#source = source;
    source.addEventListener("open", () => this.#onOpen());
    source.addEventListener("error", () => this.#onError(source));
    for (const kind of EVENTS) source.addEventListener(kind, (event) => this.#onEvent(kind, event));
    this.#listenForSilence();
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
  }

  #onOpen() {
    const wasLost = this.state === "lost";
    this.#retryMillis = RETRY_MIN_MILLIS;
    this.#set("live");
    // A new stream does not tell what an old one missed.
    if (wasLost) this.#tell("reset", { reason: "reconnected" });
  }

  #onEvent(kind, event) {
    const data = JSON.parse(event.data);
    if (kind === "sample") noteServerTime(Date.parse(data.timestamp));
    this.#listenForSilence();
    this.#tell(kind, data);
  }

  #onError(source) {
    this.#set("lost");
    // A browser comes back by itself after a broken connection, and gives up after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) this.#comeBack();
  }

  #comeBack() {
    this.#close();
    this.#retry = setTimeout(async () => {
      // The stream also ends with the session: then it is no use to try again.
      const session = await loadSession().catch(() => undefined);
      if (session === null) this.#tell("signed-out", null);
      else if (this.#wanted) this.#open();
    }, this.#retryMillis);
    this.#retryMillis = Math.min(this.#retryMillis * 2, RETRY_MAX_MILLIS);
  }

  #listenForSilence() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#set("lost");
      this.#comeBack();
    }, SILENCE_MAX_MILLIS);
  }

  #onVisibility() {
    clearTimeout(this.#hide);
    if (!this.#wanted) return;
    if (document.hidden) {
      this.#hide = setTimeout(() => this.#close(), HIDDEN_MAX_MILLIS);
    } else if (this.#source === null) {
      this.#resume();
    }
  }

  /** Comes back after a pause, with the news that something may have been missed. */
  #resume() {
    this.#set("lost");
    this.#open();
  }

  /** @param {LiveState} state */
  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.#tell("state", state);
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

/** The one connection of this page. */
export const live = new Live();

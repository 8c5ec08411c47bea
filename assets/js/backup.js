/**
 * How the backups stand, for administrators: a card at the end of the overview, and above everything else what must not be
 * overlooked.
 */

import { call, read, serverNow } from "./api.js";
import { fill, h, name } from "./dom.js";
import * as format from "./format.js";
import { badge, button, icon, toast, withBusy } from "./ui.js";

/** How often it is asked how the backups stand, and how often while one is being made. */
const ASK_MILLIS = 30_000;
const ASK_RUNNING_MILLIS = 1_000;

/** What each status is called, and how loud it is. */
const STATUSES = {
  good: { word: "Good", tone: "good", drawing: "check" },
  waiting: { word: "None yet", tone: "quiet", drawing: "none" },
  overdue: { word: "Overdue", tone: "bad", drawing: "warning" },
  failed: { word: "Failed", tone: "bad", drawing: "warning" },
  off: { word: "Switched off", tone: "bad", drawing: "warning" },
};

const at = (text) => (text === null ? null : Date.parse(text));

const time = (text, words) =>
  h("time", { datetime: text, title: format.momentToSecond(at(text)) }, words(at(text), serverNow()));

/** The card, and what is to stand above everything else. `end` stops asking. */
export class BackupPart {
  #stopped = new AbortController();
  #timer = 0;
  #shown = "";
  #badge = h("span", { id: "backup-status" });
  #text = h("div", { class: "backup-text", id: "backup-text" }, h("p", {}, "\u00a0"));
  #button = button("Back up now", () => this.#backUp(), { id: "back-up-now" });
  /** Empty unless something must not be overlooked. */
  alert = h("div", { id: "backup-alert", role: "alert" });
  element = h(
    "section",
    { class: "card backup", id: "backup", "aria-labelledby": "backup-title" },
    h("header", { class: "card-head" }, h("h2", { id: "backup-title" }, "Backup ", this.#badge), this.#button),
    this.#text,
  );

  begin() {
    this.#read();
    return this;
  }

  end() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  async #read() {
    clearTimeout(this.#timer);
    const { signal } = this.#stopped;
    let isRunning = false;
    try {
      const { backup } = (await read("backup", {}, { signal })).body;
      isRunning = backup.running !== null;
      this.#show(backup);
    } catch (error) {
      if (signal.aborted) return;
      this.#say("unknown", [h("p", {}, `How the backups stand could not be read: ${error.message}.`)], null, null);
    }
    if (!signal.aborted) this.#timer = setTimeout(() => this.#read(), isRunning ? ASK_RUNNING_MILLIS : ASK_MILLIS);
  }

  async #backUp() {
    await withBusy(this.#button, async () => {
      const { body } = await call("POST", "backup");
      toast(body.message);
    });
    await this.#read();
  }

  #show(backup) {
    const status = STATUSES[backup.status];
    const lines = [this.#last(backup), this.#next(backup), this.#others(backup)];
    if (backup.running) lines.push(this.#running(backup.running));
    const isLoud = backup.status === "failed" || backup.status === "overdue";
    const news = isLoud && [
      icon("warning"),
      h(
        "div",
        {},
        h("p", { class: "trouble-what" }, this.#what(backup)),
        this.#reason(backup),
      ),
    ];
    this.#say(backup.status, lines, badge(status.word, status.tone, status.drawing), news || null);
  }

  /** Says it; the alert only where it says something new, so that a screen reader is told of changes alone. */
  #say(status, lines, mark, news) {
    fill(this.#badge, mark);
    fill(this.#text, lines);
    this.element.dataset.status = status;
    const text = news ? news[1].textContent : "";
    if (text === this.#shown) return;
    this.#shown = text;
    this.alert.className = news ? "trouble backup-alert" : "";
    fill(this.alert, news);
  }

  #what({ status, failure }) {
    if (status !== "failed") return "A backup is overdue.";
    return failure.attempts === 0 ? "No backup can be made." : "The last backup failed.";
  }

  #reason({ status, failure, last }) {
    if (status === "failed") return h("p", { class: "note" }, `${failure.reason}.`.replace("..", "."));
    const age = last === null ? "There is none yet." : "The last good one is older than it should be.";
    return h("p", { class: "note" }, age, " The server’s log says why.");
  }

  #last({ last }) {
    if (last === null) return h("p", {}, "There is no good backup yet.");
    const { file, bytes, rows, duration, by } = last;
    return h(
      "p",
      {},
      "Last good backup ",
      h("strong", {}, time(last.at, format.ago)),
      `: ${format.bytes(bytes)}, ${format.counted(rows.contacts, "contact")}, made in ${format.span(duration)} by `,
      name(by),
      ". ",
      h("span", { class: "note backup-file" }, name(file)),
    );
  }

  #next({ status, failure, nextAt, keep, folder, installation, files }) {
    if (status === "off")
      return h("p", {}, "The server makes no backups by itself: backup-every is off. Make sure that somebody does.");
    // Backups of older versions do not say whose they are; a folder that is shared has few of them.
    const own = files.filter((file) => file.installation === installation || file.installation === null);
    const when = failure ? "The next attempt is due " : "The next one is due ";
    const failed = failure !== null && failure.attempts > 0;
    return h(
      "p",
      {},
      failed && `${format.counted(failure.attempts, "attempt")} failed since, the last one `,
      failed && time(failure.at, format.ago),
      failed && ". ",
      nextAt !== null && when,
      nextAt !== null && time(nextAt, (millis, now) => (millis <= now ? "now" : format.until(millis, now))),
      nextAt !== null && ". ",
      `Here are ${format.count(own.length)} of ${format.count(keep)} that are kept of `,
      h("strong", { class: "backup-installation" }, name(installation)),
      ": ",
      name(folder),
    );
  }

  /** The backups of other installations in the same folder, so that nobody takes one of theirs for one of ours. */
  #others({ installation, files }) {
    const others = new Map();
    for (const file of files)
      if (file.installation !== null && file.installation !== installation)
        others.set(file.installation, [...(others.get(file.installation) ?? []), file]);
    if (others.size === 0) return null;
    return h(
      "div",
      { class: "backup-others" },
      h("p", {}, "Others use this folder, too, and are left alone:"),
      h(
        "ul",
        {},
        [...others].map(([other, theirs]) =>
          h(
            "li",
            {},
            h("strong", {}, name(other)),
            `: ${format.counted(theirs.length, "backup")}, the newest `,
            time(theirs[0].madeAt, format.ago),
          ),
        ),
      ),
    );
  }

  #running({ stage, bytesDone, bytesTotal }) {
    const part = bytesTotal > 0 ? bytesDone / bytesTotal : null;
    return h(
      "p",
      { role: "status" },
      `A backup is being made: ${stage}`,
      part !== null && stage === "copying" && `, ${format.percent(part, 0)}`,
      " …",
    );
  }
}

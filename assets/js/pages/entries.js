/**
 * The entries: what is in the cache, and taking it out or putting it in.
 */

import { call, part, read } from "../api.js";
import { fill, h, keyText } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { may } from "../session.js";
import { badge, button, emptyRow, failed, icon, pager, skeletonRows, toast, withBusy } from "../ui.js";
import { clearDialog, warmDialog } from "./entry-dialogs.js";

const PAGE_SIZE = 50;

/** Kinds of entries, as the API names them. */
const KINDS = [
  ["", "All kinds"],
  ["enterprise", "Enterprises"],
  ["department", "Departments"],
  ["details", "Contact details"],
];

/** Columns; `sort` is the API's name for what a list may be sorted by. */
const COLUMNS = [
  { name: "Entry", sort: "key" },
  { name: "Kind", optional: true },
  { name: "Age", sort: "age", figure: true, optional: true },
  { name: "TTL left", sort: "ttlLeft", figure: true },
  { name: "Size", sort: "bytes", figure: true, optional: true },
  { name: "Accesses", sort: "accesses", figure: true },
  { name: "Revision", sort: "revision", figure: true, optional: true },
];

/** How long typing must have paused before the list is read. */
const TYPING_MILLIS = 200;

/** What changed in the cache is shown no more often than this. */
const REFRESH_MILLIS = 2_000;

/**
 * @param {HTMLElement} container
 * @param {{query: URLSearchParams}} route
 */
export function show(container, { query }) {
  const list = new EntryList(query);
  fill(container, list.elements());
  list.begin();
  return () => list.end();
}

class EntryList {
  #page = 1;
  #sort = "key";
  #descending = false;
  #kind = "";
  #search = "";
  #entries = null;
  #total = 0;
  #readAt = 0;
  #timers = { tick: 0, typing: 0 };
  #endings = [];
  #reading = null;
  #body = h("tbody", { role: "rowgroup" });
  #head = h("tr", { role: "row" });
  #foot = h("div", {});
  #news = h("div", { class: "news" });

  constructor(query) {
    this.#search = query.get("search") ?? "";
    this.#kind = query.get("kind") ?? "";
  }

  get #columnCount() {
    return COLUMNS.length + (may.administer() ? 1 : 0);
  }

  elements() {
    const search = h("input", {
      type: "search",
      id: "entry-search",
      value: this.#search,
      placeholder: "Part of a key",
      autocomplete: "off",
      spellcheck: "false",
      on: { input: () => this.#type(search.value) },
    });
    const kind = h(
      "select",
      { id: "entry-kind", on: { change: () => this.#change({ kind: kind.value }) } },
      KINDS.map(([value, label]) => h("option", { value, selected: value === this.#kind }, label)),
    );
    const again = () => this.#read();
    fill(this.#body, skeletonRows(12, this.#columnCount));
    this.#fillHead();
    return [
      h(
        "header",
        { class: "page-head" },
        h("h1", { class: "page-title", tabindex: -1 }, "Entries"),
        may.administer() &&
          h(
            "div",
            { class: "actions" },
            button("Warm…", () => warmDialog(again), { id: "warm", look: "primary" }),
            button("Clear…", () => clearDialog(again), { id: "clear" }),
          ),
      ),
      h(
        "div",
        { class: "toolbar" },
        h("div", { class: "field" }, h("label", { for: "entry-search" }, "Filter"), search),
        h("div", { class: "field" }, h("label", { for: "entry-kind" }, "Kind"), kind),
      ),
      this.#news,
      h(
        "section",
        { class: "card flush", "aria-label": "Entries of the cache" },
        h(
          "div",
          { class: "scroll", tabindex: 0, role: "group", "aria-label": "Entries of the cache, to be scrolled" },
          h(
            "table",
            { class: "table", id: "entries", role: "table" },
            h("caption", { class: "sr-only" }, "Entries of the cache"),
            h("thead", { role: "rowgroup" }, this.#head),
            this.#body,
          ),
        ),
        this.#foot,
      ),
    ];
  }

  begin() {
    this.#endings = [
      live.on("sample", ({ last }) => {
        const { removals } = last;
        const isChanged = last.hits + last.loads > 0 || Object.values(removals).some((number) => number > 0);
        if (isChanged) this.#refresh();
      }),
      live.on("configuration", () => this.#read()),
      live.on("reset", () => this.#read()),
    ];
    this.#timers.tick = setInterval(() => this.#tick(), 1_000);
    this.#read();
  }

  end() {
    this.#reading?.abort();
    clearInterval(this.#timers.tick);
    clearTimeout(this.#timers.typing);
    this.#endings.forEach((ending) => ending());
  }

  #type(text) {
    clearTimeout(this.#timers.typing);
    this.#timers.typing = setTimeout(() => this.#change({ search: text.trim() }), TYPING_MILLIS);
  }

  #change({ kind = this.#kind, search = this.#search, sort = this.#sort, descending = this.#descending, page = 1 }) {
    this.#kind = kind;
    this.#search = search;
    this.#sort = sort;
    this.#descending = descending;
    this.#page = page;
    this.#fillHead();
    this.#read();
  }

  /** Shows what changed meanwhile, unless a row would move away from under a hand that reaches for it. */
  #refresh() {
    const isInUse = this.#body.matches(":hover, :focus-within") || document.querySelector("dialog[open]");
    if (!isInUse && performance.now() - this.#readAt >= REFRESH_MILLIS) this.#read();
  }

  async #read() {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    try {
      const { body } = await read(
        "cache/entries",
        {
          limit: PAGE_SIZE,
          page: this.#page,
          kind: this.#kind,
          search: this.#search,
          sort: this.#sort,
          order: this.#descending ? "desc" : "asc",
        },
        { signal: reading.signal },
      );
      this.#entries = body.entries;
      this.#total = body.totalCount;
      this.#readAt = performance.now();
      fill(this.#news);
      // The list became shorter than the page that is shown.
      if (this.#entries.length === 0 && this.#page > 1)
        return this.#change({ page: Math.max(1, Math.ceil(this.#total / PAGE_SIZE)) });
      this.#fillBody();
    } catch (error) {
      if (!reading.signal.aborted && !this.#entries) fill(this.#body);
      if (!reading.signal.aborted)
        fill(
          this.#news,
          failed(error, () => this.#read()),
        );
    }
    return undefined;
  }

  #fillHead() {
    const cell = ({ name: label, sort, figure, optional }) => {
      const classes = [figure && "figure", optional && "optional"].filter(Boolean).join(" ") || null;
      if (!sort) return h("th", { scope: "col", role: "columnheader", class: classes }, label);
      const isSorted = sort === this.#sort;
      const direction = this.#descending ? "descending" : "ascending";
      // Large numbers are what people look for, and keys from the start.
      const descending = isSorted ? !this.#descending : sort !== "key" && sort !== "ttlLeft";
      const onClick = () => {
        this.#change({ sort, descending });
        this.#head.querySelector(`[data-sort="${sort}"]`)?.focus();
      };
      return h(
        "th",
        { scope: "col", role: "columnheader", class: classes, "aria-sort": isSorted ? direction : null },
        h(
          "button",
          { type: "button", class: "sort", data: { sort }, on: { click: onClick } },
          label,
          icon(isSorted ? (this.#descending ? "down" : "up") : "both"),
        ),
      );
    };
    fill(
      this.#head,
      COLUMNS.map(cell),
      may.administer() && h("th", { scope: "col", role: "columnheader" }, h("span", { class: "sr-only" }, "Action")),
    );
  }

  #fillBody() {
    const columns = this.#columnCount;
    const isFiltered = this.#search !== "" || this.#kind !== "";
    const nothing = isFiltered
      ? "No entry matches."
      : "The cache is empty. Each summary that somebody asks for becomes an entry; warming puts some in at once.";
    fill(
      this.#body,
      this.#entries.length === 0 ? emptyRow(columns, nothing) : this.#entries.map((entry) => this.#row(entry)),
    );
    fill(
      this.#foot,
      pager({
        page: this.#page,
        size: PAGE_SIZE,
        total: this.#total,
        one: "entry",
        many: "entries",
        go: (page) => this.#change({ page }),
      }),
    );
    this.#tick();
  }

  #row(entry) {
    // The roles say what narrow screens, which lay a row out in two lines, might otherwise take away.
    const cell = (label, more, ...children) =>
      h("td", { role: "cell", ...more, data: { label, ...more.data } }, ...children);
    return h(
      "tr",
      { role: "row", data: { key: entry.key } },
      h("th", { scope: "row", role: "rowheader", class: "key-cell" }, keyText(entry.key)),
      cell("Kind", { class: "optional" }, entry.kind),
      cell("Age", { class: "figure optional", data: { cell: "age" } }),
      cell("Left", { class: "figure", data: { cell: "left" } }),
      cell("Size", { class: "figure optional" }, format.bytes(entry.bytes)),
      cell("Accesses", { class: "figure" }, format.count(entry.accesses)),
      cell("Revision", { class: "figure optional" }, format.count(entry.revision)),
      may.administer() &&
        cell(
          "",
          { class: "action-cell" },
          button("Drop", (event) => this.#drop(entry.key, event.currentTarget), {
            class: "small",
            data: { action: "drop" },
            "aria-label": `Drop ${entry.key}`,
          }),
        ),
    );
  }

  /** Ages grow and TTLs run down between two readings, by the monotonic clock. */
  #tick() {
    if (!this.#entries) return;
    const passed = performance.now() - this.#readAt;
    for (const [index, row] of [...this.#body.rows].entries()) {
      const entry = this.#entries[index];
      if (!entry) return;
      const left = entry.fresh ? Math.max(0, entry.ttlLeftMillis - passed) : 0;
      row.querySelector('[data-cell="age"]').textContent = format.seconds(entry.ageMillis + passed);
      const cell = row.querySelector('[data-cell="left"]');
      if (left > 0) cell.textContent = format.span(Math.ceil(left / 1_000) * 1_000);
      else if (!cell.querySelector(".badge")) fill(cell, badge("Not fresh", "quiet"));
    }
  }

  async #drop(key, element) {
    const answer = await withBusy(element, () => call("DELETE", `cache/entries/${part(key)}`));
    if (answer) toast(`Dropped ${key}`);
    this.#body.closest(".scroll").focus();
    await this.#read();
  }
}

/**
 * The summaries themselves: of an enterprise, and down to a department.
 */

import { part, read } from "../api.js";
import { Chart } from "../chart.js";
import { fill, h, name } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { timeTicks } from "../scale.js";
import { may, session } from "../session.js";
import { badge, button, emptyRow, failed, skeleton, state, table, toast } from "../ui.js";
import { enterpriseDialog, firstEnterprise, hashOf } from "./enterprise-form.js";

/** Enterprises that one request lists. */
const LIST_SIZE = 100;

/** A summary that writes change all the time is shown anew no more often than this. */
const REFRESH_MIN_MILLIS = 1_000;

/** How often a summary is read anew for those who hear of no changes. */
const REFRESH_UNTOLD_MILLIS = 15_000;

/**
 * @param {HTMLElement} container
 * @param {{segments: string[]}} route
 */
export function show(container, { segments }) {
  const [enterpriseId, word, departmentId] = segments;
  if (enterpriseId === undefined) {
    const own = session().enterpriseId;
    if (own === null) return showList(container);
    return isWithin() ? showReach(container, own) : showSummary(container, own, undefined);
  }
  if (word !== "departments" && isWithin()) return showReach(container, enterpriseId);
  return showSummary(container, enterpriseId, word === "departments" ? departmentId : undefined);
}

/** Whether the session reaches only a part of its enterprise. */
const isWithin = () => (session().departmentIds ?? session().employeeIds ?? null) !== null;

/** The departments within reach, for those who do not reach the whole enterprise. */
function showReach(container, enterpriseId) {
  const stopped = new AbortController();
  const list = table({
    id: "departments",
    caption: "Departments",
    columns: [
      { name: "Department" },
      { name: "Id", optional: true },
      { name: "Employees", figure: true },
    ],
  });
  const head = h("header", { class: "page-head" }, h("h1", { class: "page-title", tabindex: -1 }, "Departments"));
  const body = h("div", {}, h("div", { class: "card flush" }, skeleton("skeleton-table")));
  fill(container, head, body);
  const row = ({ id, name: title, memberCount }) =>
    h(
      "tr",
      { data: { department: id } },
      h("th", { scope: "row" }, h("a", { class: "row-link", href: hashOf(enterpriseId, id) }, name(title))),
      h("td", { class: "optional" }, h("code", {}, id)),
      h("td", { class: "figure" }, format.count(memberCount)),
    );
  const begin = async () => {
    try {
      const path = `${pathOf(enterpriseId)}/departments`;
      const { departments } = (await read(path, {}, { signal: stopped.signal })).body;
      fill(list.body, departments.map(row));
      if (departments.length === 0)
        return fill(body, state("empty", "No department within reach", "This token reaches contacts, and no summaries."));
      return fill(body, h("section", { class: "card flush", "aria-label": "Departments" }, list.element));
    } catch (error) {
      return stopped.signal.aborted ? null : fill(body, failed(error, begin));
    }
  };
  begin();
  return () => stopped.abort();
}

const pathOf = (enterpriseId, departmentId) =>
  `enterprise/${part(enterpriseId)}${departmentId === undefined ? "" : `/departments/${part(departmentId)}`}`;

/** The list of enterprises; an empty installation begins here. */
function showList(container) {
  const stopped = new AbortController();
  const list = table({
    id: "enterprises",
    caption: "Enterprises",
    columns: [
      { name: "Enterprise" },
      { name: "Id", optional: true },
      { name: "Created", figure: true, optional: true },
    ],
  });
  const foot = h("div", { class: "pager" });
  // Its place is kept from the beginning; whether it is wanted shows with the list.
  const create =
    may.administer() &&
    button("New enterprise…", () => enterpriseDialog(), { id: "new-enterprise", look: "primary", class: "to-come" });
  const head = h(
    "header",
    { class: "page-head" },
    h("h1", { class: "page-title", tabindex: -1 }, "Enterprises"),
    create,
  );
  const body = h("div", {}, h("div", { class: "card flush" }, skeleton("skeleton-table")));
  fill(container, head, body);

  const row = ({ id, name: title, createdAt }) =>
    h(
      "tr",
      { data: { enterprise: id } },
      h("th", { scope: "row" }, h("a", { class: "row-link", href: hashOf(id) }, name(title))),
      h("td", { class: "optional" }, h("code", {}, id)),
      h("td", { class: "figure optional" }, format.moment(Date.parse(createdAt))),
    );

  const more = async (cursor) => {
    const { body: answer } = await read("enterprise", { limit: LIST_SIZE, cursor }, { signal: stopped.signal });
    if (cursor === undefined) fill(list.body);
    list.body.append(...answer.enterprises.map(row));
    const { nextCursor } = answer.pagination;
    const shown = list.body.rows.length;
    fill(
      foot,
      h(
        "p",
        { role: "status" },
        shown < answer.totalCount
          ? `${format.count(shown)} of ${format.counted(answer.totalCount, "enterprise")}`
          : format.counted(shown, "enterprise"),
      ),
      nextCursor && button("Show more", () => more(nextCursor).catch((error) => toast(error.message, "bad"))),
    );
    return answer;
  };
  const begin = async () => {
    try {
      const answer = await more();
      if (answer.totalCount === 0)
        return fill(
          body,
          may.administer()
            ? firstEnterprise()
            : state("empty", "No enterprise yet", "An administrator creates the first one."),
        );
      if (create) create.classList.remove("to-come");
      return fill(body, h("section", { class: "card flush", "aria-label": "Enterprises" }, list.element, foot));
    } catch (error) {
      return stopped.signal.aborted ? null : fill(body, failed(error, begin));
    }
  };
  begin();
  return () => stopped.abort();
}

/** One summary. */
function showSummary(container, enterpriseId, departmentId) {
  const summary = new Summary(container, enterpriseId, departmentId);
  summary.begin();
  return () => summary.end();
}

class Summary {
  #container;
  #enterpriseId;
  #departmentId;
  #stopped = new AbortController();
  #endings = [];
  #timer = 0;
  #readAt = -Infinity;
  #title = h("h1", { class: "page-title", tabindex: -1 }, "\u00a0");
  #source = h("p", { class: "source", id: "source", "aria-label": "How this was answered" });
  #trail = h("nav", { class: "trail", "aria-label": "Where this is" });
  #news = h("div", { class: "news" });
  #totals = h(
    "section",
    { class: "totals", id: "totals", "aria-label": "Totals" },
    Array.from({ length: 5 }, () =>
      h("div", { class: "card total" }, skeleton("skeleton-line"), skeleton("skeleton-figure")),
    ),
  );
  #daily;
  #monthly;
  #rest = h("div", { class: "summary-tables" });
  #shown = null;
  #tables = null;

  constructor(container, enterpriseId, departmentId) {
    this.#container = container;
    this.#enterpriseId = enterpriseId;
    this.#departmentId = departmentId;
    const growth = (id, title, note, pointName) =>
      new Chart({
        id,
        title,
        note,
        pointName,
        kind: "bars",
        format: format.count,
        formatTick: format.compact,
        empty: "No contact in this time",
        series: [{ key: "contacts", name: "New contacts", tone: "hit" }],
      });
    this.#daily = growth("chart-daily", "New contacts by day", "The last 30 days, in UTC.", "Day");
    this.#monthly = growth("chart-monthly", "New contacts by month", "The last 24 months.", "Month");
  }

  begin() {
    fill(
      this.#container,
      this.#trail,
      h("header", { class: "page-head summary-head" }, this.#title, this.#source),
      this.#news,
      this.#totals,
      h("div", { class: "charts" }, this.#daily.element, this.#monthly.element),
      this.#rest,
    );
    this.#fillTrail(this.#enterpriseId, this.#departmentId);
    this.#endings = [
      live.on("publication", (publication) => this.#concerns(publication) && this.#soon()),
      live.on("reset", () => this.#soon()),
    ];
    // Whoever is limited to one enterprise is not told what happens to the cache of all.
    if (!may.watchCache()) {
      const timer = setInterval(() => !document.hidden && this.#read(), REFRESH_UNTOLD_MILLIS);
      this.#endings.push(() => clearInterval(timer));
    }
    this.#read();
  }

  end() {
    clearTimeout(this.#timer);
    this.#stopped.abort();
    this.#endings.forEach((ending) => ending());
  }

  /** Whether a publication may have changed what is shown. One that names only its first scopes may have changed anything. */
  #concerns({ scopeCount, scopes }) {
    const isNamed = scopes.some(
      (scope) => scope.enterpriseId === this.#enterpriseId && (scope.departmentId ?? undefined) === this.#departmentId,
    );
    return isNamed || scopeCount > scopes.length;
  }

  #soon() {
    if (this.#timer) return;
    const pause = Math.max(0, this.#readAt + REFRESH_MIN_MILLIS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#read();
    }, pause);
  }

  async #read() {
    this.#readAt = performance.now();
    try {
      const path = `${pathOf(this.#enterpriseId, this.#departmentId)}/contacts/summary`;
      const { body, headers, millis } = await read(path, {}, { signal: this.#stopped.signal });
      fill(this.#news);
      this.#show(body, headers, millis);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      if (error.status !== 404)
        return void fill(
          this.#news,
          failed(error, () => this.#read()),
        );
      this.end();
      fill(
        this.#container,
        this.#trail,
        state(
          "empty",
          h("h1", { tabindex: -1 }, "Not found"),
          error.message,
          h("a", { class: "button primary-button", href: "#/enterprises" }, "All enterprises"),
        ),
      );
    }
  }

  #show(body, headers, millis) {
    const { data } = body;
    const isDepartment = this.#departmentId !== undefined;
    const title = isDepartment ? data.departmentName : data.enterpriseName;
    document.title = `${title} · Muster`;
    if (this.#title.textContent !== title) fill(this.#title, name(title));
    this.#fillTrail(isDepartment ? null : title, isDepartment ? title : undefined);
    this.#fillSource(body, headers, millis);
    // What has not changed stays as it is, with the focus in it.
    if (this.#shown === data.revision && !body.stale) return;
    this.#shown = data.revision;
    this.#fillTotals(data, isDepartment);
    this.#fillGrowth(data.growth);
    this.#fillTables(data, isDepartment);
  }

  #fillTrail(enterpriseName, departmentName) {
    const isDepartment = this.#departmentId !== undefined;
    const isLimited = session().enterpriseId !== null;
    fill(
      this.#trail,
      h(
        "ol",
        {},
        !isLimited && h("li", {}, h("a", { href: "#/enterprises" }, "Enterprises")),
        isDepartment && h("li", {}, h("a", { href: hashOf(this.#enterpriseId) }, name(this.#enterpriseId))),
        h(
          "li",
          { "aria-current": "page" },
          name((isDepartment ? departmentName : enterpriseName) ?? this.#enterpriseId),
        ),
      ),
    );
  }

  #fillSource({ cached, stale, data }, headers, millis) {
    const age = Number(headers.get("Age") ?? 0);
    const [word, tone] = stale ? ["Stale", "bad"] : cached ? ["Hit", "good"] : ["Miss", "quiet"];
    this.#source.dataset.cached = cached;
    fill(
      this.#source,
      badge(word, tone, cached ? "check" : stale ? "warning" : "none"),
      h("span", {}, "age ", h("span", { class: "figure" }, age < 1 ? "0 s" : format.span(age * 1_000))),
      h("span", {}, "answered in ", h("span", { class: "figure" }, format.latency(millis * 1_000))),
      h(
        "span",
        { class: "wide-only" },
        "computed in ",
        h("span", { class: "figure" }, format.latency(data.calculationTime * 1_000)),
      ),
    );
  }

  #fillTotals(data, isDepartment) {
    const { growth } = data;
    const change =
      growth.previous30Days > 0 ? (growth.last30Days - growth.previous30Days) / growth.previous30Days : null;
    const total = (label, value, note) =>
      h(
        "div",
        { class: "card total" },
        h("h2", {}, label),
        h("p", { class: "total-value" }, format.count(value)),
        h("p", { class: "note" }, note),
      );
    const share =
      data.totalContacts > 0
        ? `${format.percent(data.uniquePeople / data.totalContacts, 0)} of the contacts`
        : "\u00a0";
    fill(
      this.#totals,
      total(
        "Contacts",
        data.totalContacts,
        data.newestContactAt ? `newest ${format.moment(Date.parse(data.newestContactAt))}` : "none yet",
      ),
      total("People", data.uniquePeople, share),
      total("Employees", data.totalEmployees, `${format.count(data.activeEmployees)} active`),
      isDepartment
        ? total("Last 7 days", growth.last7Days, "new contacts")
        : total("Departments", data.totalDepartments, "\u00a0"),
      total(
        "Last 30 days",
        growth.last30Days,
        change === null
          ? "new contacts"
          : `${change >= 0 ? "+" : "−"}${format.percent(Math.abs(change), 0)} on the 30 days before`,
      ),
    );
  }

  #fillGrowth({ daily, monthly }) {
    const draw = (chart, list, label, tick) =>
      chart.show({
        points: list.map((point) => ({ label: label(point) })),
        values: { contacts: list.map(({ contacts }) => contacts) },
        ticks: timeTicks(list, tick),
        isEmpty: list.every(({ contacts }) => contacts === 0),
      });
    draw(
      this.#daily,
      daily,
      ({ date }) => format.utcDay(date),
      ({ date }) => format.utcDay(date),
    );
    draw(
      this.#monthly,
      monthly,
      ({ month }) => format.utcMonth(month),
      ({ month }) => format.utcMonth(month),
    );
  }

  #fillTables(data, isDepartment) {
    this.#tables ??= this.#makeTables(isDepartment);
    const { people, companies, departments } = this.#tables;
    const count = (number) => h("td", { class: "figure" }, format.count(number));
    const rows = (into, columns, list, row, nothing) =>
      fill(into.body, list.length === 0 ? emptyRow(columns, nothing) : list.map(row));
    if (departments) {
      rows(
        departments,
        4,
        data.departments,
        (department) =>
          h(
            "tr",
            { data: { department: department.departmentId } },
            h(
              "th",
              { scope: "row" },
              h(
                "a",
                { class: "row-link", href: hashOf(this.#enterpriseId, department.departmentId) },
                name(department.departmentName),
              ),
            ),
            count(department.totalContacts),
            h("td", { class: "figure optional" }, format.count(department.uniquePeople)),
            count(department.totalEmployees),
          ),
        "There is no department yet.",
      );
      rows(
        people,
        3,
        data.topEmployees,
        (person) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name(person.name)),
            h("td", { class: "optional" }, name(person.departmentId)),
            count(person.contactCount),
          ),
        "Nobody has collected a contact yet.",
      );
    } else {
      rows(
        people,
        3,
        data.employees,
        (person) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name(person.name)),
            h("td", { class: "optional" }, name(person.email)),
            count(person.contactCount),
          ),
        "There is no employee yet.",
      );
    }
    rows(
      companies,
      2,
      data.topCompanies,
      ({ company, contactCount }) => h("tr", {}, h("th", { scope: "row" }, name(company)), count(contactCount)),
      "No contact names a company yet.",
    );
  }

  #makeTables(isDepartment) {
    const contacts = { name: "Contacts", figure: true };
    const card = (title, of, wide) =>
      h(
        "section",
        { class: `card flush${wide ? " span-2" : ""}`, "aria-label": title },
        h("h2", {}, title),
        of.element,
      );
    const companies = table({
      id: "top-companies",
      caption: "Top companies",
      columns: [{ name: "Company" }, contacts],
    });
    const people = isDepartment
      ? table({
          id: "employees",
          caption: "Employees",
          columns: [{ name: "Employee" }, { name: "Email", optional: true }, contacts],
        })
      : table({
          id: "top-people",
          caption: "Top people",
          columns: [{ name: "Employee" }, { name: "Department", optional: true }, contacts],
        });
    const departments = isDepartment
      ? null
      : table({
          id: "departments",
          caption: "Departments",
          columns: [
            { name: "Department" },
            contacts,
            { name: "People", figure: true, optional: true },
            { name: "Employees", figure: true },
          ],
        });
    fill(
      this.#rest,
      departments && card("Departments", departments, true),
      card(isDepartment ? "Employees" : "Top people", people),
      card("Top companies", companies),
    );
    return { people, companies, departments };
  }
}

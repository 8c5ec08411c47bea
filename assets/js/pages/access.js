/**
 * Access: tokens, sessions, and what administrators did.
 */

import { call, part, read, serverNow, sessionEvents } from "../api.js";
import { fill, fillAfter, h, name } from "../dom.js";
import * as format from "../format.js";
import { session } from "../session.js";
import {
  badge,
  button,
  copyable,
  emptyRow,
  failed,
  failFields,
  field,
  openDialog,
  skeleton,
  table,
  toast,
} from "../ui.js";

const AUDIT_SIZE = 25;

const ROLES = [
  ["viewer", "Viewer", "Reads summaries, and the cache’s figures if not limited to an enterprise."],
  ["contributor", "Contributor", "Also adds and changes contacts."],
  ["manager", "Manager", "Also departments, employees, imports and exports."],
  ["admin", "Admin", "Everything."],
  ["intake", "Intake", "Only adds contacts, and reads nothing. Nobody signs in with it."],
];

const LIVES = [
  ["", "Never"],
  ["30d", "In 30 days"],
  ["90d", "In 90 days"],
  ["365d", "In a year"],
];

/** What the audit log may be narrowed to, by the beginning of an action's name. */
const KINDS = [
  ["", "Everything"],
  ["cache", "Cache"],
  ["token", "Tokens"],
  ["session", "Sessions"],
  ["enterprise", "Enterprises"],
  ["department", "Departments"],
  ["employee", "Employees"],
  ["contacts", "Imports and exports"],
  ["link", "Sign-in links"],
  ["backup", "Backups"],
];

/**
 * @param {HTMLElement} container
 */
export function show(container) {
  const stopped = new AbortController();
  const { signal } = stopped;
  const tokens = tokenSection(signal);
  const sessions = sessionSection(signal);
  const audit = auditSection(signal);
  const head = h("header", { class: "page-head" }, h("h1", { class: "page-title", tabindex: -1 }, "Access"));
  fill(container, head, h("div", { class: "card flush" }, skeleton("skeleton-table")));
  const changed = () => {
    sessions.load();
    audit.load();
  };
  tokens.onChange = changed;
  sessions.onChange = () => audit.load();
  // How long the tables are is not known before they are read, so they come together instead of pushing one another down.
  Promise.all([tokens.load(), sessions.load(), audit.load()]).then(() => {
    if (!signal.aborted) fillAfter(head, tokens.element, sessions.element, audit.element);
  });
  return () => stopped.abort();
}

/** A card with a table that fills itself; `read` gives its rows. */
function section({ id, title, note, columns, action, nothing, load, signal }) {
  const list = table({ id, caption: title, columns });
  const foot = h("div", {});
  const self = {
    element: h(
      "section",
      { class: "card flush", "aria-labelledby": `${id}-title` },
      h(
        "header",
        { class: "card-head" },
        h("div", {}, h("h2", { id: `${id}-title` }, title), note && h("p", { class: "note" }, note)),
        action,
      ),
      list.element,
      foot,
    ),
    foot,
    onChange: () => {},
    load: async () => {
      try {
        const rows = await load(self);
        fill(list.body, rows.length === 0 ? emptyRow(columns.length, nothing) : rows);
      } catch (error) {
        if (!signal.aborted)
          fill(list.body, h("tr", {}, h("td", { colspan: columns.length }, failed(error, self.load))));
      }
    },
  };
  return self;
}

const when = (text, words) =>
  text
    ? h(
        "time",
        { datetime: text, title: format.momentToSecond(Date.parse(text)) },
        words(Date.parse(text), serverNow()),
      )
    : format.NOTHING;

/** What a limited token reaches: an enterprise, departments of it, or the contacts of employees. */
function reachOf({ enterpriseId, departmentIds, employeeIds }) {
  const within = departmentIds ?? employeeIds;
  const parts = [name(enterpriseId)];
  if (within) parts.push(departmentIds ? " / " : " contacts of ", name(within.join(", ")));
  return parts;
}

function revokeDialog(title, text, path, done) {
  openDialog({
    id: "revoke-dialog",
    title,
    confirm: "Revoke",
    look: "danger",
    body: h("p", {}, text),
    run: async () => {
      const { body } = await call("DELETE", path);
      toast(body.message);
      await done();
    },
  });
}

function tokenSection(signal) {
  const row = (token, self) =>
    h(
      "tr",
      { data: { token: token.id } },
      h("th", { scope: "row" }, name(token.name), h("span", { class: "note" }, token.id)),
      h("td", {}, token.role, token.enterpriseId && h("span", { class: "note" }, "only ", ...reachOf(token))),
      h("td", { class: "figure optional" }, when(token.createdAt, format.ago)),
      h("td", { class: "figure optional" }, token.lastUsedAt ? when(token.lastUsedAt, format.ago) : "never"),
      h("td", { class: "figure" }, token.expiresAt ? when(token.expiresAt, format.until) : "never"),
      h(
        "td",
        { class: "action-cell" },
        button(
          "Revoke",
          () =>
            revokeDialog(
              `Revoke ${token.name}?`,
              "The token and every session that it opened stop working at once. This cannot be undone.",
              `tokens/${part(token.id)}`,
              async () => {
                await self.load();
                self.onChange();
              },
            ),
          { class: "small", data: { action: "revoke" }, "aria-label": `Revoke the token ${token.name}` },
        ),
      ),
    );
  const self = section({
    id: "tokens",
    title: "Tokens",
    note: "What programs, and people signing in, show to be let in.",
    signal,
    nothing: "There is no token.",
    columns: [
      { name: "Name" },
      { name: "Role" },
      { name: "Created", figure: true, optional: true },
      { name: "Last used", figure: true, optional: true },
      { name: "Expires", figure: true },
      { name: "Action", hidden: true },
    ],
    action: button(
      "New token…",
      () =>
        tokenDialog(async () => {
          await self.load();
          self.onChange();
        }),
      { id: "new-token", look: "primary" },
    ),
    load: async (self) => (await read("tokens", {}, { signal })).body.tokens.map((token) => row(token, self)),
  });
  return self;
}

/** Asks for a new token's name, role, reach and life, and shows its secret once. */
function tokenDialog(done) {
  const title = field({
    label: "Name",
    name: "name",
    hint: "Who or what will use it.",
    control: h("input", { type: "text", id: "token-name", autocomplete: "off" }),
  });
  const reach = field({
    label: "Limited to one enterprise",
    name: "enterpriseId",
    hint: "Its id; empty for all.",
    control: h("input", { type: "text", id: "token-enterprise", autocomplete: "off", spellcheck: "false" }),
  });
  const departments = field({
    label: "Within it, only departments",
    name: "departmentIds",
    hint: "Their ids, with commas; empty for all.",
    control: h("input", { type: "text", id: "token-departments", autocomplete: "off", spellcheck: "false" }),
  });
  const employees = field({
    label: "Or only the contacts of employees",
    name: "employeeIds",
    hint: "Their ids, with commas; empty for all.",
    control: h("input", { type: "text", id: "token-employees", autocomplete: "off", spellcheck: "false" }),
  });
  const life = field({
    label: "Expires",
    name: "expiresIn",
    control: h(
      "select",
      { id: "token-life" },
      LIVES.map(([value, label]) => h("option", { value, selected: value === "90d" }, label)),
    ),
  });
  const roles = h(
    "fieldset",
    { data: { field: "role" } },
    h("legend", {}, "Role"),
    ROLES.map(([value, label, hint], index) =>
      h(
        "label",
        { class: "choice-row" },
        h("input", { type: "radio", name: "role", value, checked: index === 0 }),
        h("span", {}, label, h("span", { class: "note" }, hint)),
      ),
    ),
  );
  openDialog({
    id: "token-dialog",
    title: "New token",
    confirm: "Create",
    body: [title.element, roles, reach.element, departments.element, employees.element, life.element],
    run: async () => {
      [title, reach, departments, employees, life].forEach((each) => each.fail(""));
      const tokenName = title.control.value.trim();
      if (!tokenName) {
        title.fail("Enter a name");
        title.control.focus();
        return false;
      }
      const body = { name: tokenName, role: roles.querySelector(":checked").value };
      if (reach.control.value.trim()) body.enterpriseId = reach.control.value.trim();
      const ids = (text) =>
        text
          .split(",")
          .map((id) => id.trim())
          .filter(Boolean);
      const within = { departmentIds: ids(departments.control.value), employeeIds: ids(employees.control.value) };
      for (const [key, list] of Object.entries(within)) if (list.length > 0) body[key] = list;
      if (life.control.value) body.expiresIn = life.control.value;
      try {
        const answer = await call("POST", "tokens", { body });
        secretDialog(answer.body);
        await done();
        return true;
      } catch (error) {
        const left = failFields(error, {
          name: title,
          enterpriseId: reach,
          departmentIds: departments,
          employeeIds: employees,
          expiresIn: life,
        });
        if (left) throw new Error(left);
        return false;
      }
    },
  });
}

function secretDialog({ token, secret }) {
  openDialog({
    id: "secret-dialog",
    title: "The token, this once",
    cancel: "Done",
    body: [
      h(
        "p",
        {},
        "Copy the token of ",
        name(token.name),
        " now. It is not shown again, and nobody can read it from the database.",
      ),
      copyable(secret, "the token", "secret"),
    ],
  });
}

function sessionSection(signal) {
  const row = (each, self) => {
    const isOwn = each.current ?? each.id === session().id;
    return h(
      "tr",
      { data: { session: each.id } },
      h(
        "th",
        { scope: "row" },
        name(each.name),
        isOwn && badge("This one", "good"),
        h("span", { class: "note" }, each.id),
      ),
      h("td", {}, each.role, each.enterpriseId && h("span", { class: "note" }, "only ", ...reachOf(each))),
      h("td", { class: "optional address" }, name(each.address)),
      h("td", { class: "figure optional" }, when(each.createdAt, format.ago)),
      h("td", { class: "figure optional" }, isOwn ? "now" : each.lastUsedAt ? when(each.lastUsedAt, format.ago) : "never"),
      h("td", { class: "figure" }, when(each.expiresAt, format.until)),
      h(
        "td",
        { class: "action-cell" },
        button(
          "Revoke",
          () =>
            revokeDialog(
              isOwn ? "Revoke this session?" : `Revoke the session of ${each.name}?`,
              isOwn ? "You are signed out at once." : "Whoever uses it is signed out at once.",
              `sessions/${part(each.id)}`,
              async () => {
                if (isOwn) sessionEvents.dispatchEvent(new Event("signed-out"));
                else await self.load().then(self.onChange);
              },
            ),
          { class: "small", data: { action: "revoke" }, "aria-label": `Revoke the session of ${each.name}` },
        ),
      ),
    );
  };
  return section({
    id: "sessions",
    title: "Sessions",
    note: "Who is signed in to these pages.",
    signal,
    nothing: "Nobody is signed in.",
    columns: [
      { name: "Name" },
      { name: "Role" },
      { name: "From", optional: true },
      { name: "Signed in", figure: true, optional: true },
      { name: "Last used", figure: true, optional: true },
      { name: "Ends", figure: true },
      { name: "Action", hidden: true },
    ],
    load: async (self) => (await read("sessions", {}, { signal })).body.sessions.map((each) => row(each, self)),
  });
}

function auditSection(signal) {
  let cursors = [undefined];
  const select = h(
    "select",
    {
      id: "audit-kind",
      on: {
        change: () => {
          cursors = [undefined];
          self.load();
        },
      },
    },
    KINDS.map(([value, label]) => h("option", { value }, label)),
  );
  const row = (act) =>
    h(
      "tr",
      { data: { act: act.id } },
      h("td", {}, when(act.at, format.ago)),
      h("th", { scope: "row" }, h("code", {}, act.action)),
      h("td", {}, name(act.target), details(act)),
      h("td", { class: "optional" }, name(act.actor), h("span", { class: "note" }, act.address)),
    );
  const self = section({
    id: "audit",
    title: "Audit log",
    note: "What was changed, by whom and from where.",
    signal,
    nothing: "Nothing has been written down.",
    columns: [{ name: "When" }, { name: "What" }, { name: "Of" }, { name: "Who", optional: true }],
    action: h("div", { class: "field inline" }, h("label", { for: "audit-kind" }, "Show"), select),
    load: async (self) => {
      const { body } = await read(
        "audit",
        { limit: AUDIT_SIZE, action: select.value, cursor: cursors.at(-1) },
        { signal },
      );
      const { nextCursor } = body.pagination;
      const go = (next) => {
        cursors = next;
        return self.load();
      };
      fill(
        self.foot,
        h(
          "div",
          { class: "pager" },
          h("p", { role: "status" }, format.counted(body.totalCount, "act")),
          (nextCursor || cursors.length > 1) &&
            h(
              "div",
              { class: "actions" },
              button("Newer", () => go(cursors.slice(0, -1)), { disabled: cursors.length === 1 }),
              button("Older", () => go([...cursors, nextCursor]), { disabled: !nextCursor }),
            ),
        ),
      );
      return body.audit.map(row);
    },
  });
  return self;
}

/** How it was before and after; what is the same in both is left out. */
function details({ before, after }) {
  if (before === null && after === null) return null;
  const lines = [];
  const walk = (then, now, path) => {
    const isGroup = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
    if (isGroup(then) || isGroup(now)) {
      for (const key of new Set([...Object.keys(then ?? {}), ...Object.keys(now ?? {})]))
        walk(then?.[key], now?.[key], path ? `${path}.${key}` : key);
    } else if (JSON.stringify(then) !== JSON.stringify(now)) {
      lines.push(
        then === undefined
          ? `${path}: ${write(now)}`
          : now === undefined
            ? `${path}: ${write(then)}, gone`
            : `${path}: ${write(then)} → ${write(now)}`,
      );
    }
  };
  const write = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  walk(before ?? undefined, after ?? undefined, "");
  return lines.length === 0
    ? null
    : h(
        "details",
        { class: "act-details" },
        h("summary", {}, format.counted(lines.length, "detail")),
        h(
          "ul",
          {},
          lines.map((line) => h("li", { dir: "auto" }, line)),
        ),
      );
}

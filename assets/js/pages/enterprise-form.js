/**
 * Creating an enterprise with its first department.
 */

import { call, part } from "../api.js";
import { h } from "../dom.js";
import { copyable, failFields, field, openDialog, toast } from "../ui.js";

/** The address of the page of an enterprise, or of a department. */
export const hashOf = (enterpriseId, departmentId) =>
  `#/enterprises/${part(enterpriseId)}${departmentId === undefined ? "" : `/departments/${part(departmentId)}`}`;

/** Fields for an enterprise and a department; `create` sends them. */
function enterpriseForm() {
  const text = (id, label, hint, fieldName) =>
    field({
      label,
      hint,
      name: fieldName,
      control: h("input", { type: "text", id, autocomplete: "off", maxlength: 200 }),
    });
  const enterprise = text(
    "new-enterprise-name",
    "Name of the enterprise",
    "Such as Acme Corporation. Its id is made of the name.",
    "name",
  );
  const department = text(
    "new-department-name",
    "Name of its first department",
    "Such as Sales. Employees and their contacts belong to a department.",
    "name",
  );
  let created = null;
  const create = async () => {
    enterprise.fail(enterprise.control.value.trim() ? "" : "Enter a name");
    department.fail(department.control.value.trim() ? "" : "Enter a name");
    if (!enterprise.control.value.trim()) return enterprise.control.focus();
    if (!department.control.value.trim()) return department.control.focus();
    const send = async (path, at) => {
      try {
        return (await call("POST", path, { body: { name: at.control.value.trim() } })).body;
      } catch (error) {
        const left = failFields(error, { name: at, id: at });
        if (left) at.fail(left);
        at.control.focus();
        return null;
      }
    };
    // When only the department was refused, the enterprise is there already.
    created ??= (await send("enterprise", enterprise))?.enterprise ?? null;
    if (!created) return undefined;
    enterprise.control.readOnly = true;
    if (!(await send(`enterprise/${part(created.id)}/departments`, department))) return undefined;
    toast(`${created.name} is there`);
    location.hash = hashOf(created.id);
    return created;
  };
  return { elements: [enterprise.element, department.element], create };
}

/** Asks for a new enterprise. */
export function enterpriseDialog() {
  const form = enterpriseForm();
  openDialog({
    id: "enterprise-dialog",
    title: "New enterprise",
    confirm: "Create",
    body: form.elements,
    run: async () => Boolean(await form.create()),
  });
}

/** What an empty installation shows: the way to the first summary. */
export function firstEnterprise() {
  const form = enterpriseForm();
  const submit = h("button", { type: "submit", class: "button primary-button", id: "create-first" }, "Create both");
  const send = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    await form.create().finally(() => (submit.disabled = false));
  };
  return h(
    "div",
    { class: "first", data: { state: "empty" } },
    h(
      "section",
      { class: "card", "aria-labelledby": "first-title" },
      h("h2", { id: "first-title" }, "Create the first enterprise"),
      h(
        "p",
        { class: "note" },
        "There is none yet. An enterprise has departments, these have employees, and they collect contacts.",
      ),
      h(
        "form",
        { class: "stack", novalidate: true, id: "first-enterprise", on: { submit: send } },
        form.elements,
        h("div", {}, submit),
      ),
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "import-title" },
      h("h2", { id: "import-title" }, "Or import contacts"),
      h(
        "p",
        { class: "note" },
        "On the machine that runs the server. What does not exist yet is created; the file is a CSV export of Google, Outlook or Thunderbird. If the server was started with --data-dir, the command takes it too.",
      ),
      copyable(
        "muster import contacts.csv --enterprise acme --department sales --employee u1 --create-missing",
        "the command",
        "import-command",
      ),
      h("p", { class: "note" }, "To look around first, on a throw-away database:"),
      copyable("muster demo --traffic", "the command", "demo-command"),
    ),
  );
}

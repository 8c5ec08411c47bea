/**
 * What can be done to many entries at once: clearing and warming.
 */

import { call, part, read } from "../api.js";
import { fill, h, name } from "../dom.js";
import * as format from "../format.js";
import { badge, field, openDialog, toast } from "../ui.js";

/** Enterprises that the dialogs offer. */
const ENTERPRISES_OFFERED_MAX = 1_000;

async function enterprises() {
  const { body } = await read("enterprise", { limit: ENTERPRISES_OFFERED_MAX });
  return body.enterprises;
}

/** Asks what to clear, and clears it. */
export function clearDialog(done) {
  const select = h("select", { id: "clear-enterprise", disabled: true });
  const one = field({ label: "Which enterprise", control: select });
  one.element.hidden = true;
  const choices = [
    ["departments", "Departments", "What is kept of departments; enterprises stay."],
    ["enterprise", "One enterprise", "It and its departments."],
    ["all", "Everything", "Each next request is answered by the database."],
  ];
  const choice = ([value, label, hint], index) =>
    h(
      "label",
      { class: "choice-row" },
      h("input", { type: "radio", name: "clear", value, checked: index === 0, on: { change: () => choose(value) } }),
      h("span", {}, label, h("span", { class: "note" }, hint)),
    );
  let chosen = "departments";
  const words = { departments: "Clear departments", enterprise: "Clear the enterprise", all: "Clear everything" };
  const choose = (value) => {
    chosen = value;
    one.element.hidden = value !== "enterprise";
    dialog.confirm.textContent = words[value];
  };
  const paths = {
    departments: () => "cache/departments/clear",
    enterprise: () => `cache/enterprises/${part(select.value)}/clear`,
    all: () => "cache/clear",
  };
  const dialog = openDialog({
    id: "clear-dialog",
    title: "Clear the cache",
    confirm: words.departments,
    look: "danger",
    body: [
      h("fieldset", {}, h("legend", {}, "What is to be cleared"), choices.map(choice)),
      one.element,
      h(
        "p",
        { class: "note" },
        "Nothing is lost: what is cleared is computed anew when somebody asks for it. A clear of more than one entry counts as a mass invalidation.",
      ),
    ],
    run: async () => {
      if (chosen === "enterprise" && !select.value) {
        one.fail("Choose an enterprise");
        return false;
      }
      const { body } = await call("DELETE", paths[chosen]());
      toast(body.message);
      await done();
      return true;
    },
  });
  enterprises().then(
    (found) => {
      select.disabled = false;
      fill(
        select,
        h("option", { value: "" }, "Choose…"),
        found.map(({ id, name: title }) => h("option", { value: id }, `${title} (${id})`)),
      );
    },
    (error) => one.fail(error.message),
  );
}

/** Asks which enterprises to warm, and says of each what came of it. */
export function warmDialog(done) {
  const list = h(
    "ul",
    { class: "pick-list", id: "warm-list", "aria-label": "Enterprises" },
    h("li", { class: "note" }, "Reading the enterprises…"),
  );
  const filter = h("input", {
    type: "search",
    id: "warm-filter",
    autocomplete: "off",
    placeholder: "Part of a name or id",
    on: { input: () => sift() },
  });
  const departments = h("input", { type: "checkbox", id: "warm-departments" });
  const everything = h("input", {
    type: "checkbox",
    id: "warm-all",
    on: { change: () => checkShown(everything.checked) },
  });
  const rows = new Map();
  const shown = () => [...rows.values()].filter(({ element }) => !element.hidden);
  const chosen = () => [...rows].filter(([, { box }]) => box.checked).map(([id]) => id);
  const sift = () => {
    const text = filter.value.trim().toLocaleLowerCase();
    for (const { element, words } of rows.values()) element.hidden = !words.includes(text);
  };
  const tell = () => {
    const number = chosen().length;
    dialog.confirm.textContent = number === 0 ? "Warm" : `Warm ${format.counted(number, "enterprise")}`;
  };
  const checkShown = (checked) => {
    shown().forEach(({ box }) => (box.checked = checked));
    tell();
  };
  const dialog = openDialog({
    id: "warm-dialog",
    title: "Warm the cache",
    confirm: "Warm",
    cancel: "Close",
    wide: true,
    body: [
      h("p", {}, "Puts summaries into the cache before anybody asks for them."),
      field({ label: "Filter", control: filter }).element,
      h(
        "div",
        { class: "choice-bar" },
        h("label", { class: "choice-row" }, everything, h("span", {}, "All that are shown")),
        h("label", { class: "choice-row" }, departments, h("span", {}, "Also their departments")),
      ),
      list,
    ],
    run: async () => {
      const enterpriseIds = chosen();
      if (enterpriseIds.length === 0) throw new Error("Choose at least one enterprise.");
      for (const { outcome } of rows.values()) fill(outcome);
      enterpriseIds.forEach((id) => fill(rows.get(id).outcome, badge("Warming…", "quiet")));
      try {
        const { body } = await call("POST", "cache/warm", {
          body: { enterpriseIds, includeDepartments: departments.checked },
        });
        for (const result of body.results) fill(rows.get(result.enterpriseId).outcome, outcome(result));
        toast(body.message);
      } catch (error) {
        enterpriseIds.forEach((id) => fill(rows.get(id).outcome));
        throw error;
      }
      await done();
      return false;
    },
  });
  const add = ({ id, name: title }) => {
    const box = h("input", { type: "checkbox", value: id, on: { change: tell } });
    const result = h("span", { class: "outcome", data: { outcome: id } });
    const element = h(
      "li",
      {},
      h("label", { class: "choice-row" }, box, h("span", {}, name(title), h("span", { class: "note" }, id))),
      result,
    );
    rows.set(id, { box, element, outcome: result, words: `${title} ${id}`.toLocaleLowerCase() });
    return element;
  };
  enterprises().then(
    (found) => {
      fill(list, found.length === 0 ? h("li", { class: "note" }, "There is no enterprise yet.") : found.map(add));
      tell();
    },
    (error) => fill(list, h("li", { class: "form-error" }, error.message)),
  );
}

function outcome({ status, duration, error }) {
  const took = format.latency(duration * 1_000);
  if (status === "warmed") return badge(`Warmed in ${took}`, "good", "check");
  if (status === "already_cached") return badge("Was there already", "quiet", "check");
  return [badge("Not warmed", "bad", "warning"), h("span", { class: "note" }, error)];
}

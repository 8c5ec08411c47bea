/**
 * What can be done to many entries at once: clearing and warming.
 */

import { call, part, read } from "../api.js";
import { fill, h, name } from "../dom.js";
import * as format from "../format.js";
import { badge, field, openDialog, toast } from "../ui.js";

/** Enterprises that one request lists. */
const LIST_SIZE = 1_000;

/** Enterprises that the dialogs offer. */
const ENTERPRISES_OFFERED_MAX = 20_000;

/** Enterprises that one request may warm. */
const WARMED_AT_ONCE_MAX = 1_000;

/** Rows of a list to choose from; the filter finds the others. */
const ROWS_MAX = 200;

async function enterprises() {
  const found = [];
  let cursor;
  do {
    const { body } = await read("enterprise", { limit: LIST_SIZE, cursor });
    found.push(...body.enterprises);
    cursor = body.pagination.nextCursor;
  } while (cursor && found.length < ENTERPRISES_OFFERED_MAX);
  return found;
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
    on: { change: () => pickMatching(everything.checked) },
  });
  let offered = [];
  const picked = new Set();
  const outcomes = new Map();
  const chosen = () => offered.filter(({ id }) => picked.has(id)).map(({ id }) => id);
  const matching = () => {
    const text = filter.value.trim().toLocaleLowerCase();
    return offered.filter(({ words }) => words.includes(text));
  };
  const tell = () => {
    const number = picked.size;
    dialog.confirm.textContent = number === 0 ? "Warm" : `Warm ${format.counted(number, "enterprise")}`;
  };
  const pick = (id, isPicked) => {
    if (isPicked) picked.add(id);
    else picked.delete(id);
    tell();
  };
  const pickMatching = (isPicked) => {
    matching().forEach(({ id }) => pick(id, isPicked));
    sift();
  };
  const row = ({ id, name: title }) => {
    const box = h("input", {
      type: "checkbox",
      value: id,
      checked: picked.has(id),
      on: { change: () => pick(id, box.checked) },
    });
    return h(
      "li",
      {},
      h("label", { class: "choice-row" }, box, h("span", {}, name(title), h("span", { class: "note" }, id))),
      h("span", { class: "outcome", data: { outcome: id } }, outcomes.get(id)),
    );
  };
  const sift = () => {
    const found = matching();
    const rest = found.length - ROWS_MAX;
    fill(
      list,
      found.slice(0, ROWS_MAX).map(row),
      rest > 0 && h("li", { class: "note" }, `and ${format.count(rest)} more; the filter finds them.`),
      found.length === 0 &&
        h("li", { class: "note" }, offered.length === 0 ? "There is no enterprise yet." : "No enterprise matches."),
    );
  };
  const say = (id, ...words) => {
    outcomes.set(id, words);
    const place = list.querySelector(`[data-outcome="${CSS.escape(id)}"]`);
    if (place) fill(place, words);
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
        h("label", { class: "choice-row" }, everything, h("span", {}, "All that match")),
        h("label", { class: "choice-row" }, departments, h("span", {}, "Also their departments")),
      ),
      list,
    ],
    run: async () => {
      const ids = chosen();
      if (ids.length === 0) throw new Error("Choose at least one enterprise.");
      offered.forEach(({ id }) => outcomes.has(id) && say(id));
      ids.forEach((id) => say(id, badge("Warming…", "quiet")));
      let left = ids;
      try {
        while (left.length > 0) {
          const enterpriseIds = left.slice(0, WARMED_AT_ONCE_MAX);
          const { body } = await call("POST", "cache/warm", {
            body: { enterpriseIds, includeDepartments: departments.checked },
          });
          for (const result of body.results) say(result.enterpriseId, outcome(result));
          left = left.slice(WARMED_AT_ONCE_MAX);
          toast(body.message);
        }
      } catch (error) {
        left.forEach((id) => say(id));
        throw error;
      }
      await done();
      return false;
    },
  });
  enterprises().then(
    (found) => {
      offered = found.map((each) => ({ ...each, words: `${each.name} ${each.id}`.toLocaleLowerCase() }));
      sift();
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

// Calls a server with the client that openapi-typescript generates. run.sh checks the types, compiles this and runs it.
import { strict as assert } from "node:assert";

import createClient from "openapi-fetch";

import type { components, paths } from "./muster.js";

type Details = components["schemas"]["EnterpriseDetails"];

const baseUrl = process.env["MUSTER_BASE"];
const token = process.env["MUSTER_TOKEN"];
assert(baseUrl !== undefined && token !== undefined);

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

/** The body of a success. */
function body<T>(answer: { data?: T; error?: unknown; response: Response }): NonNullable<T> {
  const { data, error, response } = answer;
  if (data === undefined || data === null) {
    throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(error)}`);
  }
  return data;
}

const enterpriseId = "typescript";
const enterprise = { params: { path: { enterpriseId } } };

// 1 to 3: the directory.
const created = body(await client.POST("/enterprise", { body: { id: enterpriseId, name: "TypeScript Ltd" } }));
assert.equal(created.enterprise.id, enterpriseId);
const department = body(
  await client.POST("/enterprise/{enterpriseId}/departments", { ...enterprise, body: { id: "sales", name: "Sales" } }),
);
assert.equal(department.department.name, "Sales");
const employee = body(
  await client.POST("/enterprise/{enterpriseId}/departments/{departmentId}/employees", {
    params: { path: { enterpriseId, departmentId: "sales" } },
    body: { id: "ts1", firstName: "Ada", lastName: "Lovelace" },
  }),
);
assert.equal(employee.employee.employeeId, "ts1");

// 4 to 6: a contact.
const added = body(
  await client.POST("/AddContact", {
    body: { userId: "ts1", contactInfo: { name: "Grace", surname: "Hopper", company: "Contoso", tags: ["fair"] } },
  }),
);
assert.equal(added.contactsCount, 1);
const place = { params: { path: { userId: "ts1", contactId: added.contact.contactId } } };
const changed = body(
  await client.PATCH("/Contacts/{userId}/contact/{contactId}", { ...place, body: { company: "Fabrikam", notes: null } }),
);
assert.equal(changed.contact.company, "Fabrikam");
const list = body(await client.GET("/Contacts/{userId}", { params: { path: { userId: "ts1" }, query: { limit: 10 } } }));
assert.deepEqual(list.contactList.map((contact) => contact.name), ["Grace"]);

// 7: an import sends the file itself.
const file = "name,surname,email,company\nKatherine,Johnson,katherine@contoso.example,Contoso\nnobody\n";
const imported = body(
  await client.POST("/enterprise/{enterpriseId}/contacts/import", {
    params: { path: { enterpriseId }, query: { employee: "ts1" } },
    body: file,
    bodySerializer: (text) => text,
    headers: { "Content-Type": "text/csv" },
  }),
);
assert.equal(imported.report.imported, 2);

// 8 to 10: what it amounts to, in every shape.
const summary = body(await client.GET("/enterprise/{enterpriseId}/contacts/summary", enterprise));
assert.equal(summary.data.totalContacts, 3);

/** The names of the contacts, by the shape that they come in. */
function names(details: Details): string[] {
  const contacts =
    "contactsByDepartment" in details
      ? Object.values(details.contactsByDepartment).flatMap((department) => department.contacts)
      : details.contacts;
  return contacts.map((contact) => contact.name).sort();
}

const details = body(await client.GET("/enterprise/{enterpriseId}/contacts/details", enterprise));
assert(details.data.totalContacts === 3 && "departmentStats" in details.data);
assert.deepEqual(names(details.data), ["Grace", "Katherine", "nobody"]);
const flat = body(
  await client.GET("/enterprise/{enterpriseId}/contacts/details", {
    params: { path: { enterpriseId }, query: { view: "list" } },
  }),
);
assert(!("departmentStats" in flat.data));
assert.deepEqual(names(flat.data), ["Grace", "Katherine", "nobody"]);

// 11: an export is the file itself.
const exported = body(
  await client.GET("/enterprise/{enterpriseId}/contacts/export", { ...enterprise, parseAs: "text" }),
);
assert.equal(exported.trimEnd().split("\n").length, 4);

// 12 to 14: deletions, and what they leave.
const deleted = body(await client.DELETE("/Contacts/{userId}/contact/{contactId}", place));
assert.equal(deleted.contactsCount, 2);
const gone = await client.GET("/Contacts/{userId}/contact/{contactId}", place);
assert.equal(gone.error?.status, 404);
const removed = body(
  await client.DELETE("/enterprise/{enterpriseId}", { params: { path: { enterpriseId }, query: { purge: true } } }),
);
assert(removed.success);

console.log("14 calls with the TypeScript client");

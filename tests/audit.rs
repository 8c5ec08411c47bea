//! Every administrative act is written down: who, when, from where, and how things were before and after.

use std::collections::BTreeSet;

use muster::access::links::mint_link;
use muster::domain::access::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::routes::access::operations;
use crate::support::{Client, Place, Reply, TestApp, eventually};

/// An operation of the API that is an act, how it is done in `acme` so that it succeeds, and what it is written down as.
struct Act {
    operation: &'static str,
    path: &'static str,
    body: &'static str,
    action: &'static str,
    target: &'static str,
    /// Fields of `before` and of `after` that it must show.
    shows: (&'static [&'static str], &'static [&'static str]),
}

const fn act(
    operation: &'static str,
    path: &'static str,
    body: &'static str,
    action: &'static str,
    target: &'static str,
    shows: (&'static [&'static str], &'static [&'static str]),
) -> Act {
    Act { operation, path, body, action, target, shows }
}

const ARCHIVED: &[&str] = &["archived"];
const COUNTS: &[&str] = &["contacts", "employees", "departments"];
const POST: &[&str] = &["enterpriseId", "departmentId", "role", "isActive"];

/// In this order, on one server.
const ACTS: &[Act] = &[
    act(
        "POST /enterprise",
        "/enterprise",
        r#"{"id":"new","name":"New"}"#,
        "enterprise.create",
        "new",
        (&[], &["name"]),
    ),
    act(
        "PUT /enterprise/{enterpriseId}",
        "/enterprise/acme",
        r#"{"name":"Acme 2"}"#,
        "enterprise.change",
        "acme",
        (&["name"], &["name"]),
    ),
    act("DELETE /enterprise/{enterpriseId}", "/enterprise/new", "", "enterprise.archive", "new", (ARCHIVED, ARCHIVED)),
    act(
        "POST /enterprise/{enterpriseId}/restore",
        "/enterprise/new/restore",
        "",
        "enterprise.restore",
        "new",
        (&[], ARCHIVED),
    ),
    act(
        "DELETE /enterprise/{enterpriseId}",
        "/enterprise/new?purge=true",
        "",
        "enterprise.purge",
        "new",
        (COUNTS, &[]),
    ),
    act(
        "POST /enterprise/{enterpriseId}/departments",
        "/enterprise/acme/departments",
        r#"{"id":"field","name":"Field"}"#,
        "department.create",
        "acme/field",
        (&[], &["name"]),
    ),
    act(
        "PUT /enterprise/{enterpriseId}/departments/{departmentId}",
        "/enterprise/acme/departments/field",
        r#"{"name":"Field Service"}"#,
        "department.change",
        "acme/field",
        (&["name"], &["name"]),
    ),
    act(
        "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees",
        "/enterprise/acme/departments/field/employees",
        r#"{"employeeId":"f1","firstName":"Zebulon","email":"zebulon@acme.example"}"#,
        "employee.create",
        "f1",
        (&[], POST),
    ),
    act(
        "PUT /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
        "/enterprise/acme/departments/field/employees/f1",
        r#"{"lastName":"Zweistein","departmentId":"lab","isActive":false}"#,
        "employee.change",
        "f1",
        (POST, &["enterpriseId", "departmentId", "role", "isActive", "changed"]),
    ),
    act(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
        "/enterprise/acme/departments/lab/employees/f1",
        "",
        "employee.archive",
        "f1",
        (ARCHIVED, ARCHIVED),
    ),
    act(
        "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}/restore",
        "/enterprise/acme/departments/lab/employees/f1/restore",
        "",
        "employee.restore",
        "f1",
        (&[], ARCHIVED),
    ),
    act(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
        "/enterprise/acme/departments/lab/employees/f1?purge=true",
        "",
        "employee.purge",
        "f1",
        (COUNTS, &[]),
    ),
    act(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}",
        "/enterprise/acme/departments/field",
        "",
        "department.archive",
        "acme/field",
        (ARCHIVED, ARCHIVED),
    ),
    act(
        "POST /enterprise/{enterpriseId}/departments/{departmentId}/restore",
        "/enterprise/acme/departments/field/restore",
        "",
        "department.restore",
        "acme/field",
        (&[], ARCHIVED),
    ),
    act(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}",
        "/enterprise/acme/departments/field?purge=true",
        "",
        "department.purge",
        "acme/field",
        (COUNTS, &[]),
    ),
    act(
        "POST /enterprise/{enterpriseId}/contacts/import",
        "/enterprise/acme/contacts/import?employee=u1",
        "name\nGrace\n",
        "contacts.import",
        "acme",
        (&[], &["rows", "imported", "duplicates", "rejected", "created", "employeeId", "file"]),
    ),
    act(
        "GET /enterprise/{enterpriseId}/contacts/export",
        "/enterprise/acme/contacts/export?department=sales",
        "",
        "contacts.export",
        "acme",
        (&[], &["contacts", "departmentId"]),
    ),
    act(
        "PUT /cache/config",
        "/cache/config",
        r#"{"maxCacheSize":5}"#,
        "cache.configure",
        "version 1",
        (&["maxCacheSize"], &["maxCacheSize"]),
    ),
    act(
        "POST /cache/config/revert",
        "/cache/config/revert",
        r#"{"version":0}"#,
        "cache.revert",
        "version 2",
        (&["maxCacheSize"], &["maxCacheSize"]),
    ),
    act("POST /cache/warm", "/cache/warm", r#"{"enterpriseIds":["acme"]}"#, "cache.warm", "cache", (&[], &[])),
    act(
        "DELETE /cache/entries/{key}",
        "/cache/entries/enterprise:acme:contacts",
        "",
        "cache.drop",
        "enterprise:acme:contacts",
        (&[], &["clearedEntries"]),
    ),
    act(
        "DELETE /cache/departments/clear",
        "/cache/departments/clear",
        "",
        "cache.clear-departments",
        "cache",
        (&[], &["invalidatedEntries"]),
    ),
    act(
        "DELETE /cache/enterprises/{enterpriseId}/clear",
        "/cache/enterprises/acme/clear",
        "",
        "cache.clear-enterprise",
        "acme",
        (&[], &["clearedEntries"]),
    ),
    act("DELETE /cache/clear", "/cache/clear", "", "cache.clear", "cache", (&[], &["clearedEntries"])),
    act("POST /tokens", "/tokens", r#"{"name":"t","role":"viewer"}"#, "token.create", "*", (&[], &["name", "role"])),
    act("DELETE /tokens/{tokenId}", "/tokens/{new}", "", "token.revoke", "*", (&["name", "role"], &[])),
    act("POST /session", "/session", "{token}", "session.create", "*", (&[], &["role", "address", "tokenId"])),
    act("POST /backup", "/backup", "", "backup.create", "*", (&[], &["bytes", "rows", "schemaVersion", "tookMillis"])),
    act("DELETE /session", "/session", "", "session.end", "*", (&["role", "address", "tokenId"], &[])),
    act("DELETE /sessions/{sessionId}", "/sessions/{session}", "", "session.revoke", "*", (&["role", "address"], &[])),
];

/// Operations that change something and are no administrative acts, with the reason.
const NO_ACTS: &[(&str, &str)] = &[
    ("POST /AddContact", "collecting contacts is what everybody does; a contact has its own times and its collector"),
    ("POST /saveContact", "the same"),
    ("PATCH /Contacts/{userId}/contact/{contactId}", "the same"),
    ("DELETE /Contacts/{userId}/contact/{contactId}", "the same"),
];

#[tokio::test]
async fn every_operation_that_changes_something_is_written_down_or_says_why_not() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let changes: BTreeSet<String> = operations(&app)
        .await
        .iter()
        .filter(|operation| !operation.method.is_safe())
        .map(crate::routes::access::Operation::name)
        .collect();
    let mut known: BTreeSet<String> = ACTS.iter().map(|act| act.operation.to_owned()).collect();
    // Data that leaves the house is an act that changes nothing.
    assert!(known.remove("GET /enterprise/{enterpriseId}/contacts/export"));
    known.extend(NO_ACTS.iter().map(|(operation, _)| (*operation).to_owned()));
    assert_eq!(changes, known, "each is an act, or says why it is none");

    for act in ACTS {
        let (client, path, body) = prepare(act, &admin).await;
        let before = newest(&admin).await["id"].as_i64().unwrap_or_default();
        let method: Method = act.operation.split(' ').next().unwrap().parse().unwrap();
        let kind = if path.contains("import") { "text/csv" } else { "application/json" };
        let request = client.request(method, &path).header("content-type", kind).body(body);
        let reply = Reply::to(request).await;
        assert!((200..300).contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
        let entry = newest(&admin).await;
        assert!(entry["id"].as_i64().unwrap() > before, "{} is not written down", act.operation);
        assert_eq!(entry["action"], act.action, "{entry:#}");
        assert!(act.target == "*" || entry["target"] == act.target, "{entry:#}");
        assert!(entry["actor"].as_str().unwrap().contains("admin ("), "{entry:#}");
        assert_eq!(entry["address"], "127.0.0.1");
        for (side, fields) in [("before", act.shows.0), ("after", act.shows.1)] {
            for field in fields {
                assert!(entry[side].get(*field).is_some(), "{} shows no {side}.{field}: {entry:#}", act.operation);
            }
        }
        // What is purged or changed of a person must not live on here.
        for personal in ["Zebulon", "zebulon@acme.example", "Zweistein", "Grace"] {
            assert!(!entry.to_string().contains(personal), "{entry:#}");
        }
    }
}

/// Who does it, where, and with which body.
async fn prepare(act: &Act, admin: &Client) -> (Client, String, String) {
    let browser = async || admin.browser().await;
    let token = json!({"token": admin.token()}).to_string();
    match act.operation {
        "DELETE /tokens/{tokenId}" => {
            let made = admin.post("/tokens", json!({"name": "t", "role": "viewer"})).await.expect(201);
            (admin.clone(), format!("/tokens/{}", made["token"]["id"].as_str().unwrap()), String::new())
        }
        "DELETE /session" => (browser().await, "/session".to_owned(), String::new()),
        "DELETE /sessions/{sessionId}" => {
            let session = browser().await.get("/session").await.expect(200)["session"]["id"].clone();
            (admin.clone(), format!("/sessions/{}", session.as_str().unwrap()), String::new())
        }
        "POST /session" => (admin.clone(), act.path.to_owned(), token),
        _ => (admin.clone(), act.path.to_owned(), act.body.to_owned()),
    }
}

async fn newest(admin: &Client) -> Value {
    admin.get("/audit?limit=1").await.expect(200)["audit"][0].clone()
}

async fn actions(admin: &Client, kind: &str) -> Vec<(String, String)> {
    let log = admin.get(&format!("/audit?action={kind}")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    log["audit"].as_array().unwrap().iter().map(|act| (text(&act["action"]), text(&act["actor"]))).collect()
}

#[tokio::test]
async fn what_changes_nothing_is_not_written_down() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let same = json!({"name": "ACME"});
    admin.put("/enterprise/acme", same).await.expect(200);
    admin.put("/enterprise/acme/departments/sales", json!({})).await.expect(200);
    admin.put("/enterprise/acme/departments/sales/employees/u1", json!({})).await.expect(200);
    admin.upload("/enterprise/acme/contacts/import?employee=u1&dryRun=true", "name\nGrace\n").await.expect(200);
    // Refused, and sent again.
    admin.post("/enterprise", json!({"id": "acme", "name": "Acme"})).await.problem(409);
    assert_eq!(newest(&admin).await, Value::Null);
    for _ in 0..2 {
        admin.post_once("/enterprise", "key", json!({"id": "once", "name": "Once"})).await.expect(201);
    }
    assert_eq!(admin.get("/audit").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn a_link_is_written_down_when_it_is_used_and_by_whom() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let link = mint_link(app.store.clock().now()).unwrap();
    app.write(link.store()).await;
    app.nobody().signs_in(json!({"code": link.code})).await;
    let links = actions(&admin, "link").await;
    assert_eq!(links.len(), 2);
    assert_eq!(links[1], ("link.create".to_owned(), "command line".to_owned()));
    assert!(links[0].0 == "link.use" && links[0].1.starts_with("sign-in link "), "{links:?}");
    let opened = admin.get("/audit?action=session").await.expect(200)["audit"][0].clone();
    assert!(links[0].1.ends_with(opened["after"]["linkId"].as_str().unwrap()), "{opened}");
}

#[tokio::test]
async fn guessing_is_written_down_once_for_an_address() {
    let app = TestApp::start_with(|settings| settings.http.failed_sign_ins_per_minute_max = 3).await;
    let admin = app.client(Role::Admin).await;
    for number in 0..6 {
        app.nobody().with_token(&format!("muster_guess{number}_x")).get("/enterprise").await;
    }
    let refused = eventually("it is written down", || {
        let sql = "SELECT address, after FROM audit WHERE action = 'session.refuse'";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        app.store.directory().raw_reader().query_row(sql, [], read).ok()
    });
    assert_eq!(refused, ("127.0.0.1".to_owned(), r#"{"failuresInAMinute":3}"#.to_owned()));
    assert_eq!(actions(&admin, "session").await.len(), 1);
}

/// Every command, with what it is written down as; or why it is not.
const COMMANDS: &[(&str, Result<&str, &str>)] = &[
    ("serve", Err("its acts are those of the API; the link of its first start is one of sign-in-link's")),
    ("demo", Err("works on data of its own that is thrown away")),
    ("import", Ok("contacts.import")),
    ("export", Ok("contacts.export")),
    ("token", Ok("token.create")),
    ("sign-in-link", Ok("link.create")),
    ("backup", Ok("backup.create")),
    ("restore", Ok("backup.restore")),
    ("check", Err("reads")),
    ("config", Err("reads")),
    ("health", Err("asks a server whether it is ready")),
    ("completions", Err("reads nothing but the program")),
    ("man", Err("the same")),
    ("help", Err("the same")),
];

#[test]
fn every_command_that_changes_something_is_written_down_or_says_why_not() {
    let place = Place::new();
    let help = place.done(&["--help"]);
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed: BTreeSet<&str> = listed
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        listed,
        COMMANDS.iter().map(|(command, _)| *command).collect(),
        "each is an act, or says why it is none"
    );

    place.write("people.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1"];
    place.done(&[&["import", "people.csv", "--create-missing"], &owner[..]].concat());
    place.done(&["export", "--enterprise", "acme", "--output", "out.csv"]);
    let token = place.token("viewer");
    let id = token.split('_').nth(1).unwrap();
    place.done(&["token", "revoke", id]);
    place.done(&["sign-in-link"]);
    place.done(&["backup", "kept.db"]);
    let rows = written_in(&place);
    let acts: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let expected =
        ["contacts.import", "contacts.export", "token.create", "token.revoke", "link.create", "backup.create"];
    assert_eq!(acts, expected);
    // What came after the backup was begun is gone with what it is restored over, the word of the backup itself included.
    place.done(&["restore", "kept.db", "--yes"]);
    let restored = written_in(&place).pop().unwrap();
    assert_eq!((restored.0.as_str(), restored.2.as_str()), ("backup.restore", "command line"));
    for (command, written) in COMMANDS {
        if let Ok(action) = written {
            assert!(acts.contains(action) || restored.0 == *action, "{command}");
        }
    }
    for (_, _, actor, address, _) in &rows {
        assert_eq!((actor.as_str(), address.as_str()), ("command line", "local"));
    }
    let import: Value = serde_json::from_str(&rows[0].4).unwrap();
    assert_eq!((&import["file"], &import["imported"]), (&json!("people.csv"), &json!(1)));
    assert_eq!(import["created"], json!({"enterprises": 1, "departments": 1, "employees": 1}));
    assert_eq!(serde_json::from_str::<Value>(&rows[1].4).unwrap()["contacts"], 1);
    assert_eq!((rows[2].1.as_str(), rows[3].1.as_str()), (id, id));
}

/// Action, target, actor, address and how things were afterwards, of each act.
fn written_in(place: &Place) -> Vec<(String, String, String, String, String)> {
    let sql = "SELECT action, target, actor, address, coalesce(after, '') FROM audit ORDER BY id";
    let database = place.database();
    let mut rows = database.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_not_taken_to_its_end_is_written_down_as_such() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let rows: Vec<String> = (0..3_000).map(|row| format!("Given{row},{}\n", "note ".repeat(400))).collect();
    admin
        .upload("/enterprise/acme/contacts/import?employee=u1", format!("name,notes\n{}", rows.concat()))
        .await
        .expect(200);
    let response = admin.request(Method::GET, "/enterprise/acme/contacts/export").send().await.unwrap();
    drop(response);
    let entry = eventually("the export is written down", || {
        let sql = "SELECT after FROM audit WHERE action = 'contacts.export'";
        app.store.directory().raw_reader().query_row(sql, [], |row| row.get::<_, String>(0)).ok()
    });
    let after: Value = serde_json::from_str(&entry).unwrap();
    assert!(after["contacts"].as_u64().unwrap() < 3_002 && after["brokenOff"].is_string(), "{after}");
}

#[test]
fn the_page_lets_every_kind_of_act_be_chosen() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/js/pages/access.js")).unwrap();
    let commands = COMMANDS.iter().filter_map(|(_, written)| written.ok());
    for action in ACTS.iter().map(|act| act.action).chain(commands) {
        let kind = action.split('.').next().unwrap();
        assert!(page.contains(&format!("[\"{kind}\", ")), "no choice for {kind}");
    }
}

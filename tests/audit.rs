//! Every administrative action is audited: actor, time, address, and the state before and after.

use std::collections::BTreeSet;

use muster::access::links::mint_link;
use muster::domain::access::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::routes::access::operations;
use crate::support::{Client, Reply, TestApp, WorkDir, eventually};

/// An audited operation of the API, a request for it in `acme` that succeeds, and what its entry must contain.
struct AuditCase {
    operation: &'static str,
    path: &'static str,
    body: &'static str,
    action: &'static str,
    target: &'static str,
    /// Fields that `before` and `after` must contain.
    must_show: (&'static [&'static str], &'static [&'static str]),
}

const fn case(
    operation: &'static str,
    path: &'static str,
    body: &'static str,
    action: &'static str,
    target: &'static str,
    must_show: (&'static [&'static str], &'static [&'static str]),
) -> AuditCase {
    AuditCase { operation, path, body, action, target, must_show }
}

const ARCHIVED: &[&str] = &["archived"];
const COUNTS: &[&str] = &["contacts", "employees", "departments"];
const POST: &[&str] = &["enterpriseId", "departmentId", "role", "isActive"];

/// Sent in this order to one server.
const CASES: &[AuditCase] = &[
    case(
        "POST /enterprise",
        "/enterprise",
        r#"{"id":"new","name":"New"}"#,
        "enterprise.create",
        "new",
        (&[], &["name"]),
    ),
    case(
        "PUT /enterprise/{enterpriseId}",
        "/enterprise/acme",
        r#"{"name":"Acme 2"}"#,
        "enterprise.change",
        "acme",
        (&["name"], &["name"]),
    ),
    case("DELETE /enterprise/{enterpriseId}", "/enterprise/new", "", "enterprise.archive", "new", (ARCHIVED, ARCHIVED)),
    case(
        "POST /enterprise/{enterpriseId}/restore",
        "/enterprise/new/restore",
        "",
        "enterprise.restore",
        "new",
        (&[], ARCHIVED),
    ),
    case(
        "DELETE /enterprise/{enterpriseId}",
        "/enterprise/new?purge=true",
        "",
        "enterprise.purge",
        "new",
        (COUNTS, &[]),
    ),
    case(
        "POST /enterprise/{enterpriseId}/departments",
        "/enterprise/acme/departments",
        r#"{"id":"field","name":"Field"}"#,
        "department.create",
        "acme/field",
        (&[], &["name"]),
    ),
    case(
        "PUT /enterprise/{enterpriseId}/departments/{departmentId}",
        "/enterprise/acme/departments/field",
        r#"{"name":"Field Service"}"#,
        "department.change",
        "acme/field",
        (&["name"], &["name"]),
    ),
    case(
        "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees",
        "/enterprise/acme/departments/field/employees",
        r#"{"employeeId":"f1","firstName":"Zebulon","email":"zebulon@acme.example"}"#,
        "employee.create",
        "f1",
        (&[], POST),
    ),
    case(
        "PUT /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
        "/enterprise/acme/departments/field/employees/f1",
        r#"{"lastName":"Zweistein","departmentId":"lab","isActive":false}"#,
        "employee.change",
        "f1",
        (POST, &["enterpriseId", "departmentId", "role", "isActive", "changed"]),
    ),
    case(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
        "/enterprise/acme/departments/lab/employees/f1",
        "",
        "employee.archive",
        "f1",
        (ARCHIVED, ARCHIVED),
    ),
    case(
        "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}/restore",
        "/enterprise/acme/departments/lab/employees/f1/restore",
        "",
        "employee.restore",
        "f1",
        (&[], ARCHIVED),
    ),
    case(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
        "/enterprise/acme/departments/lab/employees/f1?purge=true",
        "",
        "employee.purge",
        "f1",
        (COUNTS, &[]),
    ),
    case(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}",
        "/enterprise/acme/departments/field",
        "",
        "department.archive",
        "acme/field",
        (ARCHIVED, ARCHIVED),
    ),
    case(
        "POST /enterprise/{enterpriseId}/departments/{departmentId}/restore",
        "/enterprise/acme/departments/field/restore",
        "",
        "department.restore",
        "acme/field",
        (&[], ARCHIVED),
    ),
    case(
        "DELETE /enterprise/{enterpriseId}/departments/{departmentId}",
        "/enterprise/acme/departments/field?purge=true",
        "",
        "department.purge",
        "acme/field",
        (COUNTS, &[]),
    ),
    case(
        "POST /enterprise/{enterpriseId}/contacts/import",
        "/enterprise/acme/contacts/import?employee=u1",
        "name\nGrace\n",
        "contacts.import",
        "acme",
        (&[], &["rows", "imported", "duplicates", "rejected", "created", "employeeId", "file"]),
    ),
    case(
        "GET /enterprise/{enterpriseId}/contacts/export",
        "/enterprise/acme/contacts/export?department=sales",
        "",
        "contacts.export",
        "acme",
        (&[], &["contacts", "departmentId"]),
    ),
    case(
        "PUT /cache/config",
        "/cache/config",
        r#"{"maxCacheSize":5}"#,
        "cache.configure",
        "version 1",
        (&["maxCacheSize"], &["maxCacheSize"]),
    ),
    case(
        "POST /cache/config/revert",
        "/cache/config/revert",
        r#"{"version":0}"#,
        "cache.revert",
        "version 2",
        (&["maxCacheSize"], &["maxCacheSize"]),
    ),
    case("POST /cache/warm", "/cache/warm", r#"{"enterpriseIds":["acme"]}"#, "cache.warm", "cache", (&[], &[])),
    case(
        "DELETE /cache/entries/{key}",
        "/cache/entries/enterprise:acme:contacts",
        "",
        "cache.drop",
        "enterprise:acme:contacts",
        (&[], &["clearedEntries"]),
    ),
    case(
        "DELETE /cache/departments/clear",
        "/cache/departments/clear",
        "",
        "cache.clear-departments",
        "cache",
        (&[], &["invalidatedEntries"]),
    ),
    case(
        "DELETE /cache/enterprises/{enterpriseId}/clear",
        "/cache/enterprises/acme/clear",
        "",
        "cache.clear-enterprise",
        "acme",
        (&[], &["clearedEntries"]),
    ),
    case("DELETE /cache/clear", "/cache/clear", "", "cache.clear", "cache", (&[], &["clearedEntries"])),
    case("POST /tokens", "/tokens", r#"{"name":"t","role":"viewer"}"#, "token.create", "*", (&[], &["name", "role"])),
    case("DELETE /tokens/{tokenId}", "/tokens/{new}", "", "token.revoke", "*", (&["name", "role"], &[])),
    case("POST /session", "/session", "{token}", "session.create", "*", (&[], &["role", "address", "tokenId"])),
    case("POST /backup", "/backup", "", "backup.create", "*", (&[], &["bytes", "rows", "schemaVersion", "tookMillis"])),
    case("DELETE /session", "/session", "", "session.end", "*", (&["role", "address", "tokenId"], &[])),
    case("DELETE /sessions/{sessionId}", "/sessions/{session}", "", "session.revoke", "*", (&["role", "address"], &[])),
];

/// Operations that change something and are no administrative actions, with the reason.
const NOT_AUDITED: &[(&str, &str)] = &[
    ("POST /AddContact", "collecting contacts is no administration; a contact has its own times and its collector"),
    ("POST /saveContact", "the same"),
    ("PATCH /Contacts/{userId}/contact/{contactId}", "the same"),
    ("DELETE /Contacts/{userId}/contact/{contactId}", "the same"),
    ("PATCH /enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}", "the same"),
    ("DELETE /enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}", "the same"),
];

#[tokio::test]
async fn every_operation_that_changes_something_is_audited_or_listed_as_exempt() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let changes: BTreeSet<String> = operations(&app)
        .await
        .iter()
        .filter(|operation| !operation.method.is_safe())
        .map(crate::routes::access::Operation::name)
        .collect();
    let mut known: BTreeSet<String> = CASES.iter().map(|case| case.operation.to_owned()).collect();
    // An export changes nothing, but it is audited since data leaves the server.
    assert!(known.remove("GET /enterprise/{enterpriseId}/contacts/export"));
    known.extend(NOT_AUDITED.iter().map(|(operation, _)| (*operation).to_owned()));
    assert_eq!(changes, known, "each is audited or exempt");

    for case in CASES {
        let (client, path, body) = prepare(case, &admin).await;
        let before = newest_entry(&admin).await["id"].as_i64().unwrap_or_default();
        let method: Method = case.operation.split(' ').next().unwrap().parse().unwrap();
        let kind = if path.contains("import") { "text/csv" } else { "application/json" };
        let request = client.request(method, &path).header("content-type", kind).body(body);
        let reply = Reply::to(request).await;
        assert!((200..300).contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
        let entry = newest_entry(&admin).await;
        assert!(entry["id"].as_i64().unwrap() > before, "{} is not audited", case.operation);
        assert_eq!(entry["action"], case.action, "{entry:#}");
        assert!(case.target == "*" || entry["target"] == case.target, "{entry:#}");
        assert!(entry["actor"].as_str().unwrap().contains("admin ("), "{entry:#}");
        assert_eq!(entry["address"], "127.0.0.1");
        for (side, fields) in [("before", case.must_show.0), ("after", case.must_show.1)] {
            for field in fields {
                assert!(entry[side].get(*field).is_some(), "{} shows no {side}.{field}: {entry:#}", case.operation);
            }
        }
        // Personal data in the audit log would survive a purge.
        for personal in ["Zebulon", "zebulon@acme.example", "Zweistein", "Grace"] {
            assert!(!entry.to_string().contains(personal), "{entry:#}");
        }
    }
}

/// The client, the path and the body of the request.
async fn prepare(case: &AuditCase, admin: &Client) -> (Client, String, String) {
    let browser = async || admin.browser().await;
    let token = json!({"token": admin.token()}).to_string();
    match case.operation {
        "DELETE /tokens/{tokenId}" => {
            let made = admin.post("/tokens", json!({"name": "t", "role": "viewer"})).await.expect(201);
            (admin.clone(), format!("/tokens/{}", made["token"]["id"].as_str().unwrap()), String::new())
        }
        "DELETE /session" => (browser().await, "/session".to_owned(), String::new()),
        "DELETE /sessions/{sessionId}" => {
            let session = browser().await.get("/session").await.expect(200)["session"]["id"].clone();
            (admin.clone(), format!("/sessions/{}", session.as_str().unwrap()), String::new())
        }
        "POST /session" => (admin.clone(), case.path.to_owned(), token),
        _ => (admin.clone(), case.path.to_owned(), case.body.to_owned()),
    }
}

async fn newest_entry(admin: &Client) -> Value {
    admin.get("/audit?limit=1").await.expect(200)["audit"][0].clone()
}

async fn actions(admin: &Client, kind: &str) -> Vec<(String, String)> {
    let log = admin.get(&format!("/audit?action={kind}")).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    log["audit"].as_array().unwrap().iter().map(|entry| (text(&entry["action"]), text(&entry["actor"]))).collect()
}

#[tokio::test]
async fn a_request_that_changes_nothing_is_not_audited() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let same = json!({"name": "ACME"});
    admin.put("/enterprise/acme", same).await.expect(200);
    admin.put("/enterprise/acme/departments/sales", json!({})).await.expect(200);
    admin.put("/enterprise/acme/departments/sales/employees/u1", json!({})).await.expect(200);
    admin.upload("/enterprise/acme/contacts/import?employee=u1&dryRun=true", "name\nGrace\n").await.expect(200);
    // A refused request, and one that is sent again.
    admin.post("/enterprise", json!({"id": "acme", "name": "Acme"})).await.problem(409);
    assert_eq!(newest_entry(&admin).await, Value::Null);
    for _ in 0..2 {
        admin.post_with_key("/enterprise", "key", json!({"id": "once", "name": "Once"})).await.expect(201);
    }
    assert_eq!(admin.get("/audit").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn the_use_of_a_sign_in_link_is_audited_with_its_id() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let link = mint_link(app.store.clock().now()).unwrap();
    app.write(link.store()).await;
    app.anonymous().sign_in(json!({"code": link.code})).await;
    let links = actions(&admin, "link").await;
    assert_eq!(links.len(), 2);
    assert_eq!(links[1], ("link.create".to_owned(), "command line".to_owned()));
    assert!(links[0].0 == "link.use" && links[0].1.starts_with("sign-in link "), "{links:?}");
    let opened = admin.get("/audit?action=session").await.expect(200)["audit"][0].clone();
    assert!(links[0].1.ends_with(opened["after"]["linkId"].as_str().unwrap()), "{opened}");
}

#[tokio::test]
async fn failed_sign_ins_are_audited_once_per_address() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 3).await;
    let admin = app.client(Role::Admin).await;
    for number in 0..6 {
        app.anonymous().with_token(&format!("muster_guess{number}_x")).get("/enterprise").await;
    }
    let refused = eventually("it is audited", || {
        let sql = "SELECT address, after FROM audit WHERE action = 'session.refuse'";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        app.store.directory().raw_reader().query_row(sql, [], read).ok()
    });
    assert_eq!(refused, ("127.0.0.1".to_owned(), r#"{"failuresInAMinute":3}"#.to_owned()));
    assert_eq!(actions(&admin, "session").await.len(), 1);
}

/// Every command, with the action that it is audited as, or the reason why it is not.
const COMMANDS: &[(&str, Result<&str, &str>)] = &[
    ("serve", Err("its actions are those of the API; the link of its first start is one of sign-in-link's")),
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
    ("reload", Err("has a server read a certificate that somebody else has put there")),
    ("completions", Err("reads nothing but the program")),
    ("man", Err("the same")),
    ("help", Err("the same")),
];

#[test]
fn every_command_that_changes_something_is_audited_or_listed_as_exempt() {
    let dir = WorkDir::new();
    let help = dir.muster_ok(&["--help"]);
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed: BTreeSet<&str> = listed
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, COMMANDS.iter().map(|(command, _)| *command).collect(), "each is audited or exempt");

    dir.write("people.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1"];
    dir.muster_ok(&[&["import", "people.csv", "--create-missing"], &owner[..]].concat());
    dir.muster_ok(&["export", "--enterprise", "acme", "--output", "out.csv"]);
    let token = dir.token("viewer");
    let id = token.split('_').nth(1).unwrap();
    dir.muster_ok(&["token", "revoke", id]);
    dir.muster_ok(&["sign-in-link"]);
    dir.muster_ok(&["backup", "kept.db"]);
    let rows = audit_rows(&dir);
    let audited: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let expected =
        ["contacts.import", "contacts.export", "token.create", "token.revoke", "link.create", "backup.create"];
    assert_eq!(audited, expected);
    // A restore discards what was audited after its backup began, including the entry of the backup itself.
    dir.muster_ok(&["restore", "kept.db", "--yes"]);
    let restored = audit_rows(&dir).pop().unwrap();
    assert_eq!((restored.0.as_str(), restored.2.as_str()), ("backup.restore", "command line"));
    for (command, written) in COMMANDS {
        if let Ok(action) = written {
            assert!(audited.contains(action) || restored.0 == *action, "{command}");
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

/// Action, target, actor, address and resulting state of each entry.
fn audit_rows(dir: &WorkDir) -> Vec<(String, String, String, String, String)> {
    let sql = "SELECT action, target, actor, address, coalesce(after, '') FROM audit ORDER BY id";
    let database = dir.database();
    let mut rows = database.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_export_is_audited_as_aborted() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let rows: Vec<String> = (0..3_000).map(|row| format!("Given{row},{}\n", "note ".repeat(400))).collect();
    admin
        .upload("/enterprise/acme/contacts/import?employee=u1", format!("name,notes\n{}", rows.concat()))
        .await
        .expect(200);
    let response = admin.request(Method::GET, "/enterprise/acme/contacts/export").send().await.unwrap();
    drop(response);
    let entry = eventually("the export is audited", || {
        let sql = "SELECT after FROM audit WHERE action = 'contacts.export'";
        app.store.directory().raw_reader().query_row(sql, [], |row| row.get::<_, String>(0)).ok()
    });
    let after: Value = serde_json::from_str(&entry).unwrap();
    assert!(after["contacts"].as_u64().unwrap() < 3_002 && after["brokenOff"].is_string(), "{after}");
}

#[test]
fn the_audit_page_filters_by_every_kind_of_action() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/js/pages/access.js")).unwrap();
    let commands = COMMANDS.iter().filter_map(|(_, written)| written.ok());
    for action in CASES.iter().map(|case| case.action).chain(commands) {
        let kind = action.split('.').next().unwrap();
        assert!(page.contains(&format!("[\"{kind}\", ")), "no choice for {kind}");
    }
}

//! Enterprises and departments over HTTP, with everything that belongs to them.

use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, eventually};

#[tokio::test]
async fn an_enterprise_is_created_renamed_archived_and_restored() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let body = admin.post("/enterprise", json!({"id": "init.ech-1_", "name": "  Initech  "})).await.expect(201);
    assert_eq!(body["message"], "Enterprise added successfully");
    let made = &body["enterprise"];
    assert_eq!((&made["id"], &made["name"]), (&json!("init.ech-1_"), &json!("Initech")));
    assert!(made["createdAt"].is_string() && made["createdAt"] == made["updatedAt"]);
    assert_eq!(made.get("archivedAt"), None);
    assert_eq!(&admin.get("/enterprise/init.ech-1_").await.expect(200)["enterprise"], made);

    let body = admin.put("/enterprise/init.ech-1_", json!({"name": "Initrode"})).await.expect(200);
    assert_eq!(body["message"], "Enterprise updated successfully");
    assert_eq!(body["enterprise"]["name"], "Initrode");

    let body = admin.delete("/enterprise/init.ech-1_").await.expect(200);
    assert_eq!(body["message"], "Enterprise deleted successfully");
    assert_eq!((&body["enterpriseId"], body.get("purged")), (&json!("init.ech-1_"), None));
    assert_eq!(admin.get("/enterprise/init.ech-1_").await.problem(404), "Enterprise not found");
    assert_eq!(admin.delete("/enterprise/init.ech-1_").await.problem(404), "Enterprise not found");
    let archived = admin.get("/enterprise?archived=true").await.expect(200);
    assert_eq!((&archived["totalCount"], &archived["enterprises"][0]["name"]), (&json!(1), &json!("Initrode")));
    assert!(archived["enterprises"][0]["archivedAt"].is_string());
    let message = admin.post("/enterprise", json!({"id": "init.ech-1_", "name": "Again"})).await.problem(409);
    assert_eq!(message, "An enterprise with the id init.ech-1_ exists already");

    let body = admin.post("/enterprise/init.ech-1_/restore", json!({})).await.expect(200);
    assert_eq!(body["message"], "Enterprise restored successfully");
    assert_eq!(admin.get("/enterprise").await.expect(200)["totalCount"], 3);
}

#[tokio::test]
async fn a_department_is_created_renamed_archived_and_restored() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let home = "/enterprise/acme/departments";
    let body = manager.post(home, json!({"name": "Field Sales & Co"})).await.expect(201);
    assert_eq!(body["message"], "Department added successfully");
    let made = &body["department"];
    assert_eq!((&made["id"], &made["departmentId"]), (&json!("field-sales-co"), &json!("field-sales-co")));
    assert_eq!((&made["enterpriseId"], &made["memberCount"]), (&json!("acme"), &json!(0)));
    let list = manager.get(home).await.expect(200);
    let names: Vec<&Value> = list["departments"].as_array().unwrap().iter().map(|each| &each["name"]).collect();
    assert_eq!(names, ["Field Sales & Co", "LAB", "SALES"]);
    assert_eq!(list["pagination"], json!({"limit": null, "nextCursor": null}));

    let path = format!("{home}/sales");
    let body = manager.put(&path, json!({"name": "Sales"})).await.expect(200);
    assert_eq!((&body["department"]["name"], &body["department"]["memberCount"]), (&json!("Sales"), &json!(1)));
    let body = manager.delete(&path).await.expect(200);
    assert_eq!((&body["message"], &body["departmentId"]), (&json!("Department deleted successfully"), &json!("sales")));
    assert_eq!(manager.get(&path).await.problem(404), "Department not found");
    assert_eq!(manager.get(&format!("{path}/employees")).await.problem(404), "Department not found");
    assert_eq!(manager.get("/Contacts/u1").await.problem(404), "User not found");
    assert_eq!(app.store.contacts_of_acme(), 1);
    let archived = manager.get(&format!("{home}?archived=true")).await.expect(200);
    assert_eq!(archived["departments"][0]["id"], "sales");

    let body = manager.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!(body["message"], "Department restored successfully");
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn a_directory_update_changes_only_the_fields_it_names() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for (path, kind) in [("/enterprise/acme", "enterprise"), ("/enterprise/acme/departments/sales", "department")] {
        let before = admin.get(path).await.expect(200)[kind].clone();
        let body = admin.put(path, json!({"unknown": 1})).await.expect(200);
        assert_eq!(body[kind], before);
        assert_eq!(admin.put(path, before.clone()).await.expect(200)[kind], before, "what was read may be sent back");
        assert_eq!(admin.put(path, json!({"name": null})).await.invalid_fields().1, ["name"]);
        assert_eq!(admin.put(path, json!({"name": " "})).await.invalid_fields().1, ["name"]);
        let message = admin.put(path, json!({"id": "other"})).await.invalid_fields().0;
        assert_eq!(message, "id: cannot be changed");
    }
}

#[tokio::test]
async fn names_and_ids_are_validated() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for path in ["/enterprise", "/enterprise/acme/departments"] {
        let check = async |request: Value, expected: &str| {
            assert_eq!(admin.post(path, request.clone()).await.invalid_fields().0, expected, "{request}");
        };
        check(json!({}), "name: is required").await;
        check(json!({"name": null}), "name: must be a string, not null").await;
        check(json!({"name": ""}), "name: must not be empty").await;
        check(json!({"name": "x".repeat(201)}), "name: must be at most 200 characters").await;
        check(json!({"name": "a\u{0}b"}), "name: must not contain a NUL character").await;
        check(json!({"name": "A", "id": ""}), "id: must be 1 to 64 characters of A-Z a-z 0-9 . _ -").await;
        check(json!({"name": "A", "id": "ä"}), "id: must be 1 to 64 characters of A-Z a-z 0-9 . _ -").await;
        check(json!({"name": "", "id": "a/b"}), "id: must be 1 to 64 characters of A-Z a-z 0-9 . _ - (and 1 more)")
            .await;
        for name in ["Ünïcödé 🏢", "שלום עולם", "\u{202e}gnihtemos", &"🏢".repeat(200)] {
            let body = admin.post(path, json!({"name": name})).await.expect(201);
            let kind = if path == "/enterprise" { "enterprise" } else { "department" };
            assert_eq!(body[kind]["name"], name);
            let id = body[kind]["id"].as_str().unwrap();
            assert_eq!(admin.get(&format!("{path}/{id}")).await.expect(200)[kind], body[kind]);
        }
    }
}

#[tokio::test]
async fn each_level_is_archived_and_restored_independently() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let (acme, sales) = ("/enterprise/acme", "/enterprise/acme/departments/sales");
    let u1 = format!("{sales}/employees/u1");
    admin.delete(&u1).await.expect(200);
    admin.delete(sales).await.expect(200);
    admin.delete(acme).await.expect(200);
    let check = async |restored: &str, contacts: Option<u64>| {
        admin.post(&format!("{restored}/restore"), json!({})).await.expect(200);
        let summary = admin.get("/enterprise/acme/contacts/summary").await;
        let found = (summary.status == 200).then(|| summary.expect(200)["data"]["totalContacts"].as_u64().unwrap());
        assert_eq!(found, contacts, "after {restored}");
    };
    assert_eq!(admin.post(&format!("{sales}/restore"), json!({})).await.problem(404), "Enterprise not found");
    check(acme, Some(1)).await;
    assert_eq!(admin.post(&format!("{u1}/restore"), json!({})).await.problem(404), "Department not found");
    check(sales, Some(1)).await;
    check(&u1, Some(2)).await;
    check(&u1, Some(2)).await;
}

#[tokio::test]
async fn a_purge_returns_what_it_deletes_and_deletes_it() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let limited = app.enterprise_client(Role::Viewer, "acme").await;
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        app.store.directory().raw_reader().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let purge = async |path: &str, purged: Value| {
        let reply = admin.delete(&format!("{path}?purge=true")).await;
        let body = reply.expect(202);
        assert_eq!(body["purged"], purged, "{path}");
        assert!(body["message"].as_str().unwrap().ends_with(" is being destroyed"));
        assert_eq!(admin.get(path).await.status, 404, "{path}");
    };
    let sales = "/enterprise/acme/departments/sales";
    purge(&format!("{sales}/employees/u1"), json!({"contacts": 1, "employees": 1, "departments": 0})).await;
    eventually("the employee is gone", || (count("employee") == 2).then_some(()));
    // An archived department can be purged, too.
    admin.delete(sales).await.expect(200);
    purge(sales, json!({"contacts": 0, "employees": 0, "departments": 1})).await;
    purge("/enterprise/acme", json!({"contacts": 1, "employees": 1, "departments": 1})).await;
    eventually("the enterprise is gone", || (count("enterprise") == 1).then_some(()));
    assert_eq!((count("contact"), count("employee"), count("department")), (1, 1, 1));
    limited.get("/enterprise/acme").await.problem(401);
    assert_eq!(admin.get("/enterprise?archived=true").await.expect(200)["totalCount"], 0);
    admin.post("/enterprise", json!({"id": "acme", "name": "Acme again"})).await.expect(201);
    assert_eq!(app.store.contacts_of_acme(), 0);
}

#[tokio::test]
async fn archiving_restoring_and_purging_are_audited() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let limited = app.enterprise_client(Role::Viewer, "globex").await;
    let limited_id = limited.token().split('_').nth(1).unwrap();
    for path in
        ["/enterprise/acme/departments/sales/employees/u1", "/enterprise/acme/departments/lab", "/enterprise/acme"]
    {
        admin.delete(path).await.expect(200);
        admin.post(&format!("{path}/restore"), json!({})).await.expect(200);
    }
    admin.delete("/enterprise/globex?purge=true").await.expect(202);
    let connection = app.store.directory().raw_reader();
    let mut statement = connection.prepare("SELECT action || ' ' || target FROM audit ORDER BY id").unwrap();
    let acts: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        acts,
        [
            "employee.archive u1",
            "employee.restore u1",
            "department.archive acme/lab",
            "department.restore acme/lab",
            "enterprise.archive acme",
            "enterprise.restore acme",
            &format!("token.revoke {limited_id}"),
            "enterprise.purge globex"
        ]
    );
}

#[tokio::test]
async fn malformed_ids_answer_404() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let check = async |admin: &Client, path: &str, message: &str| {
        assert_eq!(admin.get(path).await.problem(404), message, "{path}");
    };
    for id in ["a%20b", "%00", "%F0%9F%92%A9", "%2e%2e%2f", "'%20OR%201=1--", &"x".repeat(65)] {
        check(&admin, &format!("/enterprise/{id}"), "Enterprise not found").await;
        check(&admin, &format!("/enterprise/acme/departments/{id}"), "Department not found").await;
        check(&admin, &format!("/enterprise/acme/departments/sales/employees/{id}"), "Employee not found").await;
        check(&admin, &format!("/Contacts/{id}"), "User not found").await;
        check(&admin, &format!("/Contacts/u1/contact/{id}"), "Contact not found").await;
    }
    assert_eq!(admin.get("/enterprise/acme/departments/lab/employees/u1").await.problem(404), "Employee not found");
    let foreign = admin.get("/Contacts/g1").await.expect(200)["contactList"][0]["id"].as_str().unwrap().to_owned();
    check(&admin, &format!("/Contacts/u1/contact/{foreign}"), "Contact not found").await;
}

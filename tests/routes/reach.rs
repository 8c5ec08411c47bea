//! How far a token reaches: what lies beyond answers as if it did not exist, and nothing of it is counted or told.

use muster::domain::access::{Reach, Role};

use serde_json::{Value, json};

use crate::support::{Client, TestApp, contact, department, employee, enterprise, staff};

async fn of_departments(app: &TestApp, role: Role, departments: &[&str]) -> Client {
    let departments = departments.iter().map(|id| department(id)).collect();
    app.client_with(role, Reach::Departments(enterprise("acme"), departments), None).await
}

async fn of_employee(app: &TestApp, role: Role, id: &str) -> Client {
    app.client_with(role, Reach::Employees(enterprise("acme"), vec![employee(id)]), None).await
}

/// An employee of globex with the id of one of acme, with a contact.
async fn namesake(app: &TestApp) {
    app.write(|tx| {
        tx.create_employee(&enterprise("globex"), &department("ops"), Some(employee("u1")), &staff("u1"))?;
        let reach = Reach::Enterprise(enterprise("globex"));
        tx.add_contact(&reach, &employee("u1"), &contact("friend of the namesake", "Initech"), "AddContact")
    })
    .await;
}

fn ids(list: &Value, of: &str) -> Vec<String> {
    list[of].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_of_departments_reads_those_and_their_summaries_alone() {
    let app = TestApp::start().await;
    let viewer = of_departments(&app, Role::Viewer, &["sales"]).await;
    let enterprise = viewer.get("/enterprise/acme").await.expect(200)["enterprise"].clone();
    assert_eq!(enterprise, json!({"id": "acme", "name": "ACME"}));
    let list = viewer.get("/enterprise").await.expect(200);
    assert_eq!((&list["enterprises"], &list["totalCount"]), (&json!([enterprise]), &json!(1)));
    let departments = viewer.get("/enterprise/acme/departments").await.expect(200);
    assert_eq!((ids(&departments, "departments"), &departments["totalCount"]), (vec!["sales".into()], &json!(1)));
    let employees = viewer.get("/enterprise/acme/employees").await.expect(200);
    assert_eq!((ids(&employees, "employees"), &employees["totalCount"]), (vec!["u1".into()], &json!(1)));
    viewer.get("/enterprise/acme/departments/sales/contacts/summary").await.expect(200);
    viewer.get("/enterprise/acme/departments/sales/contacts/details").await.expect(200);
    for path in ["/enterprise/acme/contacts/summary", "/enterprise/acme/contacts/details"] {
        assert_eq!(viewer.get(path).await.problem(404), "Enterprise not found");
    }
    assert_eq!(
        viewer.get("/enterprise/acme/departments/lab/contacts/summary").await.problem(404),
        "Department not found"
    );
    assert_eq!(viewer.get("/Contacts/u2").await.problem(404), "User not found");
    viewer.get("/Contacts/u1").await.expect(200);
}

#[tokio::test]
async fn a_manager_of_a_department_moves_nobody_beyond_it() {
    let app = TestApp::start().await;
    let manager = of_departments(&app, Role::Manager, &["sales"]).await;
    let path = "/enterprise/acme/departments/sales/employees/u1";
    for target in ["lab", "nothing"] {
        let message = manager.put(path, json!({"departmentId": target})).await.problem(404);
        assert_eq!(message, "Department not found");
    }
    manager.put(path, json!({"position": "Lead"})).await.expect(200);
    manager.post("/enterprise/acme/departments", json!({"name": "New"})).await.problem(404);
}

#[tokio::test]
async fn an_export_has_what_lies_within_reach() {
    let app = TestApp::start().await;
    let path = "/enterprise/acme/contacts/export";
    let rows = async |client: &Client, path: &str| client.get(path).await.text().lines().count() - 1;
    assert_eq!(rows(&app.enterprise_client(Role::Manager, "acme").await, path).await, 2);
    let sales = of_departments(&app, Role::Manager, &["sales"]).await;
    assert_eq!(rows(&sales, path).await, 1);
    let text = sales.get(path).await.text();
    assert!(text.contains("friend of u1") && !text.contains("friend of u2"), "{text}");
    sales.get(&format!("{path}?department=lab")).await.problem(404);
    // A manager reads the department whatever is shared.
    assert_eq!(rows(&of_employee(&app, Role::Manager, "u2").await, path).await, 1);
}

#[tokio::test]
async fn an_import_finds_and_creates_owners_within_reach_alone() {
    let app = TestApp::start().await;
    let sales = of_departments(&app, Role::Manager, &["sales"]).await;
    let import = "/enterprise/acme/contacts/import";
    let check = async |client: &Client, query: &str, status: u16, expected: &str| {
        let reply = client.upload(&format!("{import}?{query}"), "name\nAda\n").await;
        assert_eq!(reply.status, status, "{query}: {}", reply.text());
        assert!(reply.text().contains(expected), "{query}: {}", reply.text());
    };
    check(&sales, "employee=u1", 200, "\"imported\":1").await;
    check(&sales, "employee=u2", 404, "does not exist").await;
    check(&sales, "employee=u2&department=lab&createMissing=true", 404, "not within the token's reach").await;
    check(&sales, "employee=new&department=new&createMissing=true", 404, "not within the token's reach").await;
    check(&sales, "employee=new&department=sales&createMissing=true", 200, "\"imported\":1").await;
    let own = of_employee(&app, Role::Manager, "u1").await;
    check(&own, "employee=u1", 200, "\"duplicates\":1").await;
    check(&own, "employee=u2", 404, "not within the token's reach").await;
    check(&own, "employee=another&department=sales&createMissing=true", 404, "not within the token's reach").await;
}

#[tokio::test]
async fn a_contributor_of_an_employee_changes_that_employees_contacts_alone() {
    let app = TestApp::start().await;
    app.write(|tx| {
        tx.create_employee(&enterprise("acme"), &department("sales"), Some(employee("u3")), &staff("u3")).map(drop)
    })
    .await;
    let own = of_employee(&app, Role::Contributor, "u1").await;
    let added = own.post("/AddContact", json!({"userId": "u1", "contactInfo": {"name": "Ada"}})).await.expect(201);
    let contact = added["contact"]["contactId"].as_str().unwrap();
    own.patch(&format!("/Contacts/u1/contact/{contact}"), json!({"company": "Contoso"})).await.expect(200);
    // A colleague's are read, since departments share by default, and not changed.
    let theirs = own.get("/Contacts/u3").await.expect(200);
    assert_eq!(theirs["contactList"], json!([]));
    let message = own.post("/AddContact", json!({"userId": "u3", "contactInfo": {"name": "Ada"}})).await.problem(404);
    assert_eq!(message, "User not found");
    let other = app.client(Role::Admin).await;
    let added = other.post("/AddContact", json!({"userId": "u3", "contactInfo": {"name": "Bo"}})).await.expect(201);
    let path = format!("/Contacts/u3/contact/{}", added["contact"]["contactId"].as_str().unwrap());
    own.get(&path).await.expect(200);
    own.patch(&path, json!({"company": "Contoso"})).await.problem(404);
    own.delete(&path).await.problem(404);
    own.delete(&format!("/enterprise/acme/employees/u3{}", path.trim_start_matches("/Contacts/u3"))).await.problem(404);
}

#[tokio::test]
async fn an_enterprise_chooses_what_employees_read_of_colleagues() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let own = of_employee(&app, Role::Viewer, "u1").await;
    let summaries = ["/enterprise/acme/contacts/summary", "/enterprise/acme/departments/sales/contacts/summary"];
    let check = async |sharing: &str, statuses: [u16; 2], employees: &[&str]| {
        let changed = admin.put("/enterprise/acme", json!({"sharing": sharing})).await.expect(200);
        assert_eq!(changed["enterprise"]["sharing"], sharing);
        for (path, status) in summaries.iter().zip(statuses) {
            assert_eq!(own.get(path).await.status, status, "{path} with {sharing}");
        }
        let list = own.get("/enterprise/acme/employees").await.expect(200);
        assert_eq!(ids(&list, "employees"), employees, "with {sharing}");
        assert_eq!(list["totalCount"], employees.len());
        own.get("/Contacts/u1").await.expect(200);
        own.get("/enterprise/acme/departments/sales/employees/u1").await.expect(200);
    };
    assert_eq!(admin.get("/enterprise/acme").await.expect(200)["enterprise"]["sharing"], "department");
    check("own", [404, 404], &["u1"]).await;
    let departments = own.get("/enterprise/acme/departments").await.expect(200);
    check("department", [404, 200], &["u1"]).await;
    check("enterprise", [200, 200], &["u1", "u2"]).await;
    assert_eq!(departments["departments"], json!([]), "a department that is not shared is not told");
    let (_, fields) = admin.put("/enterprise/acme", json!({"sharing": "all"})).await.invalid_fields();
    assert_eq!(fields, ["sharing"]);
    let audit = admin.get("/audit?action=enterprise.change").await.expect(200);
    assert_eq!(audit["audit"][0]["after"], json!({"sharing": "enterprise"}), "{audit}");
}

#[tokio::test]
async fn who_reaches_an_employee_alone_cannot_tell_other_departments_from_none() {
    let app = TestApp::start().await;
    app.client(Role::Admin).await.put("/enterprise/acme", json!({"sharing": "own"})).await.expect(200);
    let own = of_employee(&app, Role::Viewer, "u1").await;
    for department in ["lab", "nothing"] {
        let path = format!("/enterprise/acme/departments/{department}/employees/u1");
        assert_eq!(own.get(&path).await.problem(404), "Department not found", "{path}");
    }
}

#[tokio::test]
async fn intake_adds_to_the_employees_it_names_and_learns_nothing() {
    let app = TestApp::start().await;
    let intake = of_employee(&app, Role::Intake, "u1").await;
    let body = |user: &str| json!({"userId": user, "contactInfo": {"name": "Ada"}});
    for (path, status) in [("/AddContact", 201), ("/saveContact", 200)] {
        for reply in [intake.post(path, body("u1")).await, intake.post_with_key(path, path, body("u1")).await] {
            assert_eq!(reply.status, status, "{}", reply.text());
            let answer = reply.json();
            let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
            assert_eq!(fields, ["contactId", "success"], "{answer}");
        }
        let replay = intake.post_with_key(path, path, body("u1")).await.json();
        assert_eq!(replay.as_object().unwrap().len(), 2, "{replay}");
        assert_eq!(intake.post(path, body("u2")).await.problem(404), "User not found");
    }
    for path in ["/enterprise", "/enterprise/acme", "/Contacts/u1", "/session", "/metrics", "/cache/stats"] {
        assert_eq!(intake.get(path).await.status, 403, "{path}");
    }
    let signed_in = app.anonymous().post("/session", json!({"token": intake.token()})).await;
    assert!(signed_in.problem(403).contains("intake"));
    assert!(signed_in.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn employee_ids_are_unique_within_their_enterprise_alone() {
    let app = TestApp::start().await;
    let walled = app.enterprise_client(Role::Manager, "globex").await;
    let path = "/enterprise/globex/departments/ops/employees";
    // Before, the 409 told that acme has such an employee.
    walled.post(path, json!({"id": "u2", "name": "U"})).await.expect(201);
    let message = walled.post(path, json!({"id": "u2", "name": "U"})).await.problem(409);
    assert_eq!(message, "An employee with the id u2 exists already in globex");
    let contacts = walled.get("/Contacts/u2").await.expect(200);
    assert_eq!(contacts["contactList"], json!([]), "not those of the namesake in acme");
    // A dry run tells no more than a run.
    let import = "/enterprise/globex/contacts/import?employee=u1&department=ops&createMissing=true";
    for query in ["&dryRun=true", ""] {
        let report = walled.upload(&format!("{import}{query}"), "name\nAda\n").await.expect(200);
        assert_eq!(report["report"]["imported"], 1, "{report}");
    }
    assert_eq!(walled.get("/Contacts/u1").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn a_user_of_several_enterprises_is_asked_for_the_enterprise() {
    let app = TestApp::start().await;
    namesake(&app).await;
    let everybody = app.client(Role::Contributor).await;
    let message = everybody.get("/Contacts/u1").await.problem(409);
    let expected =
        "Several enterprises have an employee with the id u1: acme, globex; say with enterpriseId which is meant";
    assert_eq!(message, expected);
    let whose = async |path: &str| {
        let list = everybody.get(path).await.expect(200);
        list["contactList"][0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(whose("/Contacts/u1?enterpriseId=acme").await, "friend of u1");
    assert_eq!(whose("/Contacts/u1?enterpriseId=globex").await, "friend of the namesake");
    assert_eq!(whose("/enterprise/globex/employees/u1/contacts").await, "friend of the namesake");
    for unknown in ["nowhere", "%20"] {
        assert_eq!(everybody.get(&format!("/Contacts/u1?enterpriseId={unknown}")).await.problem(404), "User not found");
    }
    let card = |more: Value| {
        let mut body = json!({"userId": "u1", "contactInfo": {"name": "Ada"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(everybody.post("/AddContact", card(json!({}))).await.problem(409), expected);
    let added = everybody.post("/AddContact", card(json!({"enterpriseId": "globex"}))).await.expect(201);
    let id = added["contact"]["contactId"].as_str().unwrap();
    assert_eq!((&added["contact"]["enterpriseId"], &added["contactsCount"]), (&json!("globex"), &json!(2)));
    everybody.get(&format!("/Contacts/u1/contact/{id}?enterpriseId=acme")).await.problem(404);
    let path = format!("/Contacts/u1/contact/{id}?enterpriseId=globex");
    everybody.patch(&path, json!({"company": "Initech"})).await.expect(200);
    everybody.delete(&format!("/enterprise/globex/employees/u1/contact/{id}")).await.expect(200);
    // Who reaches one of the two is not asked, and is told of no other.
    let walled = app.enterprise_client(Role::Contributor, "acme").await;
    walled.post("/AddContact", card(json!({}))).await.expect(201);
    assert_eq!(walled.get("/Contacts/u1").await.expect(200)["contactList"][1]["name"], "friend of u1");
    assert_eq!(walled.get("/Contacts/u1?enterpriseId=globex").await.problem(404), "User not found");
}

#[tokio::test]
async fn tokens_are_limited_over_the_api_and_lose_what_is_destroyed() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let create = async |body: Value| admin.post("/tokens", body).await;
    let limited = json!({"role": "viewer", "enterpriseId": "acme", "departmentIds": ["sales", "lab", "sales"]});
    let made = create(limited).await.expect(201);
    assert_eq!(made["token"]["departmentIds"], json!(["lab", "sales"]));
    assert_eq!(made["token"]["employeeIds"], Value::Null);
    let of_u1 = create(json!({"role": "intake", "enterpriseId": "acme", "employeeIds": ["u1"]})).await.expect(201);
    let check = async |body: Value, field: &str| {
        let (_, fields) = create(body).await.invalid_fields();
        assert_eq!(fields, [field]);
    };
    check(json!({"role": "viewer", "departmentIds": ["sales"]}), "departmentIds").await;
    check(json!({"role": "viewer", "employeeIds": ["u1"]}), "employeeIds").await;
    check(json!({"role": "viewer", "enterpriseId": "acme", "departmentIds": []}), "departmentIds").await;
    check(json!({"role": "viewer", "enterpriseId": "acme", "employeeIds": ["a b"]}), "employeeIds[0]").await;
    check(
        json!({"role": "viewer", "enterpriseId": "acme", "departmentIds": ["sales"], "employeeIds": ["u1"]}),
        "employeeIds",
    )
    .await;
    for (field, id) in [("departmentIds", "ops"), ("employeeIds", "g1")] {
        create(json!({"role": "viewer", "enterpriseId": "acme", field: [id]})).await.problem(404);
    }
    // The department is destroyed, and with it u1.
    let walled = admin.with_token(made["secret"].as_str().unwrap());
    admin.delete("/enterprise/acme/departments/sales?purge=true").await;
    let tokens = admin.get("/tokens").await.expect(200);
    let find = |id: &Value| tokens["tokens"].as_array().unwrap().iter().find(|token| token["id"] == *id).cloned();
    assert_eq!(find(&made["token"]["id"]).unwrap()["departmentIds"], json!(["lab"]));
    assert_eq!(find(&of_u1["token"]["id"]), None, "a token that reaches nothing is revoked");
    assert_eq!(ids(&walled.get("/enterprise/acme/departments").await.expect(200), "departments"), ["lab"]);
    // Another department of that name is none of its business.
    admin.post("/enterprise/acme/departments", json!({"name": "Sales"})).await;
    walled.get("/enterprise/acme/departments/sales/contacts/summary").await.problem(404);
    let audit = admin.get("/audit?action=token.narrow").await.expect(200);
    assert_eq!(audit["audit"][0]["after"]["departmentIds"], json!(["lab"]), "{audit}");
}

#[tokio::test]
async fn a_cached_summary_is_no_way_around_a_wall() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let path = "/enterprise/acme/departments/lab/contacts/summary";
    admin.get(path).await.expect(200);
    assert_eq!(admin.get(path).await.expect(200)["cached"], true);
    of_departments(&app, Role::Viewer, &["sales"]).await.get(path).await.problem(404);
    let shared = of_departments(&app, Role::Viewer, &["lab"]).await.get(path).await.expect(200);
    assert_eq!(shared["cached"], true, "the cache's key holds no reach");
}

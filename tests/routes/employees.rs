//! Employees over HTTP.

use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::TestApp;

const SALES: &str = "/enterprise/acme/departments/sales/employees";

#[tokio::test]
async fn an_employee_has_every_field_under_both_names() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let request = json!({
        "userId": "ada", "name": "Ada", "lastName": "Lovelace", "email": "Ada@Acme.example", "phone": "+44 1",
        "position": "Analyst", "role": "director", "isActive": false
    });
    let body = manager.post(SALES, request).await.expect(201);
    assert_eq!(body["message"], "Employee added successfully");
    let mut employee = body["employee"].clone();
    let times: Vec<Value> = ["createdAt", "updatedAt"].map(|field| employee[field].take()).into();
    assert!(times[0].is_string() && times[0] == times[1]);
    assert_eq!(
        employee,
        json!({
            "id": "ada", "employeeId": "ada", "userId": "ada", "firstName": "Ada", "name": "Ada",
            "lastName": "Lovelace", "surname": "Lovelace", "email": "Ada@Acme.example", "phone": "+44 1",
            "position": "Analyst", "enterpriseId": "acme", "departmentId": "sales", "departmentName": "SALES",
            "role": "director", "isActive": false, "contactCount": 0, "createdAt": null, "updatedAt": null
        })
    );
    let list = manager.get(SALES).await.expect(200);
    assert_eq!((&list["count"], &list["employees"][0]), (&json!(2), &body["employee"]));
    assert_eq!(manager.get("/enterprise/acme/employees").await.expect(200)["totalCount"], 3);
}

#[tokio::test]
async fn omitted_fields_of_a_new_employee_get_defaults() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let request = json!({"firstName": "Ada", "email": null, "role": null, "isActive": null, "id": null, "extra": [1]});
    let employee = manager.post(SALES, request).await.expect(201)["employee"].clone();
    assert_eq!(employee["id"].as_str().unwrap().len(), 13);
    assert_eq!((&employee["email"], &employee["role"]), (&json!(""), &json!("employee")));
    assert_eq!((&employee["isActive"], &employee["lastName"]), (&json!(true), &json!("")));
}

#[tokio::test]
async fn an_invalid_employee_is_refused_with_the_field_name() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let check = async |request: Value, expected: &str| {
        assert_eq!(manager.post(SALES, request.clone()).await.invalid_fields().0, expected, "{request}");
    };
    check(json!({}), "firstName: a first or last name is needed").await;
    check(json!({"firstName": 7}), "firstName: must be a string, not a number").await;
    check(json!({"firstName": "A", "name": "B"}), "name: is not the same as firstName").await;
    check(json!({"lastName": "A", "surname": "B"}), "surname: is not the same as lastName").await;
    check(json!({"name": "A", "employeeId": "a", "userId": "b"}), "userId: is not the same as employeeId").await;
    check(json!({"name": "A", "userId": "a b"}), "userId: must be 1 to 64 characters of A-Z a-z 0-9 . _ -").await;
    check(json!({"name": "A", "email": "nobody"}), "email: must be an e-mail address").await;
    let roles = r#"role: must be one of "employee", "manager", "director", "admin""#;
    check(json!({"name": "A", "role": "boss"}), roles).await;
    check(json!({"name": "A", "isActive": "yes"}), "isActive: must be a boolean, not a string").await;
    check(json!({"name": "A".repeat(201)}), "firstName: must be at most 200 characters").await;
    let taken = manager.post(SALES, json!({"name": "A", "id": "u2"})).await.problem(409);
    assert_eq!(taken, "An employee with the id u2 exists already in acme");
    let nowhere = manager.post("/enterprise/acme/departments/none/employees", json!({"name": "A"})).await;
    assert_eq!(nowhere.problem(404), "Department not found");
}

#[tokio::test]
async fn an_employee_update_changes_only_the_fields_it_names() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let path = format!("{SALES}/u1");
    let body = manager.put(&path, json!({"surname": "One", "phone": "1", "email": "u@acme.example"})).await.expect(200);
    assert_eq!(body["message"], "Employee updated successfully");
    let before = body["employee"].clone();
    assert_eq!((&before["firstName"], &before["lastName"]), (&json!("u1"), &json!("One")));
    assert_eq!(manager.put(&path, json!({})).await.expect(200)["employee"], before);
    assert_eq!(manager.put(&path, before.clone()).await.expect(200)["employee"], before, "what was read may go back");

    let body = manager.put(&path, json!({"phone": null, "isActive": false, "role": "manager"})).await.expect(200);
    let after = &body["employee"];
    assert_eq!((&after["phone"], &after["email"]), (&json!(""), &json!("u@acme.example")));
    assert_eq!((&after["isActive"], &after["role"]), (&json!(false), &json!("manager")));
    let check = async |request: Value, expected: &str| {
        assert_eq!(manager.put(&path, request.clone()).await.invalid_fields().0, expected, "{request}");
    };
    for field in ["firstName", "name", "lastName", "surname", "role", "isActive", "departmentId"] {
        check(json!({field: null}), &format!("{field}: must not be null")).await;
    }
    for field in ["id", "employeeId", "userId"] {
        check(json!({field: "u9"}), &format!("{field}: cannot be changed")).await;
    }
    check(json!({"name": "", "surname": " "}), "firstName: a first or last name is needed").await;
    assert_eq!(&manager.get(&path).await.expect(200)["employee"], after);
}

#[tokio::test]
async fn moving_an_employee_moves_the_contacts() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let contacts = async |department: &str| {
        let path = format!("/enterprise/acme/departments/{department}/contacts/summary");
        manager.get(&path).await.expect(200)["data"]["totalContacts"].as_u64().unwrap()
    };
    let body = manager.put(&format!("{SALES}/u1"), json!({"departmentId": "lab", "position": "Chemist"})).await;
    let employee = body.expect(200)["employee"].clone();
    assert_eq!((&employee["departmentId"], &employee["departmentName"]), (&json!("lab"), &json!("LAB")));
    assert_eq!((&employee["position"], &employee["contactCount"]), (&json!("Chemist"), &json!(1)));
    assert_eq!((contacts("sales").await, contacts("lab").await), (0, 2));
    assert_eq!(app.store.contacts_of_acme(), 2);
    assert_eq!(manager.get(&format!("{SALES}/u1")).await.problem(404), "Employee not found");
    assert_eq!(manager.get("/Contacts/u1").await.expect(200)["contactList"][0]["departmentId"], "lab");

    let lab = "/enterprise/acme/departments/lab/employees/u1";
    let message = manager.put(lab, json!({"departmentId": "ops", "name": "X"})).await.problem(404);
    assert_eq!(message, "Department not found", "not even to another enterprise's");
    assert_eq!(manager.get(lab).await.expect(200)["employee"]["firstName"], "u1", "all or nothing");
    assert_eq!(manager.put(lab, json!({"departmentId": "a b"})).await.invalid_fields().1, ["departmentId"]);
}

#[tokio::test]
async fn an_employee_is_archived_and_restored_with_the_contacts() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let path = format!("{SALES}/u1");
    let mut body = manager.delete(&path).await.expect(200);
    body["timestamp"] = Value::Null;
    assert_eq!(
        body,
        json!({
            "success": true, "message": "Employee deleted successfully", "employeeId": "u1", "departmentId": "sales",
            "timestamp": null
        })
    );
    assert_eq!(manager.get(&path).await.problem(404), "Employee not found");
    assert_eq!(manager.put(&path, json!({"name": "X"})).await.problem(404), "Employee not found");
    assert_eq!(manager.get("/Contacts/u1").await.problem(404), "User not found");
    let request = json!({"userId": "u1", "contactInfo": {"name": "Eve"}});
    assert_eq!(manager.post("/AddContact", request).await.problem(404), "User not found");
    assert_eq!(app.store.contacts_of_acme(), 1);
    for list in [SALES, "/enterprise/acme/employees"] {
        let archived = manager.get(&format!("{list}?archived=true")).await.expect(200);
        assert_eq!((&archived["totalCount"], &archived["employees"][0]["id"]), (&json!(1), &json!("u1")));
        assert!(archived["employees"][0]["archivedAt"].is_string());
    }
    let body = manager.post(&format!("{path}/restore"), json!({})).await.expect(200);
    assert_eq!(body["message"], "Employee restored successfully");
    assert_eq!((&body["employee"]["contactCount"], app.store.contacts_of_acme()), (&json!(1), 2));
}

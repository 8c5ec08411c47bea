//! Summaries over HTTP.

use muster::domain::access::Role;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn an_enterprise_summary_has_all_its_fields() {
    let app = TestApp::start().await;
    let reply = app.client(Role::Viewer).await.get("/enterprise/acme/contacts/summary").await;
    let body = reply.expect(200);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!((&body["cached"], &body["stale"]), (&json!(false), &json!(false)));
    let data = &body["data"];
    assert_eq!((&data["enterpriseId"], &data["enterpriseName"]), (&json!("acme"), &json!("ACME")));
    assert_eq!((&data["totalContacts"], &data["uniquePeople"]), (&json!(2), &json!(2)));
    assert_eq!((&data["totalEmployees"], &data["activeEmployees"]), (&json!(2), &json!(2)));
    assert_eq!(data["totalDepartments"], 2);
    assert_eq!(data["departments"][0]["departmentId"], "lab");
    assert_eq!(data["topEmployees"][0]["contactCount"], 1);
    assert_eq!(data["topCompanies"], json!([{"company": "Contoso", "contactCount": 2}]));
    assert_eq!(data["growth"]["last7Days"], 2);
    assert_eq!(data["growth"]["daily"].as_array().unwrap().len(), 30);
    assert_eq!(data["growth"]["monthly"].as_array().unwrap().len(), 24);
    assert!(data["newestContactAt"].is_string() && data["revision"].is_i64() && data["calculationTime"].is_f64());
}

#[tokio::test]
async fn a_department_summary_has_all_its_fields() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let body = viewer.get("/enterprise/acme/departments/sales/contacts/summary").await.expect(200);
    let data = &body["data"];
    assert_eq!((&data["departmentId"], &data["departmentName"]), (&json!("sales"), &json!("SALES")));
    assert_eq!((&data["enterpriseId"], &data["totalContacts"]), (&json!("acme"), &json!(1)));
    assert_eq!(data["employees"][0]["userId"], "u1");
    assert_eq!((data.get("departments"), data.get("topEmployees")), (None, None));
}

#[tokio::test]
async fn a_summary_includes_every_acknowledged_write() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    for number in 3..20 {
        let body = json!({"userId": "u1", "contactInfo": {"name": format!("friend {number}")}});
        contributor.post("/saveContact", body).await.expect(200);
        let summary = contributor.get("/enterprise/acme/contacts/summary").await.expect(200);
        assert_eq!(summary["data"]["totalContacts"], number);
    }
}

#[tokio::test]
async fn archived_and_unknown_scopes_have_no_summary() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.delete("/enterprise/acme/departments/lab").await.expect(200);
    admin.delete("/enterprise/globex").await.expect(200);
    let check = async |path: &str, message: &str| {
        assert_eq!(admin.get(path).await.problem(404), message, "{path}");
    };
    check("/enterprise/unknown/contacts/summary", "Enterprise not found").await;
    check("/enterprise/globex/contacts/summary", "Enterprise not found").await;
    check("/enterprise/globex/departments/ops/contacts/summary", "Enterprise not found").await;
    check("/enterprise/acme/departments/lab/contacts/summary", "Department not found").await;
    check("/enterprise/acme/departments/ops/contacts/summary", "Department not found").await;
    let summary = admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    assert_eq!((&summary["data"]["totalContacts"], &summary["data"]["totalDepartments"]), (&json!(1), &json!(1)));
}

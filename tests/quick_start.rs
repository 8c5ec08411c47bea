//! The quick start: a real export is imported, served, and read over HTTP.

use serde_json::{Value, json};

use crate::support::{WireClient, WorkDir, fixture};

const IMPORT: [&str; 9] = [
    "import",
    "outlook365.csv",
    "--enterprise",
    "acme",
    "--department",
    "sales",
    "--employee",
    "u1",
    "--create-missing",
];

fn summary(client: &mut WireClient, path: &str) -> Value {
    client.get(&format!("/enterprise/{path}/contacts/summary"))["data"].clone()
}

/// A working directory with an export of Outlook: six people, five of them of Contoso.
fn outlook_export() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("outlook365.csv", fixture("outlook365.csv"));
    dir
}

/// Checks a summary of the six people, however they were imported.
fn assert_six_people(summary: &Value) {
    assert_eq!(summary["totalContacts"], 6, "{summary:#}");
    assert_eq!(summary["uniquePeople"], 6);
    assert_eq!(summary["topCompanies"][0], json!({"company": "Contoso", "contactCount": 5}));
    assert_eq!(summary["topCompanies"][1], json!({"company": "Google", "contactCount": 1}));
    assert_eq!(summary["growth"]["last7Days"], 6);
}

#[test]
fn a_real_export_that_is_imported_repeatedly_is_stored_once() {
    let dir = outlook_export();
    let report = dir.muster(&IMPORT);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    assert!(report.stderr.contains("6 rows read") && report.stderr.contains("6 imported"), "{}", report.stderr);
    let server = dir.serve();
    let mut client = server.client();
    assert_six_people(&summary(&mut client, "acme"));
    let again = dir.muster(&IMPORT);
    assert_eq!(again.code, Some(0));
    assert!(again.stderr.contains("0 imported, 6 there already"), "{}", again.stderr);
    let acme = summary(&mut client, "acme");
    assert_six_people(&acme);
    assert_eq!(acme["enterpriseId"], "acme");
    assert_eq!(acme["totalDepartments"], 1);
    assert_eq!(acme["departments"][0]["departmentId"], "sales");
    assert_eq!(acme["departments"][0]["totalContacts"], 6);
    assert_eq!(
        (&acme["topEmployees"][0]["userId"], &acme["topEmployees"][0]["contactCount"]),
        (&json!("u1"), &json!(6))
    );
    let sales = summary(&mut client, "acme/departments/sales");
    assert_six_people(&sales);
    assert_eq!((&sales["departmentId"], &sales["enterpriseId"]), (&json!("sales"), &json!("acme")));
    assert_eq!(
        (&sales["employees"][0]["employeeId"], &sales["employees"][0]["contactCount"]),
        (&json!("u1"), &json!(6))
    );
    drop(server);
    dir.muster_ok(&IMPORT);
    assert!(dir.muster_ok(&["check"]).starts_with("clean: 6 contacts"));
    assert!(!dir.exists("outlook365.csv.rejects.csv"));
}

#[test]
fn an_export_imported_into_another_enterprise_gives_the_same_summary() {
    let dir = outlook_export();
    dir.muster_ok(&IMPORT);
    dir.muster_ok(&["export", "--enterprise", "acme", "--output", "acme.csv"]);
    let owner = ["--enterprise", "other", "--department", "field", "--employee", "u2", "--create-missing"];
    dir.muster_ok(&[&["import", "acme.csv"], &owner[..]].concat());
    let server = dir.serve();
    let mut client = server.client();
    let (acme, other) = (summary(&mut client, "acme"), summary(&mut client, "other"));
    assert_six_people(&other);
    for field in ["totalContacts", "uniquePeople", "newestContactAt", "topCompanies", "growth", "totalEmployees"] {
        assert_eq!(acme[field], other[field], "{field}");
    }
    assert!(!dir.exists("acme.csv.rejects.csv"));
}

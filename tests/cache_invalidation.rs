//! Exact invalidation: a write invalidates the entries that it could change, and no others.

use muster::domain::access::Role;
use muster::summaries::SummaryKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp, add_contact, department, enterprise, eventually, name, scope};

/// Every scope that is cached: `acme` has three departments, of which `office` is empty, `globex` one.
const SCOPES: [&str; 6] = ["acme", "acme/lab", "acme/office", "acme/sales", "globex", "globex/ops"];

/// The cached answers of each scope.
const ANSWERS: [&str; 2] = ["summary", "details"];

fn path(scope: &str, answer: &str) -> String {
    match scope.split_once('/') {
        None => format!("/enterprise/{scope}/contacts/{answer}"),
        Some((owner, id)) => format!("/enterprise/{owner}/departments/{id}/contacts/{answer}"),
    }
}

/// The server, and the client of an administrator.
struct Fixture {
    app: TestApp,
    admin: Client,
}

impl Fixture {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.write(|tx| tx.create_department(&enterprise("acme"), Some(department("office")), &name("Office"))).await;
        let admin = app.client(Role::Admin).await;
        Self { app, admin }
    }

    /// Loads everything into the cache and returns the keys.
    async fn load_all(&self) -> Vec<String> {
        for (scope, answer) in everything() {
            let reply = self.admin.get(&path(scope, answer)).await;
            assert!(matches!(reply.status, 200 | 404), "{}", reply.text());
        }
        self.cached()
    }

    /// The keys of fresh entries.
    fn cached(&self) -> Vec<String> {
        let views = self.app.summaries.cache().entries(None, usize::MAX, |_| true);
        views.iter().filter(|view| view.fresh).map(|view| view.key.to_string()).collect()
    }

    /// After `write` exactly the entries of the scopes in `changed` miss; those that begin with `!` must no longer
    /// exist. Every other entry hits.
    async fn check(&self, what: &str, changed: &[&str], write: impl AsyncFnOnce()) {
        let cached = self.load_all().await;
        let before = self.app.summaries.cache().stats().removals.invalidated;
        write().await;
        let invalidated = self.app.summaries.cache().stats().removals.invalidated - before;
        let left = self.check_remaining(what, changed, &cached).await;
        assert_eq!(invalidated, (cached.len() - left) as u64, "{what}: each entry that went was counted once");
    }

    /// The same for a write of another process, which is detected some time later.
    async fn check_noticed(&self, what: &str, changed: &[&str], write: impl AsyncFnOnce()) {
        let cached = self.load_all().await;
        write().await;
        eventually(what, || (self.cached() == unchanged(&cached, changed)).then_some(()));
        self.check_remaining(what, changed, &cached).await;
    }

    /// Checks which entries are left, and returns their number.
    async fn check_remaining(&self, what: &str, changed: &[&str], cached: &[String]) -> usize {
        let left = unchanged(cached, changed);
        assert_eq!(self.cached(), left, "{what}: entries that are left");
        for (scope, answer) in everything() {
            let reply = self.admin.get(&path(scope, answer)).await;
            if changed.contains(&format!("!{scope}").as_str()) {
                assert_eq!(reply.status, 404, "{what}: {answer} of {scope}");
            } else if reply.status != 404 {
                assert_eq!(reply.expect(200)["cached"], !changed.contains(&scope), "{what}: {answer} of {scope}");
            }
        }
        left.len()
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let mut request = self.admin.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        if !body.is_null() {
            request = request.json(body);
        }
        Reply::to(request).await
    }
}

fn everything() -> impl Iterator<Item = (&'static str, &'static str)> {
    SCOPES.into_iter().flat_map(|scope| ANSWERS.map(|answer| (scope, answer)))
}

/// The keys that belong to none of the changed scopes.
fn unchanged(cached: &[String], changed: &[&str]) -> Vec<String> {
    let changed: Vec<_> =
        changed.iter().map(|text| SummaryKey::summary(scope(text.trim_start_matches('!'))).to_string()).collect();
    let is_of =
        |key: &str, scope: &str| key.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    cached.iter().filter(|key| !changed.iter().any(|scope| is_of(key, scope))).cloned().collect()
}

const SALES: &str = "/enterprise/acme/departments/sales";
const LAB: &str = "/enterprise/acme/departments/lab";
const OF_SALES: [&str; 2] = ["acme", "acme/sales"];
const OF_LAB: [&str; 2] = ["acme", "acme/lab"];
const OF_ACME: [&str; 4] = ["acme", "acme/lab", "acme/office", "acme/sales"];

#[tokio::test]
async fn a_write_to_a_contact_invalidates_its_department_and_enterprise() {
    let fixture = Fixture::new().await;
    let contact = |name: &str| json!({"userId": "u1", "contactInfo": {"name": name, "company": "Contoso"}});
    let mut id = String::new();
    fixture
        .check("AddContact", &OF_SALES, async || {
            let body = fixture.send("POST", "/AddContact", &contact("Anita")).await.expect(201);
            body["contact"]["contactId"].as_str().unwrap().clone_into(&mut id);
        })
        .await;
    fixture
        .check("saveContact", &OF_SALES, async || {
            fixture.send("POST", "/saveContact", &contact("Bertrand")).await.expect(200);
        })
        .await;
    let path = format!("/Contacts/u1/contact/{id}");
    let change = json!({"company": "Fabrikam"});
    let cases: [(&str, &str, &Value, &[&str]); 4] = [
        ("a change", "PATCH", &change, &OF_SALES),
        ("a change to what it is already", "PATCH", &change, &[]),
        ("a read", "GET", &Value::Null, &[]),
        ("a deletion", "DELETE", &Value::Null, &OF_SALES),
    ];
    for (what, method, body, changed) in cases {
        fixture
            .check(what, changed, async || {
                fixture.send(method, &path, body).await.expect(200);
            })
            .await;
    }
    fixture
        .check("a write that is refused", &[], async || {
            fixture.send("POST", "/saveContact", &json!({"userId": "u1", "contactInfo": {}})).await.problem(400);
            fixture.send("DELETE", &path, &Value::Null).await.problem(404);
        })
        .await;
}

#[tokio::test]
async fn a_write_to_an_employee_invalidates_its_departments_and_enterprise() {
    let fixture = Fixture::new().await;
    let new = format!("{LAB}/employees");
    let (of_lab, of_sales) = (format!("{LAB}/employees/u3"), format!("{SALES}/employees/u3"));
    let cases: [(&str, &str, String, Value, &[&str]); 8] = [
        ("a new employee", "POST", new, json!({"employeeId": "u3", "firstName": "Uma"}), &OF_LAB),
        ("a change", "PUT", of_lab.clone(), json!({"email": "uma@x.example"}), &OF_LAB),
        ("a change to what it is already", "PUT", of_lab.clone(), json!({"email": "uma@x.example"}), &[]),
        ("a move", "PUT", of_lab.clone(), json!({"departmentId": "sales"}), &["acme", "acme/lab", "acme/sales"]),
        ("an end of activity", "PUT", of_sales.clone(), json!({"isActive": false}), &OF_SALES),
        ("an archive", "DELETE", of_sales.clone(), Value::Null, &OF_SALES),
        ("a restore", "POST", format!("{of_sales}/restore"), json!({}), &OF_SALES),
        ("a list", "GET", "/enterprise/acme/employees".to_owned(), Value::Null, &[]),
    ];
    for (what, method, path, body, changed) in cases {
        fixture
            .check(what, changed, async || {
                let reply = fixture.send(method, &path, &body).await;
                assert!(matches!(reply.status, 200 | 201), "{what}: {}", reply.text());
            })
            .await;
    }
}

#[tokio::test]
async fn a_write_to_a_department_invalidates_it_and_its_enterprise() {
    let fixture = Fixture::new().await;
    let cases: [(&str, &str, &str, Value, &[&str]); 6] = [
        ("a new department", "POST", "/enterprise/acme/departments", json!({"id": "new", "name": "New"}), &["acme"]),
        ("a new name", "PUT", LAB, json!({"name": "Laboratory"}), &OF_LAB),
        ("the same name", "PUT", LAB, json!({"name": "Laboratory"}), &[]),
        ("an archive", "DELETE", LAB, Value::Null, &["acme", "!acme/lab"]),
        ("a restore", "POST", "/enterprise/acme/departments/lab/restore", json!({}), &OF_LAB),
        ("a read", "GET", LAB, Value::Null, &[]),
    ];
    for (what, method, path, body, changed) in cases {
        fixture
            .check(what, changed, async || {
                let reply = fixture.send(method, path, &body).await;
                assert!(matches!(reply.status, 200 | 201), "{what}: {}", reply.text());
            })
            .await;
    }
}

#[tokio::test]
async fn a_write_to_an_enterprise_invalidates_it_and_its_departments() {
    let fixture = Fixture::new().await;
    let gone = ["!acme", "!acme/lab", "!acme/office", "!acme/sales"];
    let cases: [(&str, &str, &str, Value, &[&str]); 6] = [
        ("a new enterprise", "POST", "/enterprise", json!({"id": "initech", "name": "Initech"}), &[]),
        ("a new name", "PUT", "/enterprise/acme", json!({"name": "Acme & Sons"}), &OF_ACME),
        ("the same name", "PUT", "/enterprise/acme", json!({"name": "Acme & Sons"}), &[]),
        ("an archive", "DELETE", "/enterprise/acme", Value::Null, &gone),
        ("a restore", "POST", "/enterprise/acme/restore", json!({}), &OF_ACME),
        ("a new token", "POST", "/tokens", json!({"name": "till", "role": "viewer"}), &[]),
    ];
    for (what, method, path, body, changed) in cases {
        fixture
            .check(what, changed, async || {
                let reply = fixture.send(method, path, &body).await;
                assert!(matches!(reply.status, 200 | 201), "{what}: {}", reply.text());
            })
            .await;
    }
}

#[tokio::test]
async fn an_import_invalidates_the_departments_that_it_fills() {
    let fixture = Fixture::new().await;
    let import = async |query: &str, file: &'static str| {
        fixture.admin.upload(&format!("/enterprise/acme/contacts/import?{query}"), file).await.expect(200);
    };
    let file = "name,email\nAnita,anita@x.example\nBertrand,bertrand@x.example\n";
    fixture.check("an import", &OF_SALES, async || import("employee=u1", file).await).await;
    fixture.check("an import of what is there", &[], async || import("employee=u1", file).await).await;
    fixture.check("a dry run", &[], async || import("employee=u2&dryRun=true", file).await).await;
    let owners = "name,employee\nCarol,u1\nDora,u2\n";
    fixture.check("an import for two", &["acme", "acme/lab", "acme/sales"], async || import("", owners).await).await;
}

#[tokio::test]
async fn a_write_of_another_process_invalidates_the_same_entries() {
    let fixture = Fixture::new().await;
    let other = fixture.app.store.directory().open_command().unwrap();
    fixture
        .check_noticed("a contact", &OF_LAB, async || {
            other.write(|tx| add_contact(tx, "u2", "anita")).await.unwrap();
        })
        .await;
    fixture
        .check_noticed("a new name", &["globex", "globex/ops"], async || {
            other.write(|tx| tx.rename_enterprise(&enterprise("globex"), &name("Globex Corp."))).await.unwrap();
        })
        .await;
    fixture
        .check_noticed("an archive", &["acme", "!acme/sales"], async || {
            other.write(|tx| tx.archive_department(&enterprise("acme"), &department("sales"))).await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_purge_leaves_every_other_enterprise_cached() {
    let fixture = Fixture::new().await;
    let cached = fixture.load_all().await;
    fixture.admin.delete("/enterprise/acme?purge=true").await.expect(202);
    let left = unchanged(&cached, &OF_ACME);
    assert_eq!((left.len(), fixture.cached()), (2 * ANSWERS.len(), left.clone()));
    for scope in OF_ACME {
        fixture.admin.get(&path(scope, "summary")).await.problem(404);
    }
    // Rows are deleted in several transactions; the last one frees the id.
    loop {
        let reply = fixture.send("POST", "/enterprise", &json!({"id": "acme", "name": "Acme"})).await;
        if reply.status == 201 {
            break;
        }
        assert_eq!(reply.status, 409, "{}", reply.text());
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.cached(), left);
    let fresh = fixture.admin.get(&path("acme", "summary")).await.expect(200);
    assert_eq!((&fresh["cached"], &fresh["data"]["totalContacts"]), (&json!(false), &json!(0)));
}

//! Authorisation: every operation of the OpenAPI document, requested without the role or the reach that it requires.

use std::collections::BTreeSet;

use muster::domain::access::{Reach, Role};
use muster::domain::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp};

/// One operation of the OpenAPI document, with ids that exist in `acme` and a valid body.
pub struct Operation {
    pub method: Method,
    template: String,
    path: String,
    body: Option<(String, Value)>,
    is_public: bool,
}

impl Operation {
    async fn send(&self, client: &Client, root: &str) -> Reply {
        let request = client.request(self.method.clone(), &format!("{root}{}", self.path));
        Reply::to(match &self.body {
            None => request,
            Some((media_type, Value::String(text))) => request.header("content-type", media_type).body(text.clone()),
            Some((media_type, body)) => request.header("content-type", media_type).body(body.to_string()),
        })
        .await
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// Every operation of the OpenAPI document.
pub async fn operations(app: &TestApp) -> Vec<Operation> {
    let admin = app.client(Role::Admin).await;
    let contacts = admin.get("/Contacts/u1").await.expect(200);
    let tokens = admin.get("/tokens").await.expect(200);
    let session = admin.browser().await.get("/session").await.expect(200);
    let ids = [
        ("{enterpriseId}", "acme"),
        ("{departmentId}", "sales"),
        ("{employeeId}", "u1"),
        ("{userId}", "u1"),
        ("{contactId}", contacts["contactList"][0]["id"].as_str().unwrap()),
        ("{key}", "enterprise:acme:contacts"),
        ("{tokenId}", tokens["tokens"][0]["id"].as_str().unwrap()),
        ("{sessionId}", session["session"]["id"].as_str().unwrap()),
    ];
    let document = app.anonymous().get("/openapi.json").await.json();
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = ids.iter().fold(template.clone(), |path, (name, id)| path.replace(name, id));
            assert!(!path.contains('{'), "the test has no id for {path}");
            let content = operation["requestBody"]["content"].as_object();
            let body = content.map(|content| {
                let examples = content.iter().find_map(|(media_type, body)| Some((media_type, body.get("example")?)));
                let (media_type, body) = examples.unwrap_or_else(|| panic!("{method} {template} has no example"));
                (media_type.clone(), body.clone())
            });
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                template: template.clone(),
                path,
                body,
                is_public: operation["security"] == json!([]),
            });
        }
    }
    operations
}

const ROOTS: [&str; 2] = ["", "/api"];

#[tokio::test]
async fn without_a_token_nothing_but_the_service_routes_answers() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let mut public = BTreeSet::new();
    for operation in operations(&app).await {
        for root in ROOTS {
            if operation.is_public {
                public.insert(operation.template.clone());
                continue;
            }
            let reply = operation.send(&anonymous, root).await;
            reply.problem(401);
            assert_eq!(reply.headers["www-authenticate"], "Bearer", "{}", operation.name());
            let reply = operation.send(&anonymous.with_token("muster_x_y"), root).await;
            assert!(matches!(reply.status, 401 | 429), "{}: {}", operation.name(), reply.status);
        }
    }
    assert_eq!(public, ["/healthz", "/openapi.json", "/readyz", "/session"].map(str::to_owned).into());
}

#[tokio::test]
async fn outside_its_enterprise_a_token_reads_and_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let everything = async || {
        let mut all = String::new();
        for path in ["/enterprise/acme/contacts/summary", "/enterprise/acme/employees", "/Contacts/u1", "/Contacts/u2"]
        {
            let mut body = admin.get(path).await.expect(200);
            body["timestamp"] = Value::Null;
            body["cached"] = Value::Null;
            body["data"]["calculationTime"] = Value::Null;
            all.push_str(&body.to_string());
        }
        all
    };
    let operations = operations(&app).await;
    let before = everything().await;
    for role in [Role::Viewer, Role::Admin] {
        let stranger = app.enterprise_client(role, "globex").await;
        for operation in operations.iter().filter(|operation| !operation.is_public) {
            for root in ROOTS {
                let reply = operation.send(&stranger, root).await;
                let text = reply.text();
                if operation.name() == "GET /enterprise" {
                    assert_eq!(reply.expect(200)["totalCount"], 1);
                } else if operation.name() == "GET /session" {
                    // It describes only the caller.
                    assert_eq!(reply.expect(200)["session"]["enterpriseId"], "globex");
                } else {
                    assert!(matches!(reply.status, 403 | 404), "{} by {role:?}: {text}", operation.name());
                }
                for secret in ["ACME", "SALES", "friend of u", "Contoso"] {
                    assert!(!text.contains(secret), "{}: {text}", operation.name());
                }
            }
        }
    }
    assert_eq!(everything().await, before);
}

#[tokio::test]
async fn resources_outside_a_tokens_enterprise_answer_as_if_they_did_not_exist() {
    let app = TestApp::start().await;
    let stranger = app.enterprise_client(Role::Admin, "globex").await;
    let same = |one: Reply, other: Reply| {
        let content = |reply: &Reply| (reply.status, reply.json()["message"].clone(), reply.json()["errors"].clone());
        assert_eq!(content(&one), content(&other));
        assert_eq!(one.status, 404);
    };
    same(stranger.get("/enterprise/acme").await, stranger.get("/enterprise/nothing").await);
    same(stranger.get("/Contacts/u1").await, stranger.get("/Contacts/u9").await);
    let body = |user: &str| json!({"userId": user, "contactInfo": {"name": "Eve"}});
    for path in ["/AddContact", "/saveContact", "/api/AddContact"] {
        same(stranger.post(path, body("u1")).await, stranger.post(path, body("u9")).await);
    }
}

#[tokio::test]
async fn a_limited_token_works_within_its_enterprise() {
    let app = TestApp::start().await;
    let manager = app.enterprise_client(Role::Manager, "acme").await;
    let enterprises = manager.get("/enterprise").await.expect(200);
    assert_eq!((enterprises["count"].clone(), &enterprises["enterprises"][0]["id"]), (json!(1), &json!("acme")));
    manager.get("/enterprise/acme/contacts/summary").await.expect(200);
    manager.post("/AddContact", json!({"userId": "u1", "contactInfo": {"name": "Eve"}})).await.expect(201);
    manager.post("/enterprise/acme/departments", json!({"name": "Field"})).await.expect(201);
    let message = manager.post("/enterprise", json!({"name": "Mine"})).await.problem(403);
    assert_eq!(message, "This takes a token with the role admin");
    let admin = app.enterprise_client(Role::Admin, "acme").await;
    for path in ["/enterprise", "/tokens"] {
        admin.post(path, json!({"name": "Mine", "role": "admin"})).await.problem(403);
    }
    admin.get("/tokens").await.problem(403);
}

/// The least role that each operation requires.
const LEAST_ROLES: [(Role, &[&str]); 4] = [
    (
        Role::Viewer,
        &[
            "GET /cache/entries",
            "GET /cache/events",
            "GET /cache/stats",
            "GET /enterprise",
            "GET /enterprise/{enterpriseId}",
            "GET /enterprise/{enterpriseId}/contacts/details",
            "GET /enterprise/{enterpriseId}/contacts/summary",
            "GET /enterprise/{enterpriseId}/departments",
            "GET /enterprise/{enterpriseId}/departments/{departmentId}",
            "GET /enterprise/{enterpriseId}/departments/{departmentId}/contacts/details",
            "GET /enterprise/{enterpriseId}/departments/{departmentId}/contacts/summary",
            "GET /enterprise/{enterpriseId}/departments/{departmentId}/employees",
            "GET /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
            "GET /enterprise/{enterpriseId}/employees",
            "GET /Contacts/{userId}",
            "GET /Contacts/{userId}/contact/{contactId}",
            "GET /enterprise/{enterpriseId}/employees/{userId}/contacts",
            "GET /enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}",
            "GET /metrics",
            "GET /cache/config",
            "GET /cache/config/history",
            "GET /cache/analytics",
            "GET /cache/analytics/what-if",
            "GET /session",
            "DELETE /session",
        ],
    ),
    (
        Role::Contributor,
        &[
            "POST /AddContact",
            "POST /saveContact",
            "PATCH /Contacts/{userId}/contact/{contactId}",
            "DELETE /Contacts/{userId}/contact/{contactId}",
            "PATCH /enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}",
            "DELETE /enterprise/{enterpriseId}/employees/{userId}/contact/{contactId}",
        ],
    ),
    (
        Role::Manager,
        &[
            "POST /enterprise/{enterpriseId}/departments",
            "PUT /enterprise/{enterpriseId}/departments/{departmentId}",
            "DELETE /enterprise/{enterpriseId}/departments/{departmentId}",
            "POST /enterprise/{enterpriseId}/departments/{departmentId}/restore",
            "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees",
            "PUT /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
            "DELETE /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}",
            "POST /enterprise/{enterpriseId}/departments/{departmentId}/employees/{employeeId}/restore",
            "POST /enterprise/{enterpriseId}/contacts/import",
            "GET /enterprise/{enterpriseId}/contacts/export",
        ],
    ),
    (
        Role::Admin,
        &[
            "POST /enterprise",
            "PUT /enterprise/{enterpriseId}",
            "DELETE /enterprise/{enterpriseId}",
            "POST /enterprise/{enterpriseId}/restore",
            "DELETE /cache/clear",
            "DELETE /cache/departments/clear",
            "DELETE /cache/enterprises/{enterpriseId}/clear",
            "DELETE /cache/entries/{key}",
            "POST /cache/warm",
            "GET /tokens",
            "POST /tokens",
            "DELETE /tokens/{tokenId}",
            "PUT /cache/config",
            "POST /cache/config/revert",
            "GET /audit",
            "GET /backup",
            "POST /backup",
            "GET /sessions",
            "DELETE /sessions/{sessionId}",
        ],
    ),
];

#[tokio::test]
async fn every_operation_requires_at_least_its_role() {
    let app = TestApp::start().await;
    let operations = operations(&app).await;
    let mut tried = 0;
    for (least, names) in LEAST_ROLES {
        for name in names {
            let operation = operations.iter().find(|operation| operation.name() == *name);
            let operation = operation.unwrap_or_else(|| panic!("{name} is not in the document"));
            // Nobody can sign in with the role intake; the authorisation matrix has it.
            let weaker = |role: &Role| *role < least && *role != Role::Intake;
            for role in Role::ALL.into_iter().filter(weaker) {
                let holder = app.client(role).await;
                for client in [holder.browser().await, holder] {
                    let reply = operation.send(&client, "").await;
                    assert_eq!(reply.status, 403, "{name} by a {role:?}");
                }
            }
            tried += 1;
        }
    }
    // Sufficient roles come last, because their requests change what the refused ones address.
    for (least, names) in LEAST_ROLES {
        for name in names {
            let operation = operations.iter().find(|operation| operation.name() == *name).unwrap();
            let holder = app.client(least).await;
            for client in [holder.browser().await, holder] {
                let reply = operation.send(&client, "").await;
                assert!(!matches!(reply.status, 401 | 403 | 500..), "{name} by a {least:?}: {}", reply.text());
            }
        }
    }
    assert_eq!(tried, operations.iter().filter(|operation| !operation.is_public).count(), "all are in the table");
}

#[tokio::test]
async fn no_operation_accepts_a_cross_site_change_with_a_cookie() {
    let app = TestApp::start().await;
    let operations = operations(&app).await;
    let admin = app.client(Role::Admin).await.browser().await;
    let changes: Vec<_> = operations.iter().filter(|operation| !operation.method.is_safe()).collect();
    assert!(changes.len() > 20, "{} of {}", changes.len(), operations.len());
    for operation in changes {
        for root in ROOTS {
            for origin in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")], &[]] {
                let path = format!("{root}{}", operation.path);
                // The request is refused before its body, which is not JSON, is parsed.
                let request = admin.request_from(operation.method.clone(), &path, origin).body("{");
                let message = Reply::to(request).await.problem(403);
                assert!(message.contains("session cookie"), "{}: {message}", operation.name());
            }
        }
    }
    assert_eq!(admin.get("/enterprise").await.expect(200)["count"], 2);
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn a_purge_requires_the_admin_role() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    for path in ["/enterprise/acme/departments/sales", "/enterprise/acme/departments/sales/employees/u1"] {
        let message = manager.delete(&format!("{path}?purge=true")).await.problem(403);
        assert_eq!(message, "This takes a token with the role admin");
    }
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn an_expired_token_is_refused_as_expired() {
    let app = TestApp::start().await;
    let past = Timestamp::from_millis(app.store.clock().now().millis() - 1);
    let late = app.client_with(Role::Admin, Reach::Installation, Some(past)).await;
    assert_eq!(late.get("/enterprise").await.problem(401), "This token has expired");
}

#[tokio::test]
async fn failed_sign_ins_are_rate_limited_without_locking_out_valid_tokens() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 3).await;
    let viewer = app.client(Role::Viewer).await;
    for number in 0..3 {
        app.anonymous().with_token(&format!("muster_guess{number}_x")).get("/enterprise").await.problem(401);
    }
    let reply = app.anonymous().with_token("muster_guess4_x").get("/enterprise").await;
    reply.problem(429);
    assert!(reply.headers.contains_key("retry-after"));
    viewer.get("/enterprise").await.expect(200);
}

#[tokio::test]
async fn a_token_made_by_another_process_works_on_its_first_request() {
    let app = TestApp::start().await;
    let minted =
        muster::access::mint("cli".into(), Role::Viewer, Reach::Installation, app.store.clock().now(), None).unwrap();
    let directory = app.store.directory().clone();
    let secret = minted.secret.clone();
    tokio::task::spawn_blocking(move || {
        let command = directory.open_command().unwrap();
        command.write_blocking(move |tx| tx.insert_token(&minted.stored)).unwrap();
    })
    .await
    .unwrap();
    app.anonymous().with_token(&secret).get("/enterprise").await.expect(200);
}

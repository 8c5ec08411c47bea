//! Tokens over HTTP.

use muster::domain::access::Role;
use muster::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::support::TestApp;

const DAY_MILLIS: i64 = 86_400_000;

/// The secret of `muster_<id>_<secret>`; it may contain underscores itself.
fn secret_part(token: &str) -> String {
    token.splitn(3, '_').nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn the_secret_of_a_token_is_shown_once_and_works_at_once() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let request = json!({"name": "  reporting ", "role": "viewer", "enterpriseId": "acme", "expiresIn": "90d"});
    let reply = admin.post("/tokens", request).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    let body = reply.expect(201);
    let secret = body["secret"].as_str().unwrap();
    assert!(secret.starts_with("muster_") && secret.len() > 50);
    let token = &body["token"];
    assert_eq!((&token["name"], &token["role"]), (&json!("reporting"), &json!("viewer")));
    assert_eq!((&token["enterpriseId"], &token["lastUsedAt"]), (&json!("acme"), &Value::Null));
    let millis = |field: &str| Timestamp::parse(token[field].as_str().unwrap()).unwrap().millis();
    assert!((0..=1_000).contains(&(millis("createdAt") + 90 * DAY_MILLIS - millis("expiresAt"))));

    let viewer = admin.with_token(secret);
    viewer.get("/enterprise/acme").await.expect(200);
    viewer.get("/enterprise/globex").await.problem(404);
    let list = admin.get("/tokens").await;
    assert!(!list.text().contains(&secret_part(secret)));
    let list = list.expect(200);
    assert!(list["tokens"].as_array().unwrap().contains(token));
    assert_eq!(list["count"], list["totalCount"]);
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_next_request_on() {
    // More refusals than one address is allowed in a minute.
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 1_000).await;
    let admin = app.client(Role::Admin).await;
    for _ in 0..20 {
        let body = admin.post("/tokens", json!({"role": "viewer"})).await.expect(201);
        let viewer = admin.with_token(body["secret"].as_str().unwrap());
        viewer.get("/enterprise").await.expect(200);
        let id = body["token"]["id"].as_str().unwrap();
        let revoked = admin.delete(&format!("/tokens/{id}")).await.expect(200);
        assert_eq!((&revoked["tokenId"], &revoked["message"]), (&json!(id), &json!("Token revoked successfully")));
        viewer.get("/enterprise").await.problem(401);
        assert_eq!(admin.delete(&format!("/tokens/{id}")).await.problem(404), "Token not found");
    }
}

#[tokio::test]
async fn the_last_admin_token_can_be_revoked() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let list = admin.get("/tokens").await.expect(200);
    let id = list["tokens"][0]["id"].as_str().unwrap();
    admin.delete(&format!("/tokens/{id}")).await.expect(200);
    admin.get("/tokens").await.problem(401);
}

#[tokio::test]
async fn the_expiry_of_a_token_is_a_duration_or_a_time() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let check = async |life: Value, expected: Result<Option<i64>, &str>| {
        let mut request = json!({"role": "viewer"});
        request.as_object_mut().unwrap().extend(life.as_object().unwrap().clone());
        let reply = admin.post("/tokens", request.clone()).await;
        match expected {
            Ok(days) => {
                let body = reply.expect(201);
                let millis =
                    |field: &str| body["token"][field].as_str().map(|text| Timestamp::parse(text).unwrap().millis());
                let lived = millis("expiresAt").map(|end| end - millis("createdAt").unwrap());
                let rounded = lived.map(|lived| (lived + DAY_MILLIS / 2) / DAY_MILLIS);
                assert_eq!(rounded, days, "{request}");
            }
            Err(message) => assert_eq!(reply.invalid_fields().0, message, "{request}"),
        }
    };
    let in_three_days = Timestamp::from_millis(app.store.clock().now().millis() + 3 * DAY_MILLIS).to_string();
    check(json!({}), Ok(None)).await;
    check(json!({"expiresIn": null, "expiresAt": null}), Ok(None)).await;
    check(json!({"expiresIn": 2 * DAY_MILLIS}), Ok(Some(2))).await;
    check(json!({"expiresIn": "1day 12h 12h"}), Ok(Some(2))).await;
    check(json!({"expiresAt": in_three_days}), Ok(Some(3))).await;
    let both = json!({"expiresIn": "2d", "expiresAt": in_three_days});
    check(both, Err("expiresAt: cannot be combined with expiresIn")).await;
    check(json!({"expiresIn": 5}), Err("expiresIn: must leave the token from one minute to ten years")).await;
    check(json!({"expiresIn": "20years"}), Err("expiresIn: must leave the token from one minute to ten years")).await;
    let past = json!({"expiresAt": "2020-01-01T00:00:00Z"});
    check(past, Err("expiresAt: must leave the token from one minute to ten years")).await;
    check(json!({"expiresAt": "tomorrow"}), Err("expiresAt: must be an RFC 3339 time")).await;
    let form = r#"expiresIn: must be a number of milliseconds or a duration such as "90d" or "2h 30m""#;
    check(json!({"expiresIn": "soon"}), Err(form)).await;
    check(json!({"expiresIn": -1}), Err(form)).await;
    check(json!({"expiresIn": true}), Err(&format!("{form}, not a boolean"))).await;
}

#[tokio::test]
async fn an_invalid_token_request_is_refused_with_the_field_names() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let check = async |request: Value, fields: &[&str]| {
        assert_eq!(admin.post("/tokens", request.clone()).await.invalid_fields().1, fields, "{request}");
    };
    check(json!({}), &["role"]).await;
    check(json!({"role": "king"}), &["role"]).await;
    check(json!({"role": "viewer", "name": "x".repeat(201), "enterpriseId": "a b"}), &["name", "enterpriseId"]).await;
    let reply = admin.post("/tokens", json!({"role": "viewer", "enterpriseId": "nowhere"})).await;
    assert_eq!(reply.problem(404), "Enterprise not found");
    assert_eq!(admin.delete("/tokens/%00").await.problem(404), "Token not found");
}

#[tokio::test]
async fn creating_and_revoking_tokens_is_audited_without_the_secret() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let body = admin.post("/tokens", json!({"role": "viewer", "name": "reporting"})).await.expect(201);
    let id = body["token"]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("/tokens/{id}")).await.expect(200);
    let connection = app.store.directory().raw_reader();
    let mut statement = connection
        .prepare("SELECT action, target, actor, address, coalesce(before, after) FROM audit ORDER BY id")
        .unwrap();
    let rows: Vec<[String; 5]> = statement
        .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let secret = secret_part(body["secret"].as_str().unwrap());
    assert_eq!(rows.len(), 2);
    for ([action, target, actor, address, token], expected) in rows.into_iter().zip(["token.create", "token.revoke"]) {
        assert_eq!((action.as_str(), &target, address.as_str()), (expected, &id, "127.0.0.1"));
        assert!(actor.starts_with("admin (token "), "{actor}");
        assert!(token.contains("reporting") && !token.contains(&secret), "{token}");
    }
}

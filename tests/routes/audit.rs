//! The audit log over HTTP.

use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::TestApp;

fn actions(log: &Value) -> Vec<&str> {
    log["audit"].as_array().unwrap().iter().map(|act| act["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_audit_log_lists_acts_newest_first() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    assert_eq!(admin.get("/audit").await.expect(200)["audit"], json!([]));
    let token = admin.post("/tokens", json!({"role": "viewer", "name": "reporting"})).await.expect(201);
    let id = token["token"]["id"].as_str().unwrap();
    admin.put("/cache/config", json!({"maxCacheSize": 5})).await.expect(200);
    admin.delete("/enterprise/acme/departments/lab").await.expect(200);
    admin.delete(&format!("/tokens/{id}")).await.expect(200);

    let log = admin.get("/audit").await.expect(200);
    assert_eq!(actions(&log), ["token.revoke", "department.archive", "cache.configure", "token.create"]);
    assert_eq!((&log["count"], &log["totalCount"]), (&json!(4), &json!(4)));
    let created = &log["audit"][3];
    assert_eq!((&created["target"], &created["before"]), (&json!(id), &Value::Null));
    assert_eq!(created["after"]["name"], "reporting");
    assert_eq!(created["address"], "127.0.0.1");
    assert!(created["actor"].as_str().unwrap().starts_with("admin (token "), "{created}");
    assert!(muster::domain::time::Timestamp::parse(created["at"].as_str().unwrap()).is_some());
    assert_eq!(log["audit"][0]["before"]["name"], "reporting");
    let secret = token["secret"].as_str().unwrap().splitn(3, '_').nth(2).unwrap();
    assert!(!log.to_string().contains(secret));
}

#[tokio::test]
async fn the_audit_log_is_paged_and_filtered_by_action_and_actor() {
    let app = TestApp::start().await;
    let (admin, other) = (app.client(Role::Admin).await, app.client(Role::Admin).await);
    for size in 1..=7 {
        let client = if size % 2 == 0 { &admin } else { &other };
        client.put("/cache/config", json!({"maxCacheSize": size})).await.expect(200);
        client.post("/tokens", json!({"role": "viewer"})).await.expect(201);
    }
    let mut ids: Vec<i64> = Vec::new();
    let mut path = "/audit?limit=4".to_owned();
    loop {
        let log = admin.get(&path).await.expect(200);
        assert_eq!((&log["totalCount"], &log["pagination"]["limit"]), (&json!(14), &json!(4)));
        ids.extend(log["audit"].as_array().unwrap().iter().map(|act| act["id"].as_i64().unwrap()));
        // Entries added meanwhile come before the first page and do not shift the later ones.
        match log["pagination"]["nextCursor"].as_str() {
            Some(cursor) => path = format!("/audit?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 14);
    assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");

    let check = async |query: &str, count: usize| {
        let log = admin.get(&format!("/audit?{query}")).await.expect(200);
        assert_eq!((actions(&log).len(), &log["totalCount"]), (count, &json!(count)), "{query}");
    };
    check("action=cache.configure", 7).await;
    check("action=cache", 7).await;
    check("action=token", 7).await;
    for nothing in ["action=cach", "action=cache.", "action=%25", "action=", "actor=nobody"] {
        check(nothing, 0).await;
    }
    let actor = admin.get("/audit?limit=1&action=cache&page=2").await.expect(200)["audit"][0]["actor"].clone();
    let log = admin.request(reqwest::Method::GET, "/audit").query(&[("actor", actor.as_str().unwrap())]);
    assert_eq!(crate::support::Reply::to(log).await.expect(200)["totalCount"], 6);
    assert_eq!(admin.get("/audit?limit=0").await.invalid_fields().1, ["limit"]);
}

#[tokio::test]
async fn only_an_unlimited_admin_token_reads_the_audit_log() {
    let app = TestApp::start().await;
    for role in [Role::Viewer, Role::Contributor, Role::Manager] {
        app.client(role).await.get("/audit").await.problem(403);
    }
    app.enterprise_client(Role::Admin, "acme").await.get("/audit").await.problem(403);
}

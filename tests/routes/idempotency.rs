//! `Idempotency-Key`: a request that is sent again runs once.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Reply, TestApp, at};

fn grace() -> Value {
    json!({"userId": "u1", "contactInfo": {"name": "Grace"}})
}

fn is_replay(reply: &Reply) -> bool {
    reply.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

/// An answer without the time at which it was made.
fn untimed(reply: &Reply) -> Value {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("timestamp").expect("a timestamp");
    body
}

#[tokio::test]
async fn a_repeated_request_answers_the_same_status_and_the_object_as_it_is_now() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    for (path, status) in [("/AddContact", 201), ("/saveContact", 200)] {
        let before = app.store.contacts_of_acme();
        let key = format!("key-of-{path}");
        let first = contributor.post_with_key(path, &key, grace()).await;
        first.expect(status);
        assert!(!is_replay(&first));
        for again in [path.to_owned(), format!("/api{path}")] {
            let replay = contributor.post_with_key(&again, &key, grace()).await;
            assert_eq!((replay.status, untimed(&replay)), (status, untimed(&first)));
            assert_eq!(replay.headers["content-type"], first.headers["content-type"]);
            assert!(is_replay(&replay));
        }
        assert_eq!(app.store.contacts_of_acme(), before + 1);
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_run_once() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let replies =
        futures_util::future::join_all((0..20).map(|_| contributor.post_with_key("/AddContact", "k", grace()))).await;
    assert!(
        replies.iter().all(|reply| reply.status == 201 && untimed(reply)["contact"] == untimed(&replies[0])["contact"])
    );
    assert_eq!(replies.iter().filter(|reply| !is_replay(reply)).count(), 1);
    assert_eq!(app.store.contacts_of_acme(), 3);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_conflict() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    contributor.post_with_key("/AddContact", "k", grace()).await.expect(201);
    let other = json!({"userId": "u1", "contactInfo": {"name": "Ada"}});
    for (path, body) in [("/AddContact", other), ("/saveContact", grace())] {
        let message = contributor.post_with_key(path, "k", body).await.problem(409);
        assert_eq!(message, "This Idempotency-Key was used for another request");
    }
    assert_eq!(app.store.contacts_of_acme(), 3);
    let somebody_else = app.client(Role::Contributor).await;
    let reply = somebody_else.post_with_key("/AddContact", "k", grace()).await;
    assert!(reply.status == 201 && !is_replay(&reply), "keys of two callers never meet");
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_its_key() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let request = json!({"userId": "late", "contactInfo": {"name": "Grace"}});
    manager.post_with_key("/AddContact", "k", request.clone()).await.problem(404);
    manager.post("/enterprise/acme/departments/sales/employees", json!({"id": "late", "name": "L"})).await.expect(201);
    manager.post_with_key("/AddContact", "k", request).await.expect(201);
}

#[tokio::test]
async fn an_idempotency_key_is_kept_for_24_hours() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let contributor = app.client(Role::Contributor).await;
    let first = contributor.post_with_key("/AddContact", "k", grace()).await;
    clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    assert_eq!(untimed(&contributor.post_with_key("/AddContact", "k", grace()).await), untimed(&first));
    clock.advance(Duration::from_millis(1));
    let later = contributor.post_with_key("/AddContact", "k", grace()).await;
    assert!(later.status == 201 && !is_replay(&later));
    assert_eq!(app.store.contacts_of_acme(), 4);
}

#[tokio::test]
async fn creations_in_the_directory_are_idempotent() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for path in ["/enterprise", "/enterprise/acme/departments", "/enterprise/acme/departments/sales/employees"] {
        let key = format!("key-of-{path}");
        let body = json!({"name": "Twice"});
        let first = admin.post_with_key(path, &key, body.clone()).await;
        first.expect(201);
        let replay = admin.post_with_key(path, &key, body).await;
        assert_eq!((replay.status, untimed(&replay), is_replay(&replay)), (201, untimed(&first), true));
    }
    let elsewhere = admin.post_with_key(
        "/enterprise/globex/departments",
        "key-of-/enterprise/acme/departments",
        json!({"name": "Twice"}),
    );
    assert_eq!(elsewhere.await.status, 409, "the path is part of the request");
    assert_eq!(admin.get("/enterprise").await.expect(200)["totalCount"], 3);
}

#[tokio::test]
async fn idempotency_keys_are_1_to_255_visible_ascii_characters() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    for key in ["", " ", "a b", "ä", &"k".repeat(256)] {
        let (_, fields) = contributor.post_with_key("/AddContact", key, grace()).await.invalid_fields();
        assert_eq!(fields, ["Idempotency-Key"], "{key:?}");
    }
    contributor.post_with_key("/AddContact", &"~".repeat(255), grace()).await.expect(201);
    let twice = contributor.request(reqwest::Method::POST, "/AddContact").json(&grace());
    let twice = twice.header("idempotency-key", "a").header("idempotency-key", "b");
    assert_eq!(Reply::to(twice).await.invalid_fields().1, ["Idempotency-Key"]);
    assert_eq!(app.store.contacts_of_acme(), 3);
}

#[tokio::test]
async fn a_replay_shows_what_has_changed_since_and_what_is_gone_by_its_ids() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let first = contributor.post_with_key("/AddContact", "k", grace()).await.expect(201);
    let id = first["contact"]["contactId"].as_str().unwrap().to_owned();
    let path = format!("/Contacts/u1/contact/{id}");
    contributor.patch(&path, json!({"company": "Contoso"})).await.expect(200);
    let replay = contributor.post_with_key("/AddContact", "k", grace()).await;
    assert!(is_replay(&replay));
    assert_eq!(replay.expect(201)["contact"]["company"], "Contoso");
    contributor.delete(&path).await.expect(200);
    let replay = contributor.post_with_key("/AddContact", "k", grace()).await;
    let ids = json!({
        "success": true, "enterpriseId": "acme", "userId": "u1", "contactId": id, "replayed": true
    });
    assert_eq!((replay.status, untimed(&replay)), (201, ids));
    assert_eq!(app.store.contacts_of_acme(), 2, "nothing was added again");
}

#[tokio::test]
async fn small_requests_with_keys_do_not_grow_the_database() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    // A hundred contacts as large as they may be, so that each answer is large.
    let notes = "n".repeat(10_000);
    for _ in 0..100 {
        let contact = json!({"userId": "u1", "contactInfo": {"name": "Large", "notes": notes}});
        contributor.post("/saveContact", contact).await.expect(200);
    }
    let before = app.store.database_bytes();
    for request in 0..40 {
        contributor.post_with_key("/AddContact", &format!("k{request}"), grace()).await.expect(201);
    }
    let grown = app.store.database_bytes() - before;
    assert!(grown < 1 << 20, "40 small requests grew the database by {grown} bytes");
}

#[tokio::test]
async fn a_token_keeps_so_many_keys_and_the_oldest_give_way() {
    let app = TestApp::start_with(|config| config.http.idempotency_rows_max = 100).await;
    let (contributor, other) = (app.client(Role::Contributor).await, app.client(Role::Contributor).await);
    other.post_with_key("/saveContact", "k0", grace()).await.expect(200);
    for request in 0..101 {
        contributor.post_with_key("/saveContact", &format!("k{request}"), grace()).await.expect(200);
    }
    assert!(is_replay(&contributor.post_with_key("/saveContact", "k1", grace()).await));
    assert!(!is_replay(&contributor.post_with_key("/saveContact", "k0", grace()).await), "it was the oldest");
    assert!(is_replay(&other.post_with_key("/saveContact", "k0", grace()).await), "another token has its own");
}

//! The address of a client, behind a trusted proxy and without one.

use muster::config::Network;
use muster::domain::access::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::{Client, Reply, TestApp, TestSettings};

/// All clients of these tests connect from this machine, as a proxy on it would.
fn behind_a_proxy(settings: &mut TestSettings) {
    settings.server.trusted_proxy = vec![Network::parse("127.0.0.0/8").unwrap()];
    settings.http.sign_in_failures_max = 2;
}

/// Signs in with a token and these values of `X-Forwarded-For`.
async fn sign_in(client: &Client, token: &str, forwarded_for: &[&str]) -> Reply {
    let request = client.request(Method::POST, "/session").json(&json!({"token": token}));
    Reply::to(forwarded_for.iter().fold(request, |request, line| request.header("x-forwarded-for", *line))).await
}

#[tokio::test]
async fn clients_of_one_proxy_are_rate_limited_separately() {
    let app = TestApp::start_with(behind_a_proxy).await;
    let anonymous = app.anonymous();
    for guess in ["guess-1", "guess-2"] {
        sign_in(&anonymous, guess, &["203.0.113.9"]).await.problem(401);
    }
    sign_in(&anonymous, "guess-3", &["203.0.113.9"]).await.problem(429);
    sign_in(&anonymous, "guess-4", &["198.51.100.1, 203.0.113.9"]).await.problem(429);
    sign_in(&anonymous, "guess-5", &["198.51.100.1", "203.0.113.9:4711"]).await.problem(429);
    sign_in(&anonymous, "guess-6", &["203.0.113.10"]).await.problem(401);
    let wrong = anonymous.with_token("guess-7").request(Method::GET, "/enterprise");
    Reply::to(wrong.header("x-forwarded-for", "203.0.113.9")).await.problem(429);
}

#[tokio::test]
async fn forged_forwarded_addresses_do_not_evade_the_rate_limit() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 2).await;
    let anonymous = app.anonymous();
    for guess in ["guess-1", "guess-2"] {
        sign_in(&anonymous, guess, &[&format!("203.0.113.{}", guess.len())]).await.problem(401);
    }
    sign_in(&anonymous, "guess-3", &["203.0.113.77"]).await.problem(429);
}

#[tokio::test]
async fn sessions_and_the_audit_log_name_the_client_and_not_the_proxy() {
    let app = TestApp::start_with(behind_a_proxy).await;
    let admin = app.client(Role::Admin).await;
    sign_in(&admin, admin.token(), &["203.0.113.9", "::ffff:127.0.0.3"]).await.expect(200);
    let request = admin.request(Method::POST, "/tokens").header("x-forwarded-for", "[2001:db8::7]:4711");
    Reply::to(request.json(&json!({"role": "viewer", "name": "x"}))).await.expect(201);
    let sessions = admin.get("/sessions").await.expect(200);
    assert_eq!(sessions["sessions"][0]["address"], "203.0.113.9", "{sessions}");
    let audit = admin.get("/audit").await.expect(200);
    let addresses: Vec<_> = audit["audit"].as_array().unwrap().iter().map(|entry| &entry["address"]).collect();
    assert!(addresses.contains(&&json!("203.0.113.9")) && addresses.contains(&&json!("2001:db8::7")), "{audit}");
}

#[tokio::test]
async fn a_forwarded_header_of_an_untrusted_client_is_ignored() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    sign_in(&admin, admin.token(), &["203.0.113.9"]).await.expect(200);
    let sessions = admin.get("/sessions").await.expect(200);
    assert_eq!(sessions["sessions"][0]["address"], "127.0.0.1", "{sessions}");
    assert!(!admin.get("/audit").await.text().contains("203.0.113.9"));
}

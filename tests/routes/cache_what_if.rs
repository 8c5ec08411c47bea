//! `GET /cache/analytics/what-if`: the hit ratio by other settings.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, at};

async fn start() -> (TestApp, Client, Clock) {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let admin = app.client(Role::Admin).await;
    (app, admin, clock)
}

async fn what_if(client: &Client, query: &str) -> Value {
    client.get(&format!("/cache/analytics/what-if{query}")).await.expect(200)
}

/// The points of an answer, each as the value of the setting and hits among so many requests.
fn points(body: &Value, setting: &str, requests: f64) -> Vec<(Value, f64)> {
    let points = body["points"].as_array().unwrap().iter();
    points.map(|point| (point[setting].clone(), (point["hitRatio"].as_f64().unwrap() * requests).round())).collect()
}

#[tokio::test]
async fn each_ttl_has_the_hits_that_it_would_have_had() {
    let (app, admin, clock) = start().await;
    for _ in 0..13 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        clock.advance(Duration::from_mins(11));
    }
    let hits = app.summaries.cache().stats().hits;
    let body = what_if(&admin, "?kind=enterprise").await;
    let expected = [
        ("1m", 0.0),
        ("5m", 0.0),
        ("15m", 6.0),
        ("30m", 8.0),
        ("1h", 10.0),
        ("2h", 11.0),
        ("4h", 12.0),
        ("8h", 12.0),
        ("1day", 12.0),
    ];
    assert_eq!(points(&body, "ttl", 13.0), expected.map(|(ttl, hits)| (json!(ttl), hits)));
    assert_eq!((&body["points"][1]["ttlMillis"], &body["current"]["ttl"]), (&json!(300_000), &json!("1h")));
    assert_eq!((&body["current"], hits), (&body["points"][4], 10), "and it had those that the set one has");
    assert_eq!((&body["by"], &body["kind"]), (&json!("ttl"), &json!("enterprise")));
    assert_eq!(
        (&body["accesses"], &body["sampledAccesses"], &body["sampledKeys"]),
        (&json!(13), &json!(13), &json!(1))
    );
    assert_eq!((&body["samplingRate"], &body["spanSeconds"]), (&json!(1.0), &json!(13 * 11 * 60)));
    // The TTL of departments changes nothing of that.
    for (_, hits) in points(&what_if(&admin, "?kind=department").await, "ttl", 13.0) {
        assert!((hits - 10.0).abs() < f64::EPSILON, "{hits}");
    }
}

#[tokio::test]
async fn the_configured_value_is_among_those_that_are_tried() {
    let (_app, admin, clock) = start().await;
    for _ in 0..4 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        clock.advance(Duration::from_mins(44));
    }
    let current = async || what_if(&admin, "?kind=enterprise").await["current"].clone();
    assert_eq!(current().await, json!({"ttl": "1h", "ttlMillis": 3_600_000, "hitRatio": 0.5}));
    // A change is followed at once, although answers are kept for some seconds.
    admin.put("/cache/config", json!({"ttlSettings": {"enterprise": "43m"}})).await.expect(200);
    assert_eq!(current().await, json!({"ttl": "43m", "ttlMillis": 2_580_000, "hitRatio": 0.0}));
    let body = what_if(&admin, "?kind=enterprise").await;
    let ttls: Vec<&str> =
        body["points"].as_array().unwrap().iter().map(|point| point["ttl"].as_str().unwrap()).collect();
    assert_eq!(ttls, ["1m", "5m", "15m", "30m", "43m", "1h", "2h", "4h", "8h", "1day"]);
}

#[tokio::test]
async fn sizes_can_be_tried_too() {
    let (_app, admin, _clock) = start().await;
    for _ in 0..4 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    }
    let body = what_if(&admin, "?by=maxCacheSize").await;
    let sizes: Vec<u64> =
        body["points"].as_array().unwrap().iter().map(|point| point["maxCacheSize"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]);
    assert_eq!((&body["by"], &body["kind"]), (&json!("maxCacheSize"), &Value::Null));
    assert_eq!(body["current"], json!({"maxCacheSize": 1_000, "hitRatio": 0.75}));
}

#[tokio::test]
async fn so_can_bounds_of_all_bytes() {
    const ENTRIES: usize = 60;
    let (app, admin, clock) = start().await;
    let ids: Vec<String> = (0..ENTRIES).map(|number| format!("e{number}")).collect();
    for id in &ids {
        admin.post("/enterprise", json!({"id": id, "name": id})).await.expect(201);
    }
    // In turn, so that a cache that holds all but one has no hit at all; what happens within a second has no order.
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        for id in &ids {
            admin.get(&format!("/enterprise/{id}/contacts/summary")).await.expect(200);
        }
    }
    let bytes = app.summaries.cache().entry_totals().bytes;
    let hits = app.summaries.cache().stats().hits;
    let body = what_if(&admin, "?by=maxCacheBytes").await;
    assert_eq!((&body["by"], &body["kind"], hits), (&json!("maxCacheBytes"), &Value::Null, 120));
    assert_eq!(body["current"], json!({"maxCacheBytes": 67_108_864, "hitRatio": 120.0 / 180.0}));
    assert!((64 << 10..256 << 10).contains(&bytes), "the two smallest bounds lie on both sides: {bytes}");
    let told = points(&body, "maxCacheBytes", 180.0);
    assert_eq!(told[..3], [(json!(64 << 10), 0.0), (json!(256 << 10), 120.0), (json!(1 << 20), 120.0)]);
    assert_eq!(told.len(), 12);
    // And so it is.
    admin.put("/cache/config", json!({"maxCacheBytes": 64 << 10})).await.expect(200);
    let before = app.summaries.cache().stats().hits;
    for id in &ids {
        admin.get(&format!("/enterprise/{id}/contacts/summary")).await.expect(200);
    }
    assert_eq!(app.summaries.cache().stats().hits, before);
}

#[tokio::test]
async fn without_a_request_there_is_nothing_to_predict_from() {
    let (_app, admin, _clock) = start().await;
    let kinds = ["", "?kind=enterprise", "?kind=department", "?kind=default", "?kind=details"];
    for query in kinds.into_iter().chain(["?by=maxCacheSize", "?by=maxCacheBytes"]) {
        let body = what_if(&admin, query).await;
        assert!(body["points"].as_array().unwrap().iter().all(|point| point["hitRatio"].is_null()), "{body}");
        assert_eq!((&body["current"]["hitRatio"], &body["accesses"]), (&Value::Null, &json!(0)), "{query}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_some_seconds() {
    let (_app, admin, clock) = start().await;
    let accesses = async || what_if(&admin, "").await["accesses"].clone();
    assert_eq!(accesses().await, 0);
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    assert_eq!(accesses().await, 0, "the same answer");
    clock.advance(Duration::from_secs(5));
    let answers = futures_util::future::join_all((0..16).map(|_| accesses())).await;
    assert!(answers.iter().all(|accesses| accesses == 1), "{answers:?}");
}

#[tokio::test]
async fn wrong_questions_are_refused_by_name() {
    let (_app, admin, _clock) = start().await;
    let check = async |query: &str, expected: &str| {
        assert_eq!(admin.get(&format!("/cache/analytics/what-if{query}")).await.problem(400), expected);
    };
    let kinds = r#"kind: must be one of "enterprise", "department", "default", "details""#;
    check("?kind=employee", kinds).await;
    check("?by=ttl&kind=", kinds).await;
    check("?by=entries", r#"by: must be one of "ttl", "maxCacheSize", "maxCacheBytes""#).await;
}

//! Cache statistics and clearing the cache, over HTTP.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::Role;
use muster::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, at};

const ACME: &str = "/enterprise/acme/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";
const LAB: &str = "/enterprise/acme/departments/lab/contacts/summary";
const GLOBEX: &str = "/enterprise/globex/contacts/summary";

async fn stats(client: &Client) -> Value {
    client.get("/cache/stats").await.expect(200)["cache"].clone()
}

/// The cache's entries in the audit log: action, target and the state after.
fn acts(app: &TestApp) -> Vec<(String, String, Value)> {
    let connection = app.store.directory().raw_reader();
    let mut statement =
        connection.prepare("SELECT action, target, after FROM audit WHERE action LIKE 'cache.%' ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)));
    rows.unwrap()
        .map(Result::unwrap)
        .map(|(action, target, after)| (action, target, serde_json::from_str(&after).unwrap()))
        .collect()
}

#[tokio::test]
async fn the_stats_of_an_unused_cache_are_zero() {
    let app = TestApp::start_at(Clock::manual(at("2026-11-22T08:00:00Z")), |_| {}).await;
    let viewer = app.client(Role::Viewer).await;
    let mut cache = stats(&viewer).await;
    let memory = cache["memoryUsage"].take();
    let rss = memory["rssBytes"].as_u64().unwrap();
    assert!(rss > 1024 * 1024, "{rss}");
    #[expect(clippy::cast_precision_loss, reason = "two digits after the point are shown")]
    let megabytes = format!("{:.2}MB", rss as f64 / 1_048_576.0);
    assert_eq!(
        memory,
        json!({
            "heapUsed": "0.00MB", "heapTotal": "64.00MB", "external": megabytes, "rss": megabytes,
            "cacheBytes": 0, "maxCacheBytes": 67_108_864, "rssBytes": rss
        })
    );
    // The test data was written before anything was cached, so it invalidated nothing.
    let none = json!({"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0});
    assert_eq!(
        cache,
        json!({
            "totalEntries": 0, "warmingFlags": 0, "maxCacheSize": 1_000, "hitCount": 0, "missCount": 0,
            "hitRate": "0%", "cacheEfficiency": "0%", "avgCacheAge": "0.00s", "entriesExpiringSoon": 0,
            "memoryUsage": null, "lastCleanup": "Never", "uptime": 0, "timestamp": "2026-11-22T08:00:00.000Z",
            "hitRatio": 0.0, "coalesced": 0, "revalidated": 0, "stale": 0, "loads": 0, "loadFailures": 0,
            "removals": {"expired": 0, "replaced": 0, "size": 0, "bytes": 0, "invalidated": 0, "cleared": 0},
            "hitMicros": none, "loadMicros": none
        })
    );
}

#[tokio::test]
async fn cache_stats_count_hits_misses_loads_and_removals() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let contributor = app.client(Role::Contributor).await;
    for path in [ACME, SALES] {
        contributor.get(path).await.expect(200);
    }
    for _ in 0..39 {
        contributor.get(ACME).await.expect(200);
    }
    clock.advance(Duration::from_secs(12));
    app.summaries.cache().sweep();
    let cache = stats(&contributor).await;
    let check = |field: &str, expected: Value| assert_eq!(cache[field], expected, "{field}: {cache:#}");
    check("totalEntries", json!(2));
    check("hitCount", json!(39));
    check("missCount", json!(2));
    check("hitRate", json!("95.12%"));
    check("cacheEfficiency", json!("95.1%"));
    check("avgCacheAge", json!("12.00s"));
    check("entriesExpiringSoon", json!(0));
    check("lastCleanup", json!("2026-11-22T08:00:12.000Z"));
    check("uptime", json!(12));
    assert!((cache["hitRatio"].as_f64().unwrap() - 39.0 / 41.0).abs() < 1e-12, "{cache:#}");
    check("loads", json!(2));
    let bytes = cache["memoryUsage"]["cacheBytes"].as_u64().unwrap();
    assert!((1_000..1_000_000).contains(&bytes), "{bytes}");

    // The TTL of department summaries is 30 minutes: after 26 minutes one of the two entries expires soon.
    clock.advance(Duration::from_mins(26));
    assert_eq!(stats(&contributor).await["entriesExpiringSoon"], 1);
    let body = json!({"userId": "u1", "contactInfo": {"name": "Grace"}});
    contributor.post("/saveContact", body).await.expect(200);
    let cache = stats(&contributor).await;
    assert_eq!((&cache["totalEntries"], &cache["removals"]["invalidated"]), (&json!(0), &json!(2)));
    assert_eq!(cache["avgCacheAge"], "0.00s");
    assert!(cache["lastCleanup"].as_str().and_then(Timestamp::parse).is_some());
}

#[tokio::test]
async fn a_clear_returns_how_many_entries_it_removed_and_is_audited() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let fill = async || {
        for path in [ACME, SALES, LAB, GLOBEX] {
            admin.get(path).await.expect(200);
        }
    };
    let cached = async |path: &str| admin.get(path).await.expect(200)["cached"].clone();

    fill().await;
    let body = admin.delete("/cache/departments/clear").await.expect(200);
    assert_eq!(
        (&body["message"], &body["invalidatedEntries"]),
        (&json!("Invalidated 2 department cache entries"), &json!(2))
    );
    assert_eq!((cached(ACME).await, cached(SALES).await), (json!(true), json!(false)));

    fill().await;
    let body = admin.delete("/cache/enterprises/acme/clear").await.expect(200);
    assert_eq!(
        (&body["message"], &body["clearedEntries"]),
        (&json!("Cleared 3 cache entries for enterprise acme"), &json!(3))
    );
    assert_eq!((cached(GLOBEX).await, cached(LAB).await), (json!(true), json!(false)));

    fill().await;
    let body = admin.delete("/cache/clear").await.expect(200);
    assert_eq!((&body["message"], &body["clearedEntries"]), (&json!("Cleared 4 cache entries"), &json!(4)));
    let again = admin.delete("/api/cache/clear").await.expect(200);
    assert_eq!((&again["message"], &again["clearedEntries"]), (&json!("Cleared 0 cache entries"), &json!(0)));
    assert_eq!(cached(GLOBEX).await, false);
    assert_eq!(stats(&admin).await["removals"]["cleared"], 9);

    let whole = |action: &str, after: Value| (action.to_owned(), "cache".to_owned(), after);
    assert_eq!(
        acts(&app),
        [
            whole("cache.clear-departments", json!({"invalidatedEntries": 2})),
            ("cache.clear-enterprise".to_owned(), "acme".to_owned(), json!({"clearedEntries": 3})),
            whole("cache.clear", json!({"clearedEntries": 4})),
            whole("cache.clear", json!({"clearedEntries": 0})),
        ]
    );
}

#[tokio::test]
async fn clearing_an_unknown_enterprise_answers_404() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    // It exists, without cached entries.
    assert_eq!(admin.delete("/cache/enterprises/globex/clear").await.expect(200)["clearedEntries"], 0);
    admin.delete("/enterprise/globex").await.expect(200);
    for id in ["globex", "nowhere", "a%20b"] {
        let reply = admin.delete(&format!("/cache/enterprises/{id}/clear")).await;
        assert_eq!(reply.problem(404), "Enterprise not found", "{id}");
    }
}

#[tokio::test]
async fn a_clear_succeeds_when_its_audit_entry_cannot_be_written() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get(ACME).await.expect(200);
    // Simulates a full disk: every insert into the audit log fails.
    let full = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END";
    app.store.directory().raw_writer().execute_batch(full).unwrap();
    let body = admin.delete("/cache/clear").await.expect(200);
    assert_eq!(body["clearedEntries"], 1);
    assert_eq!(admin.get(ACME).await.expect(200)["cached"], false);
    admin.delete("/cache/entries/enterprise:acme:contacts").await.expect(200);
    let warmed = admin.post("/cache/warm", json!({"enterpriseIds": ["acme"]})).await.expect(200);
    assert_eq!(warmed["results"][0]["status"], "warmed");
    assert_eq!(acts(&app), []);
}

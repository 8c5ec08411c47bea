//! `GET /cache/analytics`: exact counts per window, kept across restarts.

use std::time::{Duration, Instant};

use muster::clock::Clock;
use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, at};

const ACME: &str = "/enterprise/acme/contacts/summary";
const GLOBEX: &str = "/enterprise/globex/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";
const WINDOWS: [(&str, u64, usize); 4] = [("1h", 60, 60), ("24h", 600, 144), ("7d", 3_600, 168), ("30d", 14_400, 180)];

const COUNTERS: [&str; 8] =
    ["hits", "misses", "coalesced", "revalidated", "stale", "loads", "loadFailures", "massInvalidations"];
const CAUSES: [&str; 6] = ["expired", "replaced", "size", "bytes", "invalidated", "cleared"];

/// A server with a manual clock, 30 seconds into a minute.
async fn start() -> (TestApp, Client, Clock) {
    let clock = Clock::manual(at("2026-11-22T08:00:30Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let admin = app.client(Role::Admin).await;
    (app, admin, clock)
}

/// Asserts that the body has these fields with these values.
#[track_caller]
fn assert_has(body: &Value, fields: &Value) {
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&body[name], value, "{name}");
    }
}

async fn analytics(client: &Client, window: &str) -> Value {
    client.get(&format!("/cache/analytics?window={window}")).await.expect(200)["analytics"].take()
}

/// The 99th percentile of histogram buckets as clients compute it, and the number of durations.
fn durations(buckets: &Value) -> (Option<f64>, u64) {
    let pairs = buckets.as_array().unwrap().iter().map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_u64().unwrap()));
    let pairs: Vec<(f64, u64)> = pairs.collect();
    assert!(pairs.is_sorted(), "by rising duration: {pairs:?}");
    let all = pairs.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let p99 = pairs.iter().find(|(_, count)| {
        seen += count;
        seen * 100 >= all * 99
    });
    (p99.map(|(end, _)| *end), all)
}

/// The counters of an answer's totals or of a point of its series, in the order of [`COUNTERS`] and [`CAUSES`].
fn counted(body: &Value, totals: &Value) -> Vec<u64> {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} in {body}"));
    let counters = COUNTERS.iter().map(|name| number(&totals[name]));
    counters.chain(CAUSES.iter().map(|name| number(&body["removals"][name]))).collect()
}

/// The totals of a window; asserts that they are the sums of its series.
fn totals(body: &Value) -> Vec<u64> {
    let totals = counted(body, &body["totals"]);
    let mut sums = vec![0; totals.len()];
    for point in body["series"].as_array().unwrap() {
        sums.iter_mut().zip(counted(point, point)).for_each(|(sum, number)| *sum += number);
    }
    assert_eq!(sums, totals, "{body}");
    totals
}

/// The same counters as the cache itself has them since the start.
fn since_start(app: &TestApp) -> Vec<u64> {
    let stats = app.summaries.cache().stats();
    let (removals, all) = (&stats.removals, &stats);
    vec![
        all.hits,
        all.misses,
        all.coalesced,
        all.revalidated,
        all.stale,
        all.loads,
        all.load_failures,
        all.mass_invalidations,
        removals.expired,
        removals.replaced,
        removals.size,
        removals.bytes,
        removals.invalidated,
        removals.cleared,
    ]
}

/// Requests with known counts: four hits, six misses, five loads; a write invalidates two entries, and a clear removes
/// three.
async fn script(app: &TestApp, admin: &Client) {
    for path in [ACME, SALES, GLOBEX, ACME, GLOBEX] {
        admin.get(path).await.expect(200);
    }
    let contact = json!({"userId": "u1", "contactInfo": {"name": "Anita"}});
    admin.post("/saveContact", contact).await.expect(200);
    let reply = admin.get(ACME).await;
    let etag = reply.headers["etag"].clone();
    for path in [ACME, GLOBEX] {
        admin.get(path).await.expect(200);
    }
    admin.get(SALES).await.expect(200);
    app.summaries.cache().clear();
    let request = admin.request(reqwest::Method::GET, ACME).header("if-none-match", etag);
    assert_eq!(crate::support::Reply::to(request).await.status, 304);
}

/// What [`script`] counts: hits, misses, coalesced, revalidated, stale, loads, loadFailures, massInvalidations; expired,
/// replaced, size, bytes, invalidated, cleared.
const SCRIPT: [u64; 14] = [4, 6, 0, 1, 0, 5, 0, 1, 0, 0, 0, 0, 2, 3];

fn times(factor: u64) -> Vec<u64> {
    SCRIPT.iter().map(|number| number * factor).collect()
}

#[tokio::test]
async fn a_scripted_sequence_gives_exactly_the_predicted_numbers_in_every_window() {
    let (app, admin, clock) = start().await;
    for round in 1..=3 {
        script(&app, &admin).await;
        assert_eq!(since_start(&app), times(round));
        for (window, ..) in WINDOWS {
            let body = analytics(&admin, window).await;
            assert_eq!(totals(&body), times(round), "{window}");
            assert_eq!(body["totals"]["hitRatio"], 0.4, "{window}");
            assert_eq!(body["hitRate"], "40.00%", "{window}");
        }
        clock.advance(Duration::from_mins(7));
        // With a manual clock, reading the analytics closes the minute, which a timer does otherwise.
        analytics(&admin, "1h").await;
    }
    let body = analytics(&admin, "1h").await;
    let by_minute = body["series"].as_array().unwrap().iter().map(|point| point["misses"].as_u64().unwrap());
    let busy: Vec<(usize, u64)> = by_minute.enumerate().filter(|(_, misses)| *misses > 0).collect();
    assert_eq!(busy, [(38, 6), (45, 6), (52, 6)]);
    assert_eq!(body["series"][45]["start"], "2026-11-22T08:07:00.000Z");
}

#[tokio::test]
async fn the_analytics_have_every_field_that_clients_read() {
    let (_app, admin, clock) = start().await;
    for _ in 0..3 {
        admin.get(ACME).await.expect(200);
    }
    admin.get(SALES).await.expect(200);
    clock.advance(Duration::from_secs(72));
    let body = analytics(&admin, "1h").await;
    let now = "2026-11-22T08:01:42.000Z";
    assert_has(
        &body,
        &json!({
            "totalEntries": 2, "hitRate": "50.00%", "hitRatio": 0.5,
            "mostAccessedEntries": [
                {"key": "enterprise:acme:contacts", "accessCount": 2, "age": "1.2 minutes"},
                {"key": "enterprise:acme:department:sales:contacts", "accessCount": 0, "age": "1.2 minutes"},
            ],
            "ttlDistribution": {"expiringSoon": 0, "expiring1Hour": 2, "expiringLater": 0},
            "avgAccessCount": "1.00", "timestamp": now,
        }),
    );
    assert_eq!((&body["window"], &body["since"]), (&json!("1h"), &json!("2026-11-22T07:02:00.000Z")));
    assert_eq!((&body["stepSeconds"], &body["timestamp"]), (&json!(60), &json!(now)));
    let targets: Vec<Vec<&Value>> = body["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| ["name", "target", "unit", "met"].map(|field| &target[field]).to_vec())
        .collect();
    assert_eq!(
        json!(targets),
        json!([
            ["hitRate", "> 80%", "ratio", false],
            ["hitMillis", "< 100 ms", "ms", true],
            ["memoryBytes", "< 100 MB", "bytes", true],
            ["invalidationsPerHour", "< 5 per hour", "per hour", true],
        ])
    );
    assert_eq!(body["targets"][0]["value"], 0.5);
    assert_eq!(body["targets"][2]["value"].as_f64(), body["series"][59]["bytes"].as_f64());
    assert_eq!(
        body["invalidations"],
        json!({"byWrites": 0, "byWritesPerHour": 0.0, "mass": 0, "massPerHour": 0.0, "hours": 1.0})
    );
    for latency in [&body["hitMicros"], &body["loadMicros"], &body["series"][58]["hitMicros"]] {
        assert!(["p50", "p90", "p99", "max"].iter().all(|part| latency[part].is_number()), "{latency}");
    }
    let quiet = &body["series"][59];
    assert_eq!(quiet["hitMicros"], json!({"p50": null, "p90": null, "p99": null, "max": null}));
    assert_eq!((&quiet["hitRatio"], &quiet["hits"], &quiet["entries"]), (&Value::Null, &json!(0), &json!(2)));
    let counts = ["hits", "loads", "runningHits", "runningLoads"].map(|of| durations(&body["buckets"][of]).1);
    assert_eq!(counts, [2, 2, 0, 0], "all of it, and the minute that still runs");
    let (p99, _) = durations(&body["buckets"]["hits"]);
    assert_eq!(body["hitMicros"]["p99"].as_f64(), p99, "a percentile is the end of a bucket");
    assert!(body["savedMillis"].is_number() && quiet["savedMillis"] == 0.0, "{body}");
}

#[tokio::test]
async fn targets_come_from_the_configuration() {
    let (_app, admin, _clock) = start().await;
    for _ in 0..2 {
        admin.get(ACME).await.expect(200);
    }
    let met = async || {
        let body = analytics(&admin, "1h").await;
        let text_and_met = |target: &Value| (target["target"].as_str().unwrap().to_owned(), target["met"].clone());
        body["targets"].as_array().unwrap().iter().map(text_and_met).collect::<Vec<_>>()
    };
    assert_eq!(met().await[0], ("> 80%".to_owned(), json!(false)));
    let targets =
        json!({"hitRate": 0.495, "hitMillis": 5_000.5, "memoryBytes": 1_048_576, "invalidationsPerHour": 0.5});
    admin.put("/cache/config", json!({"targets": targets})).await.expect(200);
    let expected = ["> 49.5%", "< 5000.5 ms", "< 1 MB", "< 0.5 per hour"];
    assert_eq!(met().await, expected.map(|target| (target.to_owned(), json!(true))));
}

#[tokio::test]
async fn before_the_first_request_hit_ratio_and_latency_are_null() {
    let (_app, admin, _clock) = start().await;
    let body = admin.get("/cache/analytics").await.expect(200)["analytics"].take();
    assert_eq!(body["window"], "1h", "unless another is asked for");
    let expected = json!({
        "totalEntries": 0, "hitRate": "0%", "hitRatio": null, "mostAccessedEntries": [],
        "ttlDistribution": {"expiringSoon": 0, "expiring1Hour": 0, "expiringLater": 0}, "avgAccessCount": "0.00",
        "timestamp": "2026-11-22T08:00:30.000Z",
    });
    assert_has(&body, &expected);
    let met: Vec<&Value> = body["targets"].as_array().unwrap().iter().map(|target| &target["met"]).collect();
    assert_eq!(json!(met), json!([null, null, true, true]));
    assert_eq!(body["targets"][0]["value"], Value::Null);
    assert_eq!(body["series"][0]["entries"], Value::Null, "nobody looked then");
    assert_eq!(body["series"][59]["entries"], 0);
}

#[tokio::test]
async fn every_window_has_its_steps_without_gaps() {
    let (app, admin, _clock) = start().await;
    script(&app, &admin).await;
    for (window, step_seconds, points) in WINDOWS {
        let body = analytics(&admin, window).await;
        assert_eq!((&body["window"], &body["stepSeconds"]), (&json!(window), &json!(step_seconds)));
        let starts: Vec<i64> = body["series"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| at(point["start"].as_str().unwrap()).millis())
            .collect();
        assert_eq!((starts.len(), &body["since"]), (points, &body["series"][0]["start"]), "{window}");
        let step_millis = i64::try_from(step_seconds * 1_000).unwrap();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == step_millis), "{window}: {starts:?}");
        let now = at("2026-11-22T08:00:30Z").millis();
        assert!((now - step_millis + 1..=now).contains(starts.last().unwrap()), "{window}: the last one runs");
    }
}

#[tokio::test]
async fn windows_survive_a_restart() {
    let (app, admin, clock) = start().await;
    script(&app, &admin).await;
    let before = analytics(&admin, "24h").await;
    let app = app.restart();
    let admin = app.anonymous().with_token(admin.token());
    for (window, ..) in WINDOWS {
        assert_eq!(totals(&analytics(&admin, window).await), times(1), "{window}");
    }
    let after = analytics(&admin, "24h").await;
    for same in ["totals", "removals", "hitMicros", "loadMicros", "savedMillis", "invalidations"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!((&after["hitRate"], since_start(&app)), (&json!("0%"), vec![0; 14]), "since the start");
    // The current minute continues, and another one follows.
    script(&app, &admin).await;
    clock.advance(Duration::from_mins(1));
    script(&app, &admin).await;
    let app = app.restart();
    let admin = app.anonymous().with_token(admin.token());
    for (window, ..) in WINDOWS {
        assert_eq!(totals(&analytics(&admin, window).await), times(3), "{window}");
    }
    clock.advance(Duration::from_hours(2));
    assert_eq!(totals(&analytics(&admin, "1h").await), times(0));
    assert_eq!(totals(&analytics(&admin, "24h").await), times(3));
    clock.advance(Duration::from_hours(24 * 8));
    assert_eq!(totals(&analytics(&admin, "7d").await), times(0));
    assert_eq!(totals(&analytics(&admin, "30d").await), times(3));
}

#[tokio::test]
async fn the_sample_of_a_minute_is_stored_when_the_minute_ends() {
    let clock = Clock::manual(at("2026-11-22T08:00:59.990Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let admin = app.client(Role::Admin).await;
    script(&app, &admin).await;
    let revision = app.store.counter();
    clock.advance(Duration::from_millis(20));
    let rows = app.store.directory().raw_reader();
    let written =
        || rows.query_row("SELECT json_extract(counters, '$.misses') FROM cache_sample", [], |row| row.get(0));
    let begun = Instant::now();
    while written() != Ok(6_u64) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", written());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(app.store.counter(), revision, "no summary changed");
}

#[tokio::test]
async fn an_invalid_window_is_refused_with_the_field_name() {
    let (_app, admin, _clock) = start().await;
    for wrong in ["2h", "", "1H", "60m", "1h&window=7d"] {
        let message = admin.get(&format!("/cache/analytics?window={wrong}")).await.problem(400);
        assert!(message.starts_with("window: "), "{wrong}: {message}");
    }
    let message = admin.get("/cache/analytics?window=5h").await.problem(400);
    assert_eq!(message, r#"window: must be one of "1h", "24h", "7d", "30d""#);
}

#[tokio::test]
async fn analytics_require_a_token_for_the_whole_installation() {
    let (app, _admin, _clock) = start().await;
    for path in ["/cache/analytics", "/api/cache/analytics?window=7d", "/cache/analytics/what-if"] {
        app.client(Role::Viewer).await.get(path).await.expect(200);
        app.enterprise_client(Role::Admin, "acme").await.get(path).await.problem(403);
        app.anonymous().get(path).await.problem(401);
    }
}

#[tokio::test]
async fn analytics_are_compressed_when_the_client_accepts_gzip() {
    let (_app, admin, _clock) = start().await;
    admin.get(ACME).await.expect(200);
    let path = "/cache/analytics?window=30d";
    let plain = admin.get(path).await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let request = admin.request(reqwest::Method::GET, path).header("accept-encoding", "br, gzip");
    let packed = crate::support::Reply::to(request).await;
    assert_eq!(
        (&packed.headers["content-encoding"], &packed.headers["vary"]),
        (&"gzip".parse().unwrap(), &"Accept-Encoding".parse().unwrap())
    );
    assert!(packed.body.len() * 8 < plain.body.len(), "{} of {}", packed.body.len(), plain.body.len());
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed.body), &mut unpacked).unwrap();
    let unpacked: Value = serde_json::from_str(&unpacked).unwrap();
    let plain = &plain.expect(200)["analytics"];
    for same in ["totals", "removals", "buckets", "since", "targets"] {
        assert_eq!(unpacked["analytics"][same], plain[same], "{same}");
    }
    assert_eq!(unpacked["analytics"]["series"].as_array().unwrap().len(), 180);
}

//! `GET /metrics`, in the `OpenMetrics` text format.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use muster::cache::Stats;
use muster::config::StoreSettings;
use muster::domain::access::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::{Client, Exposition, Reply, TestApp, WireClient, enterprise, name, series, tool};

/// Every metric, with its type.
const FAMILIES: [(&str, &str); 46] = [
    ("muster_backup_failing", "gauge"),
    ("muster_backup_failures", "counter"),
    ("muster_backup_interval_seconds", "gauge"),
    ("muster_backup_last_duration_seconds", "gauge"),
    ("muster_backup_last_size_bytes", "gauge"),
    ("muster_backup_last_success_timestamp_seconds", "gauge"),
    ("muster_backup_running", "gauge"),
    ("muster_backups", "counter"),
    ("muster_build", "info"),
    ("muster_cache_coalesced", "counter"),
    ("muster_cache_entries", "gauge"),
    ("muster_cache_entries_max", "gauge"),
    ("muster_cache_hit_duration_seconds", "histogram"),
    ("muster_cache_hits", "counter"),
    ("muster_cache_load_duration_seconds", "histogram"),
    ("muster_cache_load_failures", "counter"),
    ("muster_cache_loads", "counter"),
    ("muster_cache_loads_in_flight", "gauge"),
    ("muster_cache_mass_invalidations", "counter"),
    ("muster_cache_misses", "counter"),
    ("muster_cache_removals", "counter"),
    ("muster_cache_revalidated", "counter"),
    ("muster_cache_saved_seconds", "counter"),
    ("muster_cache_size_bytes", "gauge"),
    ("muster_cache_size_max_bytes", "gauge"),
    ("muster_cache_stale", "counter"),
    ("muster_database_size_bytes", "gauge"),
    ("muster_database_trouble", "gauge"),
    ("muster_http_connections", "gauge"),
    ("muster_http_connections_max", "gauge"),
    ("muster_http_request_duration_seconds", "histogram"),
    ("muster_http_requests", "counter"),
    ("muster_http_shed", "counter"),
    ("muster_log_lines_lost", "counter"),
    ("muster_read_queue_reads", "gauge"),
    ("muster_read_queue_reads_max", "gauge"),
    ("muster_reads", "counter"),
    ("muster_requests_refused", "counter"),
    ("muster_wal_size_bytes", "gauge"),
    ("muster_write_group_jobs", "histogram"),
    ("muster_write_jobs", "counter"),
    ("muster_write_queue_jobs", "gauge"),
    ("muster_write_queue_jobs_max", "gauge"),
    ("muster_writes_refused", "counter"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
];

const SUMMARY: &str = "/enterprise/{enterpriseId}/contacts/summary";

async fn scrape(client: &Client) -> Exposition {
    let reply = client.get("/metrics").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Exposition::read(&reply.text())
}

async fn send(client: &Client, method: &str, path: &str) -> u16 {
    Reply::to(client.request(Method::from_bytes(method.as_bytes()).unwrap(), path)).await.status
}

/// The number of answers by route, method and status.
fn answers(scraped: &Exposition) -> BTreeMap<&str, u64> {
    scraped.starting("muster_http_requests_total")
}

#[tokio::test]
async fn every_metric_has_a_name_a_type_and_a_help() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    for path in ["/metrics", "/api/metrics"] {
        let reply = viewer.get(path).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(reply.headers["content-type"], content_type);
        let scraped = Exposition::read(&reply.text());
        let families: Vec<_> = scraped.families().iter().map(|(name, is)| (name.as_str(), is.kind.as_str())).collect();
        assert_eq!(families, FAMILIES);
        assert!(scraped.families().values().all(|family| family.help.ends_with('.')));
        let build = [("version", env!("CARGO_PKG_VERSION")), ("revision", muster::telemetry::BUILT_FROM)];
        assert_eq!(scraped.count("muster_build_info", &build), 1);
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let app = TestApp::start().await;
    let (anonymous, viewer, limited) =
        (app.anonymous(), app.client(Role::Viewer).await, app.enterprise_client(Role::Viewer, "acme").await);
    assert_eq!(answers(&scrape(&viewer).await), BTreeMap::new(), "nothing was answered before");
    let sent = [
        (&viewer, "GET", "/enterprise/acme/contacts/summary", 200),
        (&viewer, "GET", "/api/enterprise/globex/contacts/summary", 200),
        (&viewer, "HEAD", "/enterprise/acme/contacts/summary", 200),
        (&viewer, "GET", "/enterprise/nothing/contacts/summary", 404),
        (&limited, "GET", "/enterprise/globex/contacts/summary", 404),
        (&anonymous, "GET", "/enterprise/acme/contacts/summary", 401),
        (&limited, "GET", "/metrics", 403),
        (&viewer, "POST", "/enterprise", 403),
        (&viewer, "DELETE", "/enterprise/acme/contacts/summary", 405),
        (&viewer, "BREW", "/enterprise/acme/contacts/summary", 405),
        (&viewer, "TRACE", "/api/enterprise/acme/contacts/summary", 405),
        (&viewer, "GET", "/enterprise?limit=none", 400),
        (&anonymous, "GET", "/nowhere/acme", 404),
        (&anonymous, "GET", "/api", 404),
        (&anonymous, "BREW", "/nowhere", 404),
        (&anonymous, "GET", "/api/docs", 200),
        (&anonymous, "GET", "/", 200),
    ];
    for (client, method, path, status) in sent {
        assert_eq!(send(client, method, path).await, status, "{method} {path}");
    }
    let scraped = scrape(&viewer).await;
    let expected = [
        ("GET", SUMMARY, 200, 2),
        ("HEAD", SUMMARY, 200, 1),
        ("GET", SUMMARY, 404, 2),
        ("GET", SUMMARY, 401, 1),
        ("GET", "/metrics", 200, 1),
        ("GET", "/metrics", 403, 1),
        ("POST", "/enterprise", 403, 1),
        ("DELETE", SUMMARY, 405, 1),
        ("other", SUMMARY, 405, 2),
        ("GET", "/enterprise", 400, 1),
        ("GET", "(none)", 404, 2),
        ("other", "(none)", 404, 1),
        ("GET", "/docs", 200, 1),
        ("GET", "/", 200, 1),
    ];
    let expected: BTreeMap<String, u64> = expected
        .map(|(method, route, status, count)| {
            let labels = [("route", route), ("method", method), ("status", &status.to_string())];
            (series("muster_http_requests_total", &labels), count)
        })
        .into();
    let counted: BTreeMap<String, u64> =
        answers(&scraped).into_iter().map(|(series, n)| (series.to_owned(), n)).collect();
    assert_eq!(counted, expected);
    let durations = scraped.starting("muster_http_request_duration_seconds_count");
    assert_eq!(durations.values().sum::<u64>(), expected.values().sum::<u64>(), "each has its duration");
    assert_eq!(scraped.count("muster_http_request_duration_seconds_count", &[("route", SUMMARY)]), 9);
}

#[tokio::test]
async fn label_values_never_come_from_clients_or_the_database() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let ask = async |id: &str, junk: &str| {
        assert_eq!(send(&viewer, "GET", &format!("/enterprise/{id}/contacts/summary")).await, 200);
        assert_eq!(send(&viewer, "GET", &format!("/enterprise/no-{id}/contacts/summary")).await, 404);
        assert_eq!(send(&viewer, "GET", &format!("/{junk}/{id}")).await, 404);
        assert_eq!(send(&viewer, junk, "/").await, 405);
        assert_eq!(send(&viewer, junk, &format!("/{junk}?{id}")).await, 404);
    };
    ask("acme", "FIRST").await;
    scrape(&viewer).await;
    let before = scrape(&viewer).await;
    app.write(|tx| {
        for number in 0..40 {
            tx.create_enterprise(Some(enterprise(&format!("e{number}"))), &name("One of many"))?;
        }
        Ok(())
    })
    .await;
    for number in 0..40 {
        ask(&format!("e{number}"), &format!("JUNK{number}")).await;
    }
    let after = scrape(&viewer).await;
    assert_eq!(after.series(), before.series());
    for series in after.series() {
        let made_up = ["acme", "e7", "no-", "JUNK", "FIRST"].into_iter().find(|text| series.contains(text));
        assert_eq!(made_up, None, "{series}");
    }
}

#[tokio::test]
async fn a_limited_token_reads_no_metrics() {
    let app = TestApp::start().await;
    for role in [Role::Viewer, Role::Admin] {
        let message = app.enterprise_client(role, "acme").await.get("/metrics").await.problem(403);
        assert_eq!(message, "This takes a token that is not limited to one enterprise");
    }
    app.anonymous().get("/metrics").await.problem(401);
}

#[tokio::test]
async fn cache_metrics_equal_the_counters_of_the_cache() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let contributor = app.client(Role::Contributor).await;
    let agree = async || {
        let (stats, occupancy) = (app.summaries.cache().stats(), app.summaries.cache().occupancy());
        let scraped = scrape(&viewer).await;
        assert_eq!(app.summaries.cache().stats(), stats, "a scrape asks the cache for nothing that counts");
        for (name, count) in counters(&stats) {
            assert_eq!(scraped.count(&format!("muster_cache_{name}"), &[]), count, "{name}");
        }
        let removals = stats.removals;
        for (cause, count) in [
            ("expired", removals.expired),
            ("replaced", removals.replaced),
            ("size", removals.size),
            ("bytes", removals.bytes),
            ("invalidated", removals.invalidated),
            ("cleared", removals.cleared),
        ] {
            assert_eq!(scraped.count("muster_cache_removals_total", &[("cause", cause)]), count, "{cause}");
        }
        for (name, size) in [
            ("entries", occupancy.entries),
            ("entries_max", occupancy.entries_max),
            ("size_bytes", occupancy.bytes),
            ("size_max_bytes", occupancy.bytes_max),
            ("loads_in_flight", occupancy.loads),
        ] {
            assert_eq!(scraped.count(&format!("muster_cache_{name}"), &[]), size as u64, "{name}");
        }
        let saved = Duration::from_secs_f64(scraped.value("muster_cache_saved_seconds_total", &[]));
        assert_eq!(saved, stats.saved);
        stats
    };
    agree().await;
    let path = "/enterprise/acme/contacts/summary";
    let department = "/enterprise/acme/departments/sales/contacts/summary";
    for path in [path, department, path, path, "/enterprise/unknown/contacts/summary"] {
        viewer.get(path).await;
    }
    contributor.post("/saveContact", json!({"userId": "u1", "contactInfo": {"name": "Eve"}})).await.expect(200);
    let etag = viewer.get(path).await.headers["etag"].clone();
    app.summaries.cache().remove(&muster::summaries::SummaryKey::parse("enterprise:acme:contacts").unwrap());
    let again = Reply::to(viewer.request(Method::GET, path).header("if-none-match", etag)).await;
    assert_eq!(again.status, 304);
    viewer.get("/enterprise/globex/contacts/summary").await.expect(200);
    viewer.get(department).await.expect(200);
    app.summaries.cache().clear();
    let stats = agree().await;
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.revalidated), (2, 7, 6, 1));
    assert_eq!((stats.removals.invalidated, stats.removals.cleared, stats.load_failures), (2, 3, 0));
}

/// The counters that have no label, and how many durations the histograms hold.
fn counters(stats: &Stats) -> [(&'static str, u64); 11] {
    [
        ("hits_total", stats.hits),
        ("misses_total", stats.misses),
        ("coalesced_total", stats.coalesced),
        ("revalidated_total", stats.revalidated),
        ("stale_total", stats.stale),
        ("loads_total", stats.loads),
        ("load_failures_total", stats.load_failures),
        ("mass_invalidations_total", stats.mass_invalidations),
        ("hit_duration_seconds_count", stats.hits),
        ("load_duration_seconds_count", stats.load_durations.len()),
        ("load_duration_seconds_count", stats.loads),
    ]
}

#[tokio::test]
async fn writer_file_and_process_metrics_are_exported() {
    let app = TestApp::start_with(|settings| settings.server.connections_max = 77).await;
    let viewer = app.client(Role::Viewer).await;
    for number in 0..5 {
        app.write(move |tx| tx.create_enterprise(None, &name(&format!("Number {number}"))).map(drop)).await;
    }
    // The store writes while it starts, too: repeat until nothing was written during the scrape.
    let (figures, after) = loop {
        let (figures, scraped) = (app.store.figures(), scrape(&viewer).await);
        if figures == app.store.figures() {
            break (figures, scraped);
        }
    };
    assert!(figures.group_jobs.sum >= 5);
    assert_eq!(after.count("muster_write_jobs_total", &[]), figures.group_jobs.sum);
    assert_eq!(after.count("muster_write_group_jobs_sum", &[]), figures.group_jobs.sum);
    let of_one = figures.group_jobs.buckets[0].1;
    assert_eq!(after.count("muster_write_group_jobs_bucket", &[("le", "1.0")]), of_one);
    assert_eq!(after.count("muster_write_queue_jobs", &[]), 0);
    assert_eq!(after.count("muster_write_queue_jobs_max", &[]), StoreSettings::default().write_queue_max as u64);
    let size = |file: &str| std::fs::metadata(app.store.directory().path().join(file)).unwrap().len();
    assert_eq!(after.count("muster_database_size_bytes", &[]), size("muster.db"));
    assert_eq!(after.count("muster_wal_size_bytes", &[]), size("muster.db-wal"));
    let started = Duration::from_secs_f64(after.value("process_start_time_seconds", &[]));
    let now = app.store.clock().now().millis();
    assert!((now - 600_000..=now).contains(&i64::try_from(started.as_millis()).unwrap()), "{started:?} {now}");
    assert!(after.count("process_resident_memory_bytes", &[]) > 1_000_000);
    assert_eq!(after.count("muster_http_connections_max", &[]), 77);
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let (address, token) = (app.address(), viewer.token().to_owned());
    tokio::task::spawn_blocking(move || {
        let mut clients: Vec<_> = (0..3).map(|_| WireClient::new(address, &token)).collect();
        for client in &mut clients {
            client.get("/healthz");
        }
        let mut last = clients.pop().unwrap();
        let mut open =
            || Exposition::read(&last.send("GET", "/metrics", "").text()).count("muster_http_connections", &[]);
        assert_eq!(open(), 3);
        drop(clients);
        crate::support::eventually("the server sees that two have gone", || (open() == 1).then_some(()));
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_client_that_accepts_only_the_text_format_gets_it() {
    let app = TestApp::start().await;
    let client = app.client(Role::Viewer).await;
    let get = async |accept: &str| {
        let reply = Reply::to(client.request(Method::GET, "/metrics").header("Accept", accept)).await;
        assert_eq!(reply.status, 200);
        let header = |name: &str| reply.headers[name].to_str().unwrap().to_owned();
        assert!(header("vary").to_lowercase().contains("accept"));
        (header("content-type"), reply.text())
    };
    let (media_type, text) = get("text/plain;version=0.0.4").await;
    assert_eq!(media_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(text.contains("\n# TYPE muster_cache_hits_total counter\nmuster_cache_hits_total"), "{text}");
    assert!(text.contains("\n# TYPE muster_build_info gauge\nmuster_build_info{"), "{text}");
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    if let Some(promtool) = tool("promtool", "the test of the text format", "apt-get install prometheus") {
        let mut check = Command::new(promtool);
        let mut child = check.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        // Its advice on names, code 3, is about both formats.
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // As Prometheus asks, and a browser.
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    for accept in [prometheus, "*/*", "text/html,*/*;q=0.8", "application/openmetrics-text"] {
        let (media_type, text) = get(accept).await;
        assert!(media_type.starts_with("application/openmetrics-text") && text.ends_with("# EOF\n"), "{accept}");
    }
}

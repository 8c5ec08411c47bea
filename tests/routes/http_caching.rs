//! What HTTP says of answers from the cache: entity tags and 304, `Cache-Status`, `Age`, compression.

use std::io::Read;

use flate2::read::GzDecoder;
use muster::domain::access::Role;
use muster::store::Store;
use reqwest::Method;
use serde_json::json;

use crate::support::{Client, Reply, TestApp, enterprise, name};

const ACME: &str = "/enterprise/acme/contacts/summary";
const GLOBEX: &str = "/enterprise/globex/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";

/// A header of an answer, or `-`.
fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).map_or("-", |value| value.to_str().unwrap())
}

async fn get_with(client: &Client, path: &str, name: &str, value: &str) -> Reply {
    Reply::to(client.request(Method::GET, path).header(name, value)).await
}

#[tokio::test]
async fn the_first_answer_is_a_miss_and_the_next_a_hit_with_the_same_data() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    for path in [ACME, SALES] {
        let miss = viewer.get(path).await;
        assert_eq!(header(&miss, "cache-status"), "muster; fwd=miss; stored", "{path}");
        let hit = viewer.get(path).await;
        let ttl = header(&hit, "cache-status").strip_prefix("muster; hit; ttl=").unwrap().parse::<u64>().unwrap();
        assert!((1..=3600).contains(&ttl), "{path}: {ttl}");
        let (mut first, second) = (miss.expect(200), hit.expect(200));
        assert_eq!((&first["cached"], &second["cached"]), (&json!(false), &json!(true)));
        first["cached"] = json!(true);
        assert_eq!(first, second, "{path}");
        for reply in [&miss, &hit] {
            assert_eq!(header(reply, "etag"), header(&miss, "etag"));
            assert_eq!(header(reply, "cache-control"), "private, no-cache");
            assert_eq!(header(reply, "vary"), "Accept-Encoding");
            assert!(header(reply, "server-timing").starts_with("cache;desc="), "{}", header(reply, "server-timing"));
            header(reply, "age").parse::<u64>().unwrap();
        }
    }
}

#[tokio::test]
async fn a_write_to_one_department_leaves_its_neighbours_cached() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let lab = "/enterprise/acme/departments/lab/contacts/summary";
    for path in [ACME, GLOBEX, SALES, lab] {
        admin.get(path).await.expect(200);
    }
    let body = json!({"userId": "u1", "contactInfo": {"name": "Anita"}});
    admin.post("/saveContact", body).await.expect(200);
    for (path, cached) in [(ACME, false), (GLOBEX, true), (SALES, false), (lab, true)] {
        assert_eq!(admin.get(path).await.expect(200)["cached"], cached, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_has_the_answer_is_told_so_and_no_more() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let first = admin.get(ACME).await;
    let etag = header(&first, "etag").to_owned();
    assert!(etag.starts_with("W/\"") && etag.ends_with('"'), "{etag}");
    let unchanged = get_with(&admin, ACME, "if-none-match", &format!("\"other\", {etag}")).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(header(&unchanged, "etag"), etag);
    assert!(header(&unchanged, "cache-status").starts_with("muster; hit; ttl="));
    let other = get_with(&admin, ACME, "if-none-match", "\"other\"").await;
    assert_eq!(other.expect(200)["cached"], true);
    app.write(|tx| tx.rename_enterprise(&enterprise("acme"), &name("Acme & Sons"))).await;
    let changed = get_with(&admin, ACME, "if-none-match", &etag).await;
    assert_eq!(changed.expect(200)["data"]["enterpriseName"], "Acme & Sons");
    assert_ne!(header(&changed, "etag"), etag);
}

#[tokio::test]
async fn a_cold_cache_answers_304_from_the_scopes_row_alone() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let etag = header(&admin.get(SALES).await, "etag").to_owned();
    app.summaries.cache().clear();
    let before = app.summaries.cache().stats();
    let unchanged = get_with(&admin, SALES, "if-none-match", &etag).await;
    assert_eq!(unchanged.status, 304);
    assert_eq!(header(&unchanged, "cache-status"), "muster; fwd=miss; fwd-status=304");
    let counted = app.summaries.cache().stats().since(&before);
    assert_eq!((counted.hits, counted.misses, counted.revalidated, counted.loads), (0, 1, 1, 0));
    let gone = get_with(&admin, "/enterprise/acme/departments/none/contacts/summary", "if-none-match", &etag).await;
    assert_eq!(gone.problem(404), "Department not found");
}

#[tokio::test]
async fn every_way_of_an_answer_comes_compressed_for_those_who_ask() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let bytes_plain = {
        admin.get(ACME).await.expect(200);
        let bytes = app.summaries.cache().entry_totals().bytes;
        app.summaries.cache().clear();
        bytes
    };
    for cached in [false, true, true] {
        let reply = get_with(&admin, ACME, "accept-encoding", "br, gzip").await;
        assert_eq!((reply.status, header(&reply, "content-encoding")), (200, "gzip"));
        let mut text = String::new();
        GzDecoder::new(&reply.body[..]).read_to_string(&mut text).unwrap();
        let body: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&body["cached"], &body["data"]["totalContacts"]), (&json!(cached), &json!(2)));
    }
    assert!(app.summaries.cache().entry_totals().bytes > bytes_plain, "the compressed form is weighed");
    let plain = get_with(&admin, ACME, "accept-encoding", "gzip;q=0").await;
    assert_eq!((header(&plain, "content-encoding"), &plain.expect(200)["cached"]), ("-", &json!(true)));
}

#[tokio::test]
async fn hits_begin_no_read_and_no_write() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    for path in [ACME, SALES] {
        viewer.get(path).await.expect(200);
    }
    let etag = header(&viewer.get(ACME).await, "etag").to_owned();
    let done = || {
        let figures = app.store.figures();
        (figures.reads, figures.group_jobs.sum, figures.jobs_waiting)
    };
    let before = done();
    for _ in 0..100 {
        assert_eq!(viewer.get(ACME).await.expect(200)["cached"], true);
        assert_eq!(get_with(&viewer, SALES, "accept-encoding", "gzip").await.status, 200);
        assert_eq!(get_with(&viewer, ACME, "if-none-match", &etag).await.status, 304);
    }
    assert_eq!(done(), before);
    viewer.get(GLOBEX).await.expect(200);
    assert_eq!(done().0, before.0 + 1, "a miss begins one read");
}

#[tokio::test]
async fn a_hit_needs_no_database() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let etag = header(&viewer.get(ACME).await, "etag").to_owned();
    // With the database closed, whoever needs a reader or a statement fails.
    let store = Store::clone(&app.store);
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    assert_eq!(viewer.get(ACME).await.expect(200)["cached"], true);
    assert_eq!(get_with(&viewer, ACME, "if-none-match", &etag).await.status, 304);
    assert_eq!(viewer.get(GLOBEX).await.problem(503), "The server is shutting down");
}

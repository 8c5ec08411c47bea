//! What invalidates entries besides writes and TTLs: midnight, a new epoch of the database, and a database that cannot
//! be read.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::Role;
use rusqlite::Connection;
use serde_json::json;

use crate::support::{Client, Notification, Recorder, Reply, TestApp, add_contact, at, eventually};

const ACME: &str = "/enterprise/acme/contacts/summary";
const GLOBEX: &str = "/enterprise/globex/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";
const PATHS: [&str; 3] = [ACME, GLOBEX, SALES];

/// A server at this time, its clock, a client that reads, and a connection that writes without the store's code.
async fn server_at(time: &str) -> (TestApp, Clock, Client, Connection) {
    let clock = Clock::manual(at(time));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let viewer = app.client(Role::Viewer).await;
    let other = app.store.directory().raw_writer();
    (app, clock, viewer, other)
}

fn header(reply: &Reply, name: &str) -> String {
    reply.headers[name].to_str().unwrap().to_owned()
}

async fn if_none_match(client: &Client, path: &str, etag: &str) -> Reply {
    Reply::to(client.request(reqwest::Method::GET, path).header("if-none-match", etag)).await
}

/// Makes every read of the database fail, those of loads and those of the watcher.
fn break_reads(other: &Connection) {
    other.execute_batch("ALTER TABLE installation RENAME TO elsewhere").unwrap();
}

fn restore_reads(other: &Connection) {
    other.execute_batch("ALTER TABLE elsewhere RENAME TO installation").unwrap();
}

/// Waits until no entry is fresh.
fn await_no_fresh_entry(app: &TestApp) {
    eventually("nothing is fresh", || (app.summaries.cache().entry_totals().entries == 0).then_some(()));
}

#[tokio::test]
async fn a_summary_computed_before_midnight_is_not_served_after_it() {
    let (_app, clock, viewer, _) = server_at("2026-11-22T23:59:59.500Z").await;
    for path in PATHS {
        let before = viewer.get(path).await;
        assert_eq!(viewer.get(path).await.expect(200)["cached"], true);
        let etag = header(&before, "etag");
        assert_eq!(if_none_match(&viewer, path, &etag).await.status, 304);
        assert_eq!(
            before.json()["data"]["growth"]["daily"][29],
            json!({"date": "2026-11-22", "contacts": before.json()["data"]["totalContacts"]})
        );
    }
    let etags: Vec<_> = {
        let mut etags = Vec::new();
        for path in PATHS {
            etags.push(header(&viewer.get(path).await, "etag"));
        }
        etags
    };
    clock.advance(Duration::from_millis(500));
    for (path, before) in PATHS.into_iter().zip(etags) {
        let after = if_none_match(&viewer, path, &before).await;
        let body = after.expect(200);
        assert_eq!(
            (&body["cached"], &body["data"]["growth"]["daily"][29]),
            (&json!(false), &json!({"date": "2026-11-23", "contacts": 0}))
        );
        assert_ne!(header(&after, "etag"), before);
        assert_eq!(viewer.get(path).await.expect(200)["cached"], true);
    }
}

#[tokio::test]
async fn a_new_epoch_of_the_database_gives_new_entity_tags() {
    let (app, _clock, viewer, other) = server_at("2026-11-22T12:00:00Z").await;
    let mut before = Vec::new();
    for path in PATHS {
        before.push(header(&viewer.get(path).await, "etag"));
    }
    // As a restore does: a new epoch, and data that this server's revisions do not describe.
    other
        .execute_batch(
            "BEGIN; UPDATE enterprise SET name = 'Restored', name_folded = 'restored'; UPDATE installation SET epoch = 'another'; COMMIT",
        )
        .unwrap();
    eventually("it is detected", || (app.summaries.cache().entry_totals().entries == 0).then_some(()));
    for (path, before) in PATHS.into_iter().zip(before) {
        let after = if_none_match(&viewer, path, &before).await;
        assert_eq!(after.expect(200)["cached"], false, "{path}");
        let etag = header(&after, "etag");
        assert!(etag != before && etag.contains("another"), "{etag}");
        assert_eq!(if_none_match(&viewer, path, &etag).await.status, 304);
    }
    assert_eq!(viewer.get(ACME).await.expect(200)["data"]["enterpriseName"], "Restored");
}

#[tokio::test]
async fn a_counter_that_falls_invalidates_every_entry() {
    let (app, _clock, viewer, other) = server_at("2026-11-22T12:00:00Z").await;
    let recorder = Recorder::on(&app.store);
    app.write(|tx| add_contact(tx, "u1", "anita")).await;
    for path in PATHS {
        viewer.get(path).await.expect(200);
    }
    let counter = app.store.counter();
    eventually("the watcher has seen all that is there", || {
        let seen = |one: &Notification| matches!(one, Notification::Watcher(last) if last.revision == counter);
        recorder.notifications().iter().any(seen).then_some(())
    });
    // The counter has fallen, so that what was published before proves nothing.
    let set_back =
        "BEGIN; UPDATE enterprise SET name = 'Older', name_folded = 'older'; UPDATE scope SET revision = 1, draws = 1;
                    UPDATE installation SET revision = 1; COMMIT";
    other.execute_batch(set_back).unwrap();
    eventually("it is detected", || (app.summaries.cache().entry_totals().entries == 0).then_some(()));
    for path in PATHS {
        assert_eq!(viewer.get(path).await.expect(200)["cached"], false, "{path}");
        let again = viewer.get(path).await.expect(200);
        assert_eq!((&again["cached"], &again["data"]["revision"]), (&json!(true), &json!(1)), "{path}");
    }
    assert_eq!(viewer.get(ACME).await.expect(200)["data"]["enterpriseName"], "Older");
}

#[tokio::test]
async fn while_the_database_cannot_be_read_entries_are_served_as_stale_if_error() {
    let (app, clock, viewer, other) = server_at("2026-11-22T12:00:00Z").await;
    let etag = header(&viewer.get(ACME).await, "etag");
    break_reads(&other);
    await_no_fresh_entry(&app);
    let stale = viewer.get(ACME).await;
    assert_eq!(header(&stale, "cache-status"), "muster; fwd=stale; fwd-status=503; detail=stale-if-error");
    let body = stale.expect(200);
    assert_eq!(
        (&body["cached"], &body["stale"], &body["data"]["totalContacts"]),
        (&json!(true), &json!(true), &json!(2))
    );
    assert_eq!(header(&stale, "etag"), etag);
    assert_eq!(viewer.get(GLOBEX).await.status, 500, "what was never loaded cannot be served");
    // For the configured time and no longer, although the TTL of an enterprise is an hour.
    let configured = app.summaries.cache().settings().stale_if_error;
    clock.advance(configured);
    assert_eq!(viewer.get(ACME).await.expect(200)["stale"], true);
    clock.advance(Duration::from_millis(1));
    viewer.get(ACME).await.problem(500);

    restore_reads(&other);
    wait_for_hits(&viewer).await;
    let body = viewer.get(ACME).await.expect(200);
    assert_eq!((&body["cached"], &body["stale"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_write_of_another_process_during_an_outage_is_served_after_it() {
    let (app, _clock, viewer, other) = server_at("2026-11-22T12:00:00Z").await;
    for path in PATHS {
        viewer.get(path).await.expect(200);
    }
    break_reads(&other);
    await_no_fresh_entry(&app);
    // In one commit, so that the database cannot be read before the name has changed.
    other
        .execute_batch(
            "BEGIN; ALTER TABLE elsewhere RENAME TO installation; UPDATE enterprise SET name = 'New', name_folded = 'new'; COMMIT",
        )
        .unwrap();
    for (path, field) in [(ACME, "enterpriseName"), (GLOBEX, "enterpriseName")] {
        let body = viewer.get(path).await.expect(200);
        assert_eq!(
            (&body["cached"], &body["stale"], &body["data"][field]),
            (&json!(false), &json!(false), &json!("New"))
        );
    }
    wait_for_hits(&viewer).await;
}

/// Polls until responses are cached again.
async fn wait_for_hits(viewer: &Client) {
    for path in PATHS {
        let begun = std::time::Instant::now();
        while viewer.get(path).await.expect(200)["cached"] != true {
            assert!(begun.elapsed() < Duration::from_secs(20), "{path} is never cached again");
        }
    }
}

//! The cache's live event stream.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::{Reach, Role};
use muster::domain::time::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Client, Event, Events, TestApp, add_contact, at, eventually};

const SUMMARY: &str = "/enterprise/acme/contacts/summary";

async fn save(client: &Client, user: &str) {
    let body = json!({"userId": user, "contactInfo": {"name": "Grace"}});
    client.post("/saveContact", body).await.expect(200);
}

/// Opens a stream and returns it with its initial position.
async fn listen(client: &Client) -> (Events, String) {
    let mut events = Events::open(client, None).await;
    let opening = events.next().await;
    assert_eq!((opening.name.as_str(), opening.retry), ("", Some(2_000)));
    (events, opening.id.unwrap())
}

/// The scopes that a publication event names, as `enterprise/department`.
fn scopes(event: &Event) -> Vec<String> {
    let name = |scope: &Value| {
        let department = scope["departmentId"].as_str().unwrap_or_default();
        format!("{}/{department}", scope["enterpriseId"].as_str().unwrap())
    };
    let mut names: Vec<String> = event.data["scopes"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_publication_event_names_the_changed_scopes_and_the_change_is_readable() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let (mut events, opened_at) = listen(&contributor).await;
    assert_eq!(opened_at, app.store.position());
    contributor.get(SUMMARY).await.expect(200);
    for total in 3..8 {
        save(&contributor, "u1").await;
        let event = events.next_of("publication").await;
        assert_eq!(event.id, Some(app.store.position()));
        assert_eq!(event.data["scopeCount"], 2);
        let fields: Vec<&String> = event.data["scopes"][0].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["departmentId", "enterpriseId"], "{event:?}");
        assert_eq!(event.data.get("revision"), None, "{event:?}");
        assert_eq!(scopes(&event), ["acme/", "acme/sales"]);
        assert_eq!(contributor.get(SUMMARY).await.expect(200)["data"]["totalContacts"], total);
    }
}

#[tokio::test]
async fn a_write_of_another_process_sends_a_publication_event() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let (mut events, _) = listen(&viewer).await;
    viewer.get(SUMMARY).await.expect(200);
    let directory = app.store.directory().clone();
    tokio::task::spawn_blocking(move || {
        let command = directory.open_command().unwrap();
        command.write_blocking(|tx| add_contact(tx, "u2", "Ada")).unwrap();
    })
    .await
    .unwrap();
    let event = events.next_of("publication").await;
    assert_eq!(scopes(&event), ["acme/", "acme/lab"]);
    // The event is sent after the cache has applied the publication, so its receiver reads the change.
    assert_eq!(viewer.get(SUMMARY).await.expect(200)["data"]["totalContacts"], 3);
}

#[tokio::test]
async fn a_publication_event_names_at_most_100_scopes_and_counts_all() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    app.write(|tx| {
        for number in 0..150 {
            let id = format!("d{number}");
            let (id, name) = (crate::support::department(&id), crate::support::name(&id));
            tx.create_department(&crate::support::enterprise("acme"), Some(id), &name)?;
        }
        Ok(())
    })
    .await;
    let (mut events, before) = listen(&admin).await;
    // Draws a revision for each of its departments.
    admin.put("/enterprise/acme", json!({"name": "Acme International"})).await.expect(200);
    let event = events.next_of("publication").await;
    assert_eq!((&event.data["scopeCount"], scopes(&event).len()), (&json!(153), 100));
    assert_eq!(event.id, Some(app.store.position()));
    let missed = Events::open(&admin, Some(&before)).await.next().await;
    assert_eq!((&missed.id, &missed.data["scopeCount"], scopes(&missed).len()), (&event.id, &json!(153), 100));
}

#[tokio::test]
async fn a_sample_event_has_the_counts_of_the_last_second() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    viewer.get(SUMMARY).await.expect(200);
    let (mut events, _) = listen(&viewer).await;
    let quiet = events.next_of("sample").await;
    assert_eq!((quiet.id, &quiet.data["last"]["hits"], &quiet.data["total"]["misses"]), (None, &json!(0), &json!(1)));
    assert_eq!(quiet.data["last"]["hitRatio"], Value::Null);
    for _ in 0..3 {
        viewer.get(SUMMARY).await.expect(200);
    }
    viewer.get("/enterprise/globex/contacts/summary").await.expect(200);
    // The requests may be split between two samples.
    let (mut hits, mut loads, mut counted) = (0, 0, [0, 0]);
    let sample = loop {
        let sample = events.next_of("sample").await.data;
        hits += sample["last"]["hits"].as_u64().unwrap();
        loads += sample["last"]["loads"].as_u64().unwrap();
        for (sum, buckets) in counted.iter_mut().zip([&sample["hitBuckets"], &sample["loadBuckets"]]) {
            *sum += buckets.as_array().unwrap().iter().map(|pair| pair[1].as_u64().unwrap()).sum::<u64>();
        }
        if (hits, loads) == (3, 1) {
            break sample;
        }
        assert!(hits <= 3 && loads <= 1, "{sample:#}");
    };
    assert_eq!(counted, [3, 1], "each is in a bucket once");
    let longest = sample["loadBuckets"].as_array().unwrap().last().map(|pair| pair[0].clone());
    assert!(longest.is_none() || longest == Some(sample["loadMicros"]["max"].clone()), "{sample:#}");
    let none = json!({"expired": 0, "replaced": 0, "size": 0, "bytes": 0, "invalidated": 0, "cleared": 0});
    let total = json!({
        "hits": 3, "misses": 2, "hitRatio": 0.6, "coalesced": 0, "revalidated": 0, "stale": 0, "loads": 2,
        "loadFailures": 0, "massInvalidations": 0, "removals": none
    });
    assert_eq!(sample["total"], total);
    assert_eq!((&sample["entries"], &sample["loadsInFlight"]), (&json!(2), &json!(0)));
    assert!(sample["loadMicros"]["p99"].as_f64().unwrap() > 1.0, "{sample:#}");
    assert!(
        sample["hitMicros"]["p50"].is_f64()
            && sample["savedMillis"].is_f64()
            && sample["bytes"].as_u64().unwrap() > 1_000,
        "{sample:#}"
    );
    assert!(sample["rssBytes"].as_u64().unwrap() > 1_000_000, "{sample:#}");
    assert!(Timestamp::parse(sample["timestamp"].as_str().unwrap()).is_some(), "{sample:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_streams_get_the_same_events_and_sending_stops_with_the_last_stream() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    assert!(!app.summaries.live().is_sending());
    let (mut one, _) = listen(&viewer).await;
    let (mut other, _) = listen(&viewer).await;
    let sample = one.next_of("sample").await;
    assert_eq!(other.next_of("sample").await, sample);
    drop((one, other));
    eventually("telling ends with the last listener", || (!app.summaries.live().is_sending()).then_some(()));
    assert_eq!(app.summaries.live().listeners(), 0);
    let (mut late, _) = listen(&viewer).await;
    late.next_of("sample").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconnecting_client_gets_the_publications_it_missed() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let (events, seen) = listen(&contributor).await;
    drop(events);
    eventually("nobody listens", || (!app.summaries.live().is_sending()).then_some(()));
    save(&contributor, "u1").await;
    save(&contributor, "g1").await;
    let mut back = Events::open(&contributor, Some(&seen)).await;
    let missed = back.next().await;
    assert_eq!((missed.name.as_str(), missed.retry), ("publication", Some(2_000)));
    assert_eq!((&missed.id, &missed.data["scopeCount"]), (&Some(app.store.position()), &json!(4)));
    assert_eq!(scopes(&missed), ["acme/", "acme/sales", "globex/", "globex/ops"]);
    // A client that missed nothing gets no publication; both clients continue from here.
    let mut current = Events::open(&contributor, missed.id.as_deref()).await;
    let opening = current.next().await;
    assert_eq!((opening.name.as_str(), opening.id), ("", missed.id));
    save(&contributor, "u2").await;
    for events in [&mut back, &mut current] {
        assert_eq!(scopes(&events.next_of("publication").await), ["acme/", "acme/lab"]);
    }
}

#[tokio::test]
async fn an_unknown_last_event_id_gets_a_reset_event() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let (counter, ahead) = (app.store.counter().to_string(), app.store.position_of(app.store.counter() + 1));
    for id in [ahead.as_str(), counter.as_str(), "-1", "yesterday", "99999999999999999999"] {
        let reset = Events::open(&viewer, Some(id)).await.next().await;
        let now = app.store.position();
        assert_eq!((reset.name.as_str(), reset.id), ("reset", Some(now)), "{id}");
        assert_eq!(reset.data, json!({"reason": "unknownPosition"}), "{id}");
    }
}

#[tokio::test]
async fn a_configuration_event_carries_the_new_version() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let (mut events, _) = listen(&admin).await;
    for version in 1..=2 {
        let body = json!({"maxCacheSize": 100 + version});
        admin.put("/cache/config", body).await.expect(200);
        let event = events.next_of("configuration").await;
        assert_eq!((event.id, &event.data), (None, &json!({"version": version})));
    }
}

#[tokio::test]
async fn a_replaced_database_sends_a_reset_event() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let (mut events, opened_at) = listen(&viewer).await;
    app.store.directory().raw_writer().execute("UPDATE installation SET epoch = 'restored'", []).unwrap();
    let reset = events.next_of("reset").await;
    assert_eq!(reset.id, Some(opened_at));
    assert_eq!(reset.data, json!({"reason": "databaseExchanged"}));
}

#[tokio::test]
async fn revoking_a_token_ends_only_its_own_event_streams() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let body = admin.post("/tokens", json!({"role": "viewer"})).await.expect(201);
    let viewer = admin.with_token(body["secret"].as_str().unwrap());
    let (events, _) = listen(&viewer).await;
    let (mut others, _) = listen(&admin).await;
    admin.delete(&format!("/tokens/{}", body["token"]["id"].as_str().unwrap())).await.expect(200);
    save(&admin, "u1").await;
    let rest = events.rest().await;
    assert!(rest.iter().all(|event| event.name != "publication"), "no publication follows: {rest:?}");
    others.next_of("publication").await;
}

#[tokio::test]
async fn event_streams_end_when_their_token_expires() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let end = at("2026-11-22T08:05:00Z");
    let viewer = app.client_with(Role::Viewer, Reach::Installation, Some(end)).await;
    let (mut events, _) = listen(&viewer).await;
    events.next_of("sample").await;
    clock.advance(Duration::from_mins(5));
    events.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_event_streams_cleanly() {
    let mut app = TestApp::start_with(|settings| settings.server.shutdown_drain = Duration::from_mins(10)).await;
    let viewer = app.client(Role::Viewer).await;
    let (events, _) = listen(&viewer).await;
    app.stop();
    events.rest().await;
}

#[tokio::test]
async fn an_event_stream_outlives_the_request_timeout_and_sends_keep_alives() {
    let app = TestApp::start_with(|settings| {
        settings.http.request_timeout = Duration::from_millis(50);
        settings.http_limits.event_keep_alive = Duration::from_millis(20);
    })
    .await;
    let viewer = app.client(Role::Viewer).await;
    let (mut events, _) = listen(&viewer).await;
    let mut comments = 0;
    while comments < 10 {
        comments += u32::from(events.next().await.is_comment);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_open_event_streams_is_bounded() {
    let app = TestApp::start_with(|settings| {
        settings.http_limits.event_streams_max = 2;
        (settings.http.share_per_token, settings.http.share_per_address) = (100, 100);
    })
    .await;
    let viewer = app.client(Role::Viewer).await;
    let (one, _) = listen(&viewer).await;
    let (_other, _) = listen(&viewer).await;
    let reply = viewer.get("/cache/events").await;
    assert_eq!(reply.problem(503), "Too many event streams are open; close one, or try again");
    assert!(reply.headers.contains_key("retry-after"));
    drop(one);
    eventually("a place becomes free", || (app.summaries.live().listeners() == 1).then_some(()));
    // The permit is released a moment after the listener.
    let mut status = 503;
    while status == 503 {
        status = viewer.get("/cache/events").await.status;
    }
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_stream_delays_no_other() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let mut slow = TcpStream::connect(app.address()).await.unwrap();
    let token = contributor.token();
    let request = format!("GET /cache/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    slow.write_all(request.as_bytes()).await.unwrap();
    let (mut events, _) = listen(&contributor).await;
    for _ in 0..20 {
        save(&contributor, "u1").await;
        events.next_of("publication").await;
    }
    drop(slow);
    eventually("who has gone is forgotten", || (app.summaries.live().listeners() == 1).then_some(()));
}

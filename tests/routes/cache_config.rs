//! The cache configuration over HTTP: reading, changing and reverting it; changes take effect at once.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::Role;
use muster::domain::cache_configuration::{CacheConfiguration, ConfigurationChange, Given};
use muster::store::{Actor, Store, StoreError};
use muster::summaries::ConfigurationEdit;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp, at};

const CONFIG: &str = "/cache/config";
const ACME: &str = "/enterprise/acme/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";

const MINUTE: Duration = Duration::from_mins(1);

fn defaults() -> Value {
    json!({
        "ttlSettings": {"enterprise": 3_600_000, "department": 1_800_000, "default": 1_800_000,
            "highActivity": 900_000, "lowActivity": 7_200_000},
        "maxCacheSize": 1_000, "maxCacheBytes": 67_108_864, "defaultTTL": 1_800_000, "staleIfError": 600_000,
        "activity": {"highPerHour": 60, "lowPerDay": 1},
        "targets": {"hitRate": 0.8, "hitMillis": 100, "memoryBytes": 104_857_600, "invalidationsPerHour": 5}
    })
}

async fn configuration(client: &Client) -> Value {
    client.get(CONFIG).await.expect(200)["configuration"].take()
}

fn etag(reply: &Reply) -> String {
    reply.headers["etag"].to_str().unwrap().to_owned()
}

async fn send_if_match(client: &Client, method: Method, path: &str, tag: &str, body: Value) -> Reply {
    Reply::to(client.request(method, path).header("if-match", tag).json(&body)).await
}

/// A server with a manual clock shortly after midnight UTC, so that no day ends during a test.
async fn start_in_the_morning() -> (TestApp, Clock) {
    let clock = Clock::manual(at("2026-11-22T00:10:00Z"));
    (TestApp::start_at(clock.clone(), |_| {}).await, clock)
}

async fn is_cached(client: &Client, path: &str) -> bool {
    client.get(path).await.expect(200)["cached"].as_bool().unwrap()
}

#[tokio::test]
async fn an_unchanged_configuration_has_the_defaults() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let reply = viewer.get(CONFIG).await;
    let body = reply.expect(200);
    assert_eq!(body["configuration"], defaults());
    assert_eq!((&body["version"], &body["defaults"]), (&json!(0), &defaults()));
    let words = json!({
        "ttlSettings": {"enterprise": "1h", "department": "30m", "default": "30m", "highActivity": "15m",
            "lowActivity": "2h"},
        "defaultTTL": "30m", "staleIfError": "10m"
    });
    assert_eq!(body["humanized"], words);
    assert!(etag(&reply).starts_with('"'), "a strong tag: {}", etag(&reply));
    // Compared as text, since clients may distinguish 100 from 100.0.
    for text in [r#""hitMillis":100,"#, r#""invalidationsPerHour":5}"#, r#""hitRate":0.8,"#] {
        assert!(reply.text().contains(text), "{}", reply.text());
    }
    let unchanged = Reply::to(viewer.request(Method::GET, CONFIG).header("if-none-match", etag(&reply))).await;
    assert_eq!((unchanged.status, unchanged.body.len(), etag(&unchanged)), (304, 0, etag(&reply)));
}

#[tokio::test]
async fn a_configuration_patch_changes_only_the_fields_it_names() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let before = etag(&admin.get(CONFIG).await);
    let patch = json!({"ttlSettings": {"enterprise": "2h 30m"}, "maxCacheSize": 5, "targets": {"hitRate": 0.95}});
    let reply = admin.put(CONFIG, patch.clone()).await;
    let body = reply.expect(200);
    let mut expected = defaults();
    expected["ttlSettings"]["enterprise"] = json!(9_000_000);
    expected["maxCacheSize"] = json!(5);
    expected["targets"]["hitRate"] = json!(0.95);
    assert_eq!(body["message"], "Cache configuration updated successfully");
    assert_eq!(body["currentSettings"], expected["ttlSettings"]);
    assert_eq!((&body["configuration"], &body["version"], &body["changed"]), (&expected, &json!(1), &json!(true)));
    assert_eq!(body["humanized"]["ttlSettings"]["enterprise"], "2h 30m");
    assert_ne!(etag(&reply), before);
    let shown = admin.get(CONFIG).await;
    assert_eq!((&shown.expect(200)["configuration"], etag(&shown)), (&expected, etag(&reply)));

    // A patch that changes nothing makes no version.
    for nothing in [patch, json!({}), json!({"unknown": {"x": 1}}), json!({"ttlSettings": {}})] {
        let reply = admin.put(CONFIG, nothing).await;
        let body = reply.expect(200);
        assert_eq!((&body["version"], &body["changed"]), (&json!(1), &json!(false)));
        assert_eq!(body["message"], "Cache configuration updated successfully");
    }
    assert_eq!(admin.get("/cache/config/history").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let tag = etag(&admin.get(CONFIG).await);
    let check = async |patch: Value, message: &str, fields: &[&str]| {
        let (text, named) = admin.put(CONFIG, patch.clone()).await.invalid_fields();
        assert_eq!((text.as_str(), named), (message, fields.iter().map(ToString::to_string).collect()), "{patch}");
        assert_eq!(etag(&admin.get(CONFIG).await), tag, "{patch}");
    };
    let positive = "Invalid TTL value for enterprise: must be a positive number";
    for wrong in [json!(-1), json!(0), json!("soon"), json!(null), json!([1])] {
        check(json!({"maxCacheSize": 5, "ttlSettings": {"enterprise": wrong}}), positive, &["ttlSettings.enterprise"])
            .await;
    }
    let range = "Invalid TTL value for department: must be from 1s to 30days";
    check(json!({"ttlSettings": {"department": 999}}), range, &["ttlSettings.department"]).await;
    check(
        json!({"ttlSettings": {"enterprise": "1h", "default": -1}, "staleIfError": "x", "activity": {"highPerHour": 0}}),
        "Invalid TTL value for default: must be a positive number (and 2 more)",
        &["ttlSettings.default", "staleIfError", "activity.highPerHour"],
    )
    .await;
    check(
        json!({"defaultTTL": 1_000, "ttlSettings": {"default": 2_000}}),
        "defaultTTL: must equal ttlSettings.default where both are given",
        &["defaultTTL"],
    )
    .await;
    check(json!({"ttlSettings": 7}), "ttlSettings: must be an object, not a number", &["ttlSettings"]).await;
    check(json!({"ttlSettings": []}), "ttlSettings: must be an object, not an array", &["ttlSettings"]).await;
    check(json!({"targets": null}), "targets: must be an object, not null", &["targets"]).await;
    check(json!([]), "body: must be an object, not an array", &["body"]).await;
    let size = "maxCacheSize: must be a whole number from 1 to 100000";
    check(json!({"maxCacheSize": "many"}), size, &["maxCacheSize"]).await;
    assert_eq!(configuration(&admin).await, defaults());
    let history = admin.get("/cache/config/history").await.expect(200);
    assert_eq!((&history["history"], &history["totalCount"]), (&json!([]), &json!(0)));
    assert_eq!(admin.get("/audit?action=cache").await.expect(200)["count"], 0);
}

#[tokio::test]
async fn a_changed_ttl_applies_at_once_to_existing_entries() {
    let (app, clock) = start_in_the_morning().await;
    let admin = app.client(Role::Admin).await;
    for path in [ACME, SALES] {
        admin.get(path).await.expect(200);
    }
    clock.advance(20 * MINUTE);
    assert!(is_cached(&admin, ACME).await && is_cached(&admin, SALES).await);
    admin.put(CONFIG, json!({"ttlSettings": {"enterprise": "15m"}})).await.expect(200);
    assert!(!is_cached(&admin, ACME).await, "a shorter TTL has ended already");
    assert!(is_cached(&admin, SALES).await);
    clock.advance(15 * MINUTE);
    admin.put(CONFIG, json!({"ttlSettings": {"department": "1h", "enterprise": "1h"}})).await.expect(200);
    assert!(is_cached(&admin, ACME).await && is_cached(&admin, SALES).await, "a longer TTL revives");
    admin.put(CONFIG, json!({"maxCacheSize": 1})).await.expect(200);
    assert_eq!(app.summaries.cache().entry_totals().entries, 1);
}

#[tokio::test]
async fn many_writes_in_an_hour_shorten_the_ttl_until_the_hour_is_over() {
    let (app, clock) = start_in_the_morning().await;
    let admin = app.client(Role::Admin).await;
    admin.put(CONFIG, json!({"activity": {"highPerHour": 5}})).await.expect(200);
    let ttl = async |path: &str| {
        admin.get(path).await.expect(200);
        let hit = admin.get(path).await;
        let status = hit.headers["cache-status"].to_str().unwrap().to_owned();
        status.strip_prefix("muster; hit; ttl=").unwrap().parse::<u64>().unwrap() / 60
    };
    // The test data of acme is two departments, two employees and two contacts, written in one job.
    assert_eq!((ttl(ACME).await, ttl(SALES).await), (60, 30));
    for number in 0..4 {
        let body = json!({"userId": "u2", "contactInfo": {"name": format!("Friend {number}")}});
        admin.post("/saveContact", body).await.expect(200);
    }
    assert_eq!((ttl(ACME).await, ttl(SALES).await), (15, 15), "a department follows its enterprise");
    assert_eq!(ttl("/enterprise/globex/contacts/summary").await, 60);
    clock.advance(61 * MINUTE);
    assert_eq!((ttl(ACME).await, ttl(SALES).await), (60, 30), "nobody has to write for that");
    clock.advance(24 * 60 * MINUTE);
    assert_eq!((ttl(ACME).await, ttl(SALES).await), (120, 120), "nobody wrote for a day");
    let body = json!({"userId": "u2", "contactInfo": {"name": "Anita"}});
    admin.post("/saveContact", body).await.expect(200);
    assert_eq!((ttl(ACME).await, ttl(SALES).await), (60, 30));
}

#[tokio::test]
async fn each_write_of_a_group_commit_counts_as_activity() {
    let (app, _clock) = start_in_the_morning().await;
    let admin = app.client(Role::Admin).await;
    let mut saving = tokio::task::JoinSet::new();
    for number in 0..40 {
        let admin = admin.clone();
        saving.spawn(async move {
            let body = json!({"userId": "u1", "contactInfo": {"name": format!("Friend {number}")}});
            admin.post("/saveContact", body).await.expect(200);
        });
    }
    saving.join_all().await;
    // Forty writes, and the one of the test data.
    for (limit, ttl) in [(42, "ttl=3600"), (41, "ttl=900")] {
        admin.put(CONFIG, json!({"activity": {"highPerHour": limit}})).await.expect(200);
        admin.get(ACME).await.expect(200);
        let hit = admin.get(ACME).await;
        assert_eq!(hit.headers["cache-status"], format!("muster; hit; {ttl}"));
    }
}

#[tokio::test]
async fn a_configuration_change_survives_a_restart() {
    let (app, clock) = start_in_the_morning().await;
    let admin = app.client(Role::Admin).await;
    admin.put(CONFIG, json!({"ttlSettings": {"enterprise": "10m"}, "staleIfError": 0})).await.expect(200);
    let before = admin.get(CONFIG).await;
    let app = app.restart();
    let admin = app.anonymous().with_token(admin.token());
    let after = admin.get(CONFIG).await;
    assert_eq!(after.expect(200)["configuration"], before.expect(200)["configuration"]);
    assert_eq!(etag(&after), etag(&before));
    admin.get(ACME).await.expect(200);
    clock.advance(11 * MINUTE);
    assert!(!is_cached(&admin, ACME).await);
    assert_eq!(admin.put(CONFIG, json!({"maxCacheSize": 7})).await.expect(200)["version"], 2);
}

#[tokio::test]
async fn an_unreadable_stored_configuration_falls_back_to_the_defaults() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.put(CONFIG, json!({"maxCacheSize": 7})).await.expect(200);
    let foreign = r#"{"ttlSettings":"forever"}"#;
    app.store
        .directory()
        .raw_writer()
        .execute("INSERT INTO cache_configuration VALUES (2, 1000, 'newer', 'local', ?1)", [foreign])
        .unwrap();
    let app = app.restart();
    let admin = app.anonymous().with_token(admin.token());
    let body = admin.get(CONFIG).await.expect(200);
    assert_eq!((&body["configuration"], &body["version"]), (&defaults(), &json!(2)));
    let message = admin.post("/cache/config/revert", json!({"version": 2})).await.problem(409);
    assert!(message.starts_with("Version 2 was written by another Muster and cannot be read"), "{message}");
    let history = admin.get("/cache/config/history").await.expect(200);
    assert_eq!(history["history"][0]["configuration"], json!({"ttlSettings": "forever"}));
    // The next change starts from the defaults.
    let body = admin.post("/cache/config/revert", json!({"version": 0})).await.expect(200);
    assert_eq!((&body["configuration"], &body["version"]), (&defaults(), &json!(3)));
}

#[tokio::test]
async fn a_version_stored_by_another_process_is_the_base_of_the_next_change() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let mut changes = app.summaries.configuration_changes();
    app.store
        .directory()
        .raw_writer()
        .execute("INSERT INTO cache_configuration VALUES (1, 1000, 'x', 'local', ?1)", [r#"{"maxCacheSize":3}"#])
        .unwrap();
    let body = admin.put(CONFIG, json!({"staleIfError": "1h"})).await.expect(200);
    assert_eq!((&body["version"], &body["configuration"]["maxCacheSize"]), (&json!(2), &json!(3)));
    assert!(changes.has_changed().unwrap());
    assert_eq!(changes.borrow_and_update().version, 2);
    assert_eq!(app.summaries.configuration().1.entries_max, 3);
}

#[tokio::test]
async fn a_change_with_an_outdated_if_match_answers_412() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let first = etag(&admin.get(CONFIG).await);
    let size = |size: u32| json!({"maxCacheSize": size});
    let reply = send_if_match(&admin, Method::PUT, CONFIG, &first, size(5)).await;
    reply.expect(200);
    let second = etag(&reply);
    let lost = send_if_match(&admin, Method::PUT, CONFIG, &first, size(6)).await;
    assert_eq!(lost.problem(412), "The cache configuration is another one by now: version 1");
    let lost = send_if_match(&admin, Method::POST, "/cache/config/revert", &first, json!({"version": 0})).await;
    lost.problem(412);
    for other in [&format!("W/{second}"), "1", "", "\"other\", \"another\""] {
        send_if_match(&admin, Method::PUT, CONFIG, other, size(6)).await.problem(412);
    }
    assert_eq!(configuration(&admin).await["maxCacheSize"], 5);
    // A change without effect is refused too, because it was made for another version.
    send_if_match(&admin, Method::PUT, CONFIG, &first, size(5)).await.problem(412);
    for (tag, expected) in [(format!("{first}, {second}"), 7), ("*".to_owned(), 8)] {
        send_if_match(&admin, Method::PUT, CONFIG, &tag, size(expected)).await.expect(200);
        assert_eq!(configuration(&admin).await["maxCacheSize"], expected);
    }
}

#[tokio::test]
async fn an_invalid_request_is_refused_before_if_match_is_evaluated() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let revert = "/cache/config/revert";
    // RFC 9110, section 13.2.1: preconditions are evaluated only for requests that would otherwise succeed.
    let reply = send_if_match(&admin, Method::POST, revert, "\"old\"", json!({"version": 9})).await;
    assert_eq!(reply.problem(404), "Configuration version not found");
    let reply = send_if_match(&admin, Method::PUT, CONFIG, "\"old\"", json!({"maxCacheSize": 0})).await;
    reply.problem(400);
}

#[tokio::test]
async fn a_whole_number_may_be_sent_as_a_float() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    // Clients whose numbers are all floats send these, and JSON does not distinguish 5.0 from 5.
    let sent = r#"{"maxCacheSize": 5.0, "activity": {"highPerHour": 2e1}, "targets": {"memoryBytes": 1048576.0}}"#;
    let put = admin.request(Method::PUT, CONFIG).header("content-type", "application/json").body(sent);
    Reply::to(put).await.expect(200);
    let configuration = configuration(&admin).await;
    assert_eq!((&configuration["maxCacheSize"], &configuration["activity"]["highPerHour"]), (&json!(5), &json!(20)));
    assert_eq!(configuration["targets"]["memoryBytes"], 1_048_576);
    let revert = async |version: &str| {
        let request = admin.request(Method::POST, "/cache/config/revert").header("content-type", "application/json");
        Reply::to(request.body(format!(r#"{{"version": {version}}}"#))).await
    };
    revert("0.0").await.expect(200);
    for wrong in ["0.5", "-1", "-1.0", "1e300", "1e17", "\"1\"", "true", "null"] {
        let message = revert(wrong).await.problem(400);
        assert!(message.starts_with("version: must be a whole number, zero or more"), "{wrong}: {message}");
    }
}

#[tokio::test]
async fn concurrent_changes_each_get_a_version_and_the_last_one_is_in_force() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let mut changing = tokio::task::JoinSet::new();
    for number in 1..=40_u32 {
        let admin = admin.clone();
        changing.spawn(async move {
            let body = admin.put(CONFIG, json!({"maxCacheSize": number})).await.expect(200);
            (body["version"].as_u64().unwrap(), number)
        });
    }
    let mut made = changing.join_all().await;
    made.sort_unstable();
    assert_eq!(made.iter().map(|(version, _)| *version).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    let body = admin.get(CONFIG).await.expect(200);
    assert_eq!((&body["version"], &body["configuration"]["maxCacheSize"]), (&json!(40), &json!(made[39].1)));
    assert_eq!(app.summaries.cache().settings().entries_max, made[39].1 as usize);
}

#[tokio::test]
async fn a_change_takes_effect_when_its_caller_gives_up_waiting() {
    let app = TestApp::start().await;
    let actor = Actor::of_program("a test");
    let change = ConfigurationEdit::Set(ConfigurationChange::check([("maxCacheSize", Given::Number(9.0))]).unwrap());
    let mut changes = app.summaries.configuration_changes();
    let configuring = app.summaries.configure(actor, change, None);
    // The caller polls once and gives up.
    let given_up = tokio::time::timeout(Duration::ZERO, configuring).await;
    changes.changed().await.unwrap();
    assert_eq!(app.summaries.cache().settings().entries_max, 9);
    drop(given_up);
}

#[tokio::test]
async fn every_version_is_listed_and_can_be_reverted_to() {
    let (app, clock) = start_in_the_morning().await;
    let admin = app.client(Role::Admin).await;
    for size in [10, 20, 30] {
        clock.advance(MINUTE);
        admin.put(CONFIG, json!({"maxCacheSize": size})).await.expect(200);
    }
    let back = admin.post("/cache/config/revert", json!({"version": 1})).await.expect(200);
    assert_eq!(back["message"], "Cache configuration reverted to version 1");
    assert_eq!((&back["version"], &back["configuration"]["maxCacheSize"]), (&json!(4), &json!(10)));
    assert_eq!(app.summaries.cache().settings().entries_max, 10);
    let state = admin.get(CONFIG).await.expect(200);
    assert_eq!((&state["defaults"], &state["configuration"]["maxCacheSize"]), (&defaults(), &json!(10)));
    let back = admin.post("/cache/config/revert", json!({"version": 0})).await.expect(200);
    assert_eq!((&back["version"], &back["configuration"]), (&json!(5), &defaults()));
    let same = admin.post("/cache/config/revert", json!({"version": 5})).await.expect(200);
    assert_eq!((&same["version"], &same["changed"]), (&json!(5), &json!(false)));
    let message = admin.post("/cache/config/revert", json!({"version": 6})).await.problem(404);
    assert_eq!(message, "Configuration version not found");
    for (wrong, field) in
        [(json!({}), "version"), (json!({"version": -1}), "version"), (json!({"version": "1"}), "version")]
    {
        assert_eq!(admin.post("/cache/config/revert", wrong).await.invalid_fields().1, [field]);
    }

    let mut sizes = Vec::new();
    let mut path = "/cache/config/history?limit=2".to_owned();
    loop {
        let list = app.client(Role::Viewer).await.get(&path).await.expect(200);
        assert_eq!(list["totalCount"], 5);
        for item in list["history"].as_array().unwrap() {
            assert!(item["actor"].as_str().unwrap().starts_with("admin (token "), "{item}");
            assert_eq!(item["address"], "127.0.0.1");
            sizes.push((item["version"].as_u64().unwrap(), item["configuration"]["maxCacheSize"].as_u64().unwrap()));
        }
        match list["pagination"]["nextCursor"].as_str() {
            Some(cursor) => path = format!("/cache/config/history?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(sizes, [(5, 1_000), (4, 10), (3, 30), (2, 20), (1, 10)]);
    let first = &admin.get("/cache/config/history?limit=1&page=5").await.expect(200)["history"][0];
    assert_eq!(first["at"], "2026-11-22T00:11:00.000Z");
}

#[tokio::test]
async fn every_change_is_audited_with_before_and_after() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.put(CONFIG, json!({"staleIfError": "1h"})).await.expect(200);
    admin.post("/cache/config/revert", json!({"version": 0})).await.expect(200);
    let log = admin.get("/audit?action=cache").await.expect(200);
    let acts = log["audit"].as_array().unwrap();
    let mut changed = defaults();
    changed["staleIfError"] = json!(3_600_000);
    for (act, action, target, before, after) in [
        (&acts[0], "cache.revert", "version 2", &changed, &defaults()),
        (&acts[1], "cache.configure", "version 1", &defaults(), &changed),
    ] {
        assert_eq!((&act["action"], &act["target"]), (&json!(action), &json!(target)));
        assert_eq!((&act["before"], &act["after"]), (before, after));
        assert!(act["actor"].as_str().unwrap().starts_with("admin (token "), "{act}");
        assert_eq!(act["address"], "127.0.0.1");
    }
    assert_eq!(acts.len(), 2);
}

#[tokio::test]
async fn only_admins_change_the_configuration_and_limited_tokens_cannot_read_it() {
    let app = TestApp::start().await;
    let patch = json!({"maxCacheSize": 5});
    for role in [Role::Viewer, Role::Contributor, Role::Manager] {
        let client = app.client(role).await;
        client.get(CONFIG).await.expect(200);
        client.get("/cache/config/history").await.expect(200);
        client.put(CONFIG, patch.clone()).await.problem(403);
        client.post("/cache/config/revert", json!({"version": 0})).await.problem(403);
    }
    let limited = app.enterprise_client(Role::Admin, "acme").await;
    limited.get(CONFIG).await.problem(403);
    limited.get("/cache/config/history").await.problem(403);
    limited.put(CONFIG, patch).await.problem(403);
    limited.post("/cache/config/revert", json!({"version": 0})).await.problem(403);
    assert_eq!(configuration(&app.client(Role::Viewer).await).await, defaults());
}

#[tokio::test]
async fn a_change_that_cannot_be_stored_does_not_take_effect() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let refused: Result<(), StoreError> = Store::write(&app.store, |tx| {
        tx.append_cache_configuration(&Actor::command_line(), &CacheConfiguration::default())?;
        Err(StoreError::Conflict("no".to_owned()))
    })
    .await;
    assert!(refused.is_err());
    assert_eq!(admin.get("/cache/config/history").await.expect(200)["totalCount"], 0);
    let store = Store::clone(&app.store);
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    admin.put(CONFIG, json!({"maxCacheSize": 5})).await.problem(503);
    assert_eq!(configuration(&admin).await, defaults());
}

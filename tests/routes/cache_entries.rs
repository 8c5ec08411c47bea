//! Single entries of the cache, over HTTP.

use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, at};

const ALL: [&str; 5] = [
    "/enterprise/acme/contacts/summary",
    "/enterprise/acme/departments/lab/contacts/summary",
    "/enterprise/acme/departments/sales/contacts/summary",
    "/enterprise/globex/contacts/summary",
    "/enterprise/globex/departments/ops/contacts/summary",
];

/// The cache key of each.
const KEYS: [&str; 5] = [
    "enterprise:acme:contacts",
    "enterprise:acme:department:lab:contacts",
    "enterprise:acme:department:sales:contacts",
    "enterprise:globex:contacts",
    "enterprise:globex:department:ops:contacts",
];

async fn fill(client: &Client) {
    for path in ALL {
        client.get(path).await.expect(200);
    }
}

fn keys(list: &Value) -> Vec<&str> {
    list["entries"].as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_cache_entry_is_listed_with_all_its_fields() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let viewer = app.client(Role::Viewer).await;
    assert_eq!(viewer.get("/cache/entries").await.expect(200)["entries"], json!([]));
    let mut revision = Value::Null;
    for _ in 0..3 {
        revision = viewer.get(ALL[0]).await.expect(200)["data"]["revision"].take();
    }
    clock.advance(Duration::from_secs(12));
    let list = viewer.get("/cache/entries").await.expect(200);
    let bytes = list["entries"][0]["bytes"].as_u64().unwrap();
    assert!(bytes > 500, "{bytes}");
    let entry = json!({
        "key": "enterprise:acme:contacts", "kind": "enterprise", "bytes": bytes, "ageMillis": 12_000,
        "ttlLeftMillis": 3_588_000, "accesses": 2, "revision": revision, "fresh": true
    });
    assert_eq!(list["entries"], json!([entry]));
    // An expired entry is listed, but not served, until it is swept.
    clock.advance(Duration::from_hours(1));
    let entry = viewer.get("/cache/entries").await.expect(200)["entries"][0].clone();
    assert_eq!((&entry["fresh"], &entry["ttlLeftMillis"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn cache_entries_are_ordered_by_key_filtered_by_kind_and_paged() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    fill(&viewer).await;
    let list = viewer.get("/cache/entries").await.expect(200);
    assert_eq!(
        (&list["count"], &list["totalCount"], &list["pagination"]["limit"]),
        (&json!(5), &json!(5), &json!(100))
    );
    assert!(keys(&list).is_sorted() || keys(&list)[0] == "enterprise:acme:contacts", "{list:#}");
    let all: Vec<String> = keys(&list).into_iter().map(str::to_owned).collect();

    let departments = viewer.get("/cache/entries?kind=department&limit=2").await.expect(200);
    assert_eq!((&departments["count"], &departments["totalCount"]), (&json!(2), &json!(3)));
    let cursor = departments["pagination"]["nextCursor"].as_str().unwrap();
    let rest = viewer.get(&format!("/cache/entries?kind=department&limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(rest["pagination"]["nextCursor"], Value::Null);
    let both: Vec<&str> = keys(&departments).into_iter().chain(keys(&rest)).collect();
    assert_eq!(both, all.iter().filter(|key| key.contains(":department:")).collect::<Vec<_>>());
    let enterprises = viewer.get("/cache/entries?kind=enterprise").await.expect(200);
    assert_eq!(keys(&enterprises), ["enterprise:acme:contacts", "enterprise:globex:contacts"]);
    assert_eq!(viewer.get("/cache/entries?limit=2&page=3").await.expect(200)["count"], 1);

    // A cursor works after its entry is removed; the remaining rows are neither skipped nor repeated.
    let first = viewer.get("/cache/entries?limit=2").await.expect(200);
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let admin = app.client(Role::Admin).await;
    for key in keys(&first) {
        admin.delete(&format!("/cache/entries/{key}")).await.expect(200);
    }
    let rest = viewer.get(&format!("/cache/entries?cursor={cursor}")).await.expect(200);
    assert_eq!(keys(&rest), all[2..].iter().collect::<Vec<_>>());
    // Listing entries does not count as accessing them.
    let accesses = |entry: &Value| entry["accesses"] == 0;
    assert!(rest["entries"].as_array().unwrap().iter().all(accesses), "{rest:#}");
}

#[tokio::test]
async fn cache_entries_are_searched_by_part_of_the_key_and_sorted_by_any_field() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let viewer = app.client(Role::Viewer).await;
    // The later a summary is first requested, the more often it is requested again.
    let asked = [2, 0, 4, 1, 3];
    for (times, index) in asked.into_iter().enumerate() {
        for _ in 0..=times {
            viewer.get(ALL[index]).await.expect(200);
        }
        clock.advance(Duration::from_secs(1));
    }
    let list = async |query: &str| viewer.get(&format!("/cache/entries?{query}")).await.expect(200);
    let check = async |query: &str, expected: &[usize]| {
        let list = list(query).await;
        let expected: Vec<&str> = expected.iter().map(|index| KEYS[*index]).collect();
        assert_eq!(keys(&list), expected, "{query}");
        assert_eq!(list["pagination"]["nextCursor"], Value::Null, "{query}");
    };
    let reversed: Vec<usize> = asked.into_iter().rev().collect();
    check("sort=accesses", &asked).await;
    check("sort=age&order=desc", &asked).await;
    check("sort=accesses&order=desc", &reversed).await;
    check("sort=age&order=asc", &reversed).await;
    check("sort=key&order=desc", &[4, 3, 2, 1, 0]).await;
    // Each enterprise and department counts its own changes; those that are equal go by key.
    let revisions: Vec<i64> = app.client(Role::Viewer).await.get("/cache/entries").await.expect(200)["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["revision"].as_i64().unwrap())
        .collect();
    let mut by_revision: Vec<usize> = (0..revisions.len()).collect();
    by_revision.sort_by_key(|place| std::cmp::Reverse(revisions[*place]));
    check("sort=revision&order=desc", &by_revision).await;
    // Departments have a shorter TTL.
    check("sort=ttlLeft", &[2, 4, 1, 0, 3]).await;
    check("sort=accesses&order=desc&limit=2&page=2", &reversed[2..4]).await;
    check("search=globex", &[3, 4]).await;
    check("search=t:sales&kind=department&sort=bytes", &[2]).await;
    check("search=GLOBEX", &[]).await;
    check("search=", &[0, 1, 2, 3, 4]).await;
    let by_bytes = list("sort=bytes").await;
    let bytes: Vec<u64> =
        by_bytes["entries"].as_array().unwrap().iter().map(|entry| entry["bytes"].as_u64().unwrap()).collect();
    assert!(bytes.is_sorted(), "{bytes:?}");

    let first = list("limit=1").await;
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let (message, _) = viewer.get(&format!("/cache/entries?sort=age&cursor={cursor}")).await.invalid_fields();
    assert_eq!(message, "cursor: belongs to a list by rising key; use page");
    for wrong in ["sort", "order"] {
        let (_, fields) = viewer.get(&format!("/cache/entries?{wrong}=beauty")).await.invalid_fields();
        assert_eq!(fields, [wrong]);
    }
}

#[tokio::test]
async fn an_invalid_kind_is_refused_with_the_field_name() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    for kind in ["king", "", "Enterprise"] {
        let (message, fields) = viewer.get(&format!("/cache/entries?kind={kind}")).await.invalid_fields();
        assert_eq!(fields, ["kind"]);
        assert!(message.starts_with("kind: must be one of \"enterprise\", \"department\""), "{message}");
    }
    let (message, _) = viewer.get("/cache/entries?kind=enterprise&kind=department").await.invalid_fields();
    assert_eq!(message, "kind: is given twice");
}

#[tokio::test]
async fn removing_one_cache_entry_keeps_the_others() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    fill(&admin).await;
    let key = "enterprise:acme:department:sales:contacts";
    let body = admin.delete(&format!("/cache/entries/{key}")).await.expect(200);
    assert_eq!((&body["message"], &body["key"]), (&json!("Cache entry removed successfully"), &json!(key)));
    for path in ALL {
        let cached = path != ALL[2];
        assert_eq!(admin.get(path).await.expect(200)["cached"], cached, "{path}");
    }
    // A percent-encoded key names the same entry.
    let escaped = key.replace(':', "%3A").replace('s', "%73");
    admin.delete(&format!("/cache/entries/{escaped}")).await.expect(200);
    let not_there = [key, "enterprise:nowhere:contacts", "acme", "enterprise:a%20b:contacts", "%00", "enterprise:acme"];
    for key in not_there {
        assert_eq!(admin.delete(&format!("/cache/entries/{key}")).await.problem(404), "Cache entry not found", "{key}");
    }
    let connection = app.store.directory().raw_reader();
    let sql = "SELECT count(*), min(target), max(after) FROM audit WHERE action = 'cache.drop'";
    let (count, target, after): (u32, String, String) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((count, target.as_str(), after.as_str()), (2, key, r#"{"clearedEntries":1}"#));
}

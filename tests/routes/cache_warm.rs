//! Warming the cache, over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{TestApp, department, enterprise, name};

/// `id status error` of each result, in order.
fn results(body: &Value) -> Vec<String> {
    let one = |result: &Value| {
        let duration = result["duration"].as_f64().unwrap();
        assert!((0.0..60_000.0).contains(&duration), "{result}");
        let fields: BTreeSet<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["duration", "enterpriseId", "error", "status"];
        let is_error = result["status"] == "error";
        assert!(expected.iter().all(|field| fields.contains(field) == (*field != "error" || is_error)), "{result}");
        let error = result["error"].as_str().map_or(String::new(), |error| format!(" {error}"));
        format!("{} {}{error}", result["enterpriseId"], result["status"].as_str().unwrap())
    };
    body["results"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test]
async fn a_warmed_summary_is_a_hit_and_warming_counts_neither_hit_nor_miss() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let body = admin.post("/cache/warm", json!({"enterpriseIds": ["globex", "acme"]})).await.expect(200);
    assert_eq!(body["message"], "Cache warming completed for 2 enterprises");
    assert_eq!(results(&body), [r#""globex" warmed"#, r#""acme" warmed"#]);
    let cache = admin.get("/cache/stats").await.expect(200)["cache"].clone();
    assert_eq!((&cache["hitCount"], &cache["missCount"], &cache["loads"]), (&json!(0), &json!(0), &json!(2)));
    assert_eq!(admin.get("/enterprise/acme/contacts/summary").await.expect(200)["cached"], true);
    assert_eq!(admin.get("/enterprise/acme/departments/sales/contacts/summary").await.expect(200)["cached"], false);
    let again = admin.post("/cache/warm", json!({"enterpriseIds": ["acme"]})).await.expect(200);
    assert_eq!(results(&again), [r#""acme" already_cached"#]);
}

#[tokio::test]
async fn one_bad_id_does_not_stop_the_rest() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let ids = json!(["nowhere", "acme", "a b", 7, null, {"id": "acme"}, "acme", "globex", "nowhere", ""]);
    let body = admin.post("/cache/warm", json!({"enterpriseIds": ids})).await.expect(200);
    assert_eq!(body["message"], "Cache warming completed for 10 enterprises");
    assert_eq!(
        results(&body),
        [
            r#""nowhere" error Enterprise not found"#,
            r#""acme" warmed"#,
            r#""a b" error Enterprise not found"#,
            "7 error An enterprise's id is a string",
            "null error An enterprise's id is a string",
            r#"{"id":"acme"} error An enterprise's id is a string"#,
            r#""acme" already_cached"#,
            r#""globex" warmed"#,
            r#""nowhere" error Enterprise not found"#,
            r#""" error Enterprise not found"#,
        ]
    );
    let connection = app.store.directory().raw_reader();
    let sql = "SELECT target, after FROM audit WHERE action = 'cache.warm'";
    let (target, after): (String, String) =
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let after: Value = serde_json::from_str(&after).unwrap();
    assert_eq!(target, "cache");
    assert_eq!(
        after,
        json!({"enterprises": 10, "includeDepartments": false, "warmed": 2, "alreadyCached": 1, "errors": 7})
    );
}

#[tokio::test]
async fn departments_are_warmed_page_by_page_when_requested() {
    let app = TestApp::start().await;
    // More departments than one page has.
    app.write(|tx| {
        for number in 0..205 {
            let id = format!("d{number}");
            tx.create_department(&enterprise("globex"), Some(department(&id)), &name(&id))?;
        }
        Ok(())
    })
    .await;
    let admin = app.client(Role::Admin).await;
    let request = json!({"enterpriseIds": ["acme", "globex"], "includeDepartments": true});
    let body = admin.post("/cache/warm", request.clone()).await.expect(200);
    assert_eq!(results(&body), [r#""acme" warmed"#, r#""globex" warmed"#]);
    let list = admin.get("/cache/entries?kind=department&limit=1").await.expect(200);
    assert_eq!(list["totalCount"], 2 + 206);
    assert_eq!(admin.get("/enterprise/globex/departments/d204/contacts/summary").await.expect(200)["cached"], true);
    // With one department missing, the enterprise counts as not cached before.
    admin.delete("/cache/entries/enterprise:globex:department:d7:contacts").await.expect(200);
    let body = admin.post("/cache/warm", request).await.expect(200);
    assert_eq!(results(&body), [r#""acme" already_cached"#, r#""globex" warmed"#]);
    let loads = admin.get("/cache/stats").await.expect(200)["cache"]["loads"].clone();
    assert_eq!(loads, 2 + 208 + 1);
}

#[tokio::test]
async fn at_most_1000_enterprises_are_warmed_per_request() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let many = |count: usize| json!({"enterpriseIds": vec!["acme"; count]});
    let body = admin.post("/cache/warm", many(1_000)).await.expect(200);
    assert_eq!(body["message"], "Cache warming completed for 1000 enterprises");
    let (first, rest) = (&body["results"][0]["status"], &body["results"].as_array().unwrap()[1..]);
    assert_eq!((first, rest.len()), (&json!("warmed"), 999));
    assert!(rest.iter().all(|result| result["status"] == "already_cached"));
    let (message, fields) = admin.post("/cache/warm", many(1_001)).await.invalid_fields();
    assert_eq!(
        (message.as_str(), fields),
        ("enterpriseIds: must have at most 1000 ids", vec!["enterpriseIds".to_owned()])
    );
    let none = admin.post("/cache/warm", many(0)).await.expect(200);
    assert_eq!((&none["message"], &none["results"]), (&json!("Cache warming completed for 0 enterprises"), &json!([])));
}

#[tokio::test]
async fn a_warm_request_without_a_list_of_ids_is_refused() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for ids in [json!("acme"), json!(null), json!(5), json!({"0": "acme"})] {
        let (message, fields) = admin.post("/cache/warm", json!({"enterpriseIds": ids})).await.invalid_fields();
        assert_eq!((message.as_str(), fields), ("enterpriseIds must be an array", vec!["enterpriseIds".to_owned()]));
    }
    assert_eq!(admin.post("/cache/warm", json!({})).await.invalid_fields().0, "enterpriseIds must be an array");
    let request = json!({"enterpriseIds": ["acme"], "includeDepartments": "yes"});
    assert_eq!(admin.post("/cache/warm", request).await.invalid_fields().1, ["includeDepartments"]);
}

#[tokio::test]
async fn enterprises_not_reached_within_the_time_limit_are_reported_as_errors() {
    let app = TestApp::start_with(|settings| settings.http.request_timeout = Duration::from_nanos(1)).await;
    // Calls the summaries directly, since every HTTP request would time out.
    let request = muster::summaries::WarmRequest {
        enterprises: vec![enterprise("acme"), enterprise("globex")],
        with_departments: true,
        time_max: Duration::ZERO,
    };
    let reports = app.summaries.warm(request).await;
    let errors: Vec<String> = reports.into_iter().map(|report| report.outcome.unwrap_err().to_string()).collect();
    assert_eq!(errors, ["it was not reached in the time of one request; ask for it again"; 2]);
    assert_eq!(app.summaries.cache().stats().loads, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_warm_requests_run_at_most_two_loads_at_once() {
    let app = TestApp::start().await;
    app.write(|tx| {
        for number in 0..100 {
            let id = format!("e{number}");
            tx.create_enterprise(Some(enterprise(&id)), &name(&id))?;
        }
        Ok(())
    })
    .await;
    let admin = app.client(Role::Admin).await;
    let ids: Vec<String> = (0..100).map(|number| format!("e{number}")).collect();
    let warmings: Vec<_> = ids
        .chunks(25)
        .map(|ids| {
            let (admin, body) = (admin.clone(), json!({"enterpriseIds": ids}));
            tokio::spawn(async move { admin.post("/cache/warm", body).await.expect(200) })
        })
        .collect();
    let mut loads_max = 0;
    while !warmings.iter().all(tokio::task::JoinHandle::is_finished) {
        loads_max = loads_max.max(app.summaries.cache().entry_totals().loads);
        tokio::task::yield_now().await;
    }
    assert!(loads_max <= 2, "{loads_max} loads at once");
    for warming in warmings {
        let body = warming.await.unwrap();
        assert!(results(&body).iter().all(|result| result.ends_with(" warmed")), "{body:#}");
    }
    assert_eq!(app.summaries.cache().stats().loads, 100);
}

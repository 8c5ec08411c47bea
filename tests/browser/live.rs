//! Live updates of the pages.

use std::time::{Duration, Instant};

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

/// The time within which the page must show a change.
const UPDATE_TIME_MAX: Duration = Duration::from_secs(2);

/// How often that is measured. A busy machine may delay single rounds, so the median counts.
const ROUNDS: u8 = 5;

#[tokio::test]
async fn the_overview_updates_within_two_seconds_of_a_request() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#tile-hitRate", "No data yet").await;
    page.wait_for_visible("#live[data-state=live]").await;
    let mut times = Vec::new();
    for round in (0..ROUNDS).map(f64::from) {
        let before = page.texts("#tile-hitRate .tile-value").await.remove(0);
        let begun = Instant::now();
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        // 0 of 1, 1 of 2, 2 of 3: each request changes the hit rate.
        let rate = format!("{:.1}%", 100.0 * round / (round + 1.0));
        page.wait_for(
            "return document.querySelector('#tile-hitRate .tile-value').innerText !== arguments[0]",
            json!([before]),
        )
        .await;
        times.push(begun.elapsed());
        page.wait_for_text("#tile-hitRate .tile-value", &rate).await;
    }
    times.sort();
    assert!(times[times.len() / 2] <= UPDATE_TIME_MAX, "{times:?}");
    page.wait_for_text("#tile-hitRate[data-met=missed]", "Missed").await;
    page.wait_for_text("#most-asked", "enterprise:acme:contacts").await;

    // A write invalidates the summary, and the page shows the new one.
    page.navigate_to("enterprises").await;
    page.click("tr[data-enterprise=acme] a").await;
    page.wait_for_text("#totals", "2\n").await;
    let contact = json!({"userId": "u1", "contactInfo": {"name": "Ada", "company": "Analytical Engines"}});
    let begun = Instant::now();
    admin.post("/AddContact", contact).await.expect(201);
    page.wait_for_text("#totals", "3\n").await;
    assert!(begun.elapsed() < 5 * UPDATE_TIME_MAX, "{:?}", begun.elapsed());
    page.end().await;
}

#[tokio::test]
async fn percentiles_and_mass_invalidations_update_with_each_sample() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let warmed = json!({"enterpriseIds": ["acme", "globex"]});
    admin.post("/cache/warm", warmed.clone()).await.expect(200);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#tile-hitMillis[data-met=unknown]", "No data yet").await;
    page.wait_for_visible("#live[data-state=live]").await;
    // The page reloads the analytics at once, and then at most every ten seconds; samples arrive every second.
    let reads =
        "return performance.getEntriesByType('resource').filter(({name}) => name.includes('analytics?')).length > 1";
    page.wait_for(reads, json!([])).await;
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        admin.delete("/cache/clear").await.expect(200);
        page.wait_for_text("#tile-invalidationsPerHour .tile-value", &format!("{round} per hour")).await;
        page.wait_for_visible("#tile-hitMillis[data-met=met]").await;
        times.push(begun.elapsed());
        admin.post("/cache/warm", warmed.clone()).await.expect(200);
    }
    times.sort();
    assert!(times[times.len() / 2] <= UPDATE_TIME_MAX, "{times:?}");
    page.wait_for_visible("#tile-invalidationsPerHour[data-met=missed]").await;

    // The percentile that the page computes equals the server's.
    for _ in 0..200 {
        admin.get("/enterprise/globex/contacts/summary").await.expect(200);
    }
    let analytics = admin.get("/cache/analytics").await.expect(200)["analytics"].take();
    let p99 = analytics["hitMicros"]["p99"].clone();
    let words =
        "const done = arguments[arguments.length - 1]; import('/js/format.js').then(({latency}) => done(latency(P99)))";
    let words = page.evaluate_async(&words.replace("P99", &p99.to_string())).await;
    page.wait_for_text("#tile-hitMillis .tile-value", words.as_str().unwrap()).await;
    page.end().await;
}

//! What happens is seen while it happens.

use std::time::{Duration, Instant};

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

/// Within so long a value moves, by the design.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// How often that is put to the proof. The promise is the page's and not the scheduler's of a busy machine, so most
/// rounds must keep it.
const ROUNDS: u8 = 5;

#[tokio::test]
async fn the_overview_moves_within_two_seconds_of_a_request() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#tile-hitRate", "No data yet").await;
    page.until_there("#live[data-state=live]").await;
    let mut times = Vec::new();
    for round in (0..ROUNDS).map(f64::from) {
        let before = page.texts("#tile-hitRate .tile-value").await.remove(0);
        let begun = Instant::now();
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        // None of one, one of two, two of three: every request makes another rate.
        let rate = format!("{:.1}%", 100.0 * round / (round + 1.0));
        page.until(
            "return document.querySelector('#tile-hitRate .tile-value').innerText !== arguments[0]",
            json!([before]),
        )
        .await;
        times.push(begun.elapsed());
        page.until_says("#tile-hitRate .tile-value", &rate).await;
    }
    times.sort();
    assert!(times[times.len() / 2] <= SEEN_WITHIN, "{times:?}");
    page.until_says("#tile-hitRate[data-met=missed]", "Missed").await;
    page.until_says("#most-asked", "enterprise:acme:contacts").await;

    // A write drops what it changed, which is seen as well.
    page.turn_to("enterprises").await;
    page.click("tr[data-enterprise=acme] a").await;
    page.until_says("#totals", "2\n").await;
    let contact = json!({"userId": "u1", "contactInfo": {"name": "Ada", "company": "Analytical Engines"}});
    let begun = Instant::now();
    admin.post("/AddContact", contact).await.expect(201);
    page.until_says("#totals", "3\n").await;
    assert!(begun.elapsed() < 5 * SEEN_WITHIN, "{:?}", begun.elapsed());
    page.end().await;
}

#[tokio::test]
async fn percentiles_and_mass_invalidations_come_with_the_samples_too() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let warmed = json!({"enterpriseIds": ["acme", "globex"]});
    admin.post("/cache/warm", warmed.clone()).await.expect(200);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#tile-hitMillis[data-met=unknown]", "No data yet").await;
    page.until_there("#live[data-state=live]").await;
    // What is read anew is read at once, and then no more often than each ten seconds; samples come each second.
    let reads =
        "return performance.getEntriesByType('resource').filter(({name}) => name.includes('analytics?')).length > 1";
    page.until(reads, json!([])).await;
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        admin.delete("/cache/clear").await.expect(200);
        page.until_says("#tile-invalidationsPerHour .tile-value", &format!("{round} per hour")).await;
        page.until_there("#tile-hitMillis[data-met=met]").await;
        times.push(begun.elapsed());
        admin.post("/cache/warm", warmed.clone()).await.expect(200);
    }
    times.sort();
    assert!(times[times.len() / 2] <= SEEN_WITHIN, "{times:?}");
    page.until_there("#tile-invalidationsPerHour[data-met=missed]").await;

    // What was added up in the page is what the server says.
    for _ in 0..200 {
        admin.get("/enterprise/globex/contacts/summary").await.expect(200);
    }
    let analytics = admin.get("/cache/analytics").await.expect(200)["analytics"].take();
    let p99 = analytics["hitMicros"]["p99"].clone();
    let words =
        "const done = arguments[arguments.length - 1]; import('/js/format.js').then(({latency}) => done(latency(P99)))";
    let words = page.ask_later(&words.replace("P99", &p99.to_string())).await;
    page.until_says("#tile-hitMillis .tile-value", words.as_str().unwrap()).await;
    page.end().await;
}

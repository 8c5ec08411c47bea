//! A browser whose clock is wrong: ages and countdowns are right, because they come from the server's.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

/// Lets the browser's clock go wrong by so many milliseconds. The monotonic one stays, as it does where somebody sets a
/// clock.
const SKEW: &str = "{ const Right = Date; const skew = SKEW; globalThis.Date = class Date extends Right { \
    constructor(...given) { if (given.length > 0) super(...given); else super(Right.now() + skew); } \
    static now() { return Right.now() + skew; } }; }";

#[tokio::test]
async fn a_browsers_clock_may_be_an_hour_slow() {
    check(-3_600_000).await;
}

#[tokio::test]
async fn a_browsers_clock_may_be_an_hour_fast() {
    check(3_600_000).await;
}

async fn check(skew: i64) {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.put("/cache/config", json!({"maxCacheSize": 500})).await.expect(200);
    for _ in 0..2 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    }
    let Some(page) = Page::blank(&app).await else { return };
    page.before_each_document(&SKEW.replace("SKEW", &skew.to_string())).await;
    page.enter(admin.token()).await;
    let off = page.ask("return new Date().getTime() - performance.timeOrigin - performance.now()", json!([])).await;
    let millis = |value: i64| i64::try_from(value.unsigned_abs()).unwrap() / 60_000;
    #[expect(clippy::cast_possible_truncation, reason = "some thousand seconds")]
    let off = off.as_f64().unwrap() as i64;
    assert_eq!(millis(off - skew), 0, "the clock is wrong: {off}");

    // The overview: what is counted lands in the minute that runs, and not in one of the past or the future.
    page.until_says("#tile-hitRate .tile-value", "50.0%").await;
    page.until_there("#live[data-state=live]").await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    page.until_says("#tile-hitRate .tile-value", "66.7%").await;
    page.click("#chart-requests details summary").await;
    let script = "const rows = [...document.querySelectorAll('#chart-requests details tbody tr')]; \
                  const sum = rows.slice(0, 3).reduce((sum, row) => sum + Number(row.querySelector('td').innerText), 0); \
                  return rows.length === 60 && sum === 2";
    page.until(script, json!([])).await;

    // The entries: seconds old, and with almost all of their hour left.
    page.turn_to("entries").await;
    let row = "#entries tr[data-key='enterprise:acme:contacts']";
    page.until_says(&format!("{row} [data-cell=age]"), " s").await;
    let age = page.texts(&format!("{row} [data-cell=age]")).await.remove(0);
    assert!(!age.contains('h') && !age.contains("min"), "{age}");
    let left = page.texts(&format!("{row} [data-cell=left]")).await.remove(0);
    assert!(left.starts_with("59 min") || left.starts_with("1 h"), "{left}");

    // The history of the settings, and who has access.
    page.turn_to("tuning").await;
    page.until_there("#history [data-version='1'] time").await;
    assert_recent(&page.texts("#history [data-version='1'] time").await);
    page.turn_to("access").await;
    page.until_says("#sessions", "in 12 h").await;
    page.until_there("#audit time").await;
    assert_recent(&page.texts("#audit time").await);
    assert_recent(&page.texts("#tokens tbody tr td:nth-child(3) time").await);
    page.end().await;
}

/// All of it was a moment ago.
fn assert_recent(times: &[String]) {
    let recent = |time: &String| time == "just now" || time.ends_with(" s ago");
    assert!(!times.is_empty() && times.iter().all(recent), "{times:?}");
}

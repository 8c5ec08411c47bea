//! A browser with a wrong clock: ages and countdowns are right, because they are based on the server's clock.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

/// Shifts the browser's wall clock by `SKEW` milliseconds. The monotonic clock is unchanged, as when a user sets the clock.
const SKEW: &str = "{ const Right = Date; const skew = SKEW; globalThis.Date = class Date extends Right { \
    constructor(...given) { if (given.length > 0) super(...given); else super(Right.now() + skew); } \
    static now() { return Right.now() + skew; } }; }";

#[tokio::test]
async fn ages_are_right_when_the_browsers_clock_is_an_hour_slow() {
    check(-3_600_000).await;
}

#[tokio::test]
async fn ages_are_right_when_the_browsers_clock_is_an_hour_fast() {
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
    page.open_and_sign_in(admin.token()).await;
    let off =
        page.evaluate("return new Date().getTime() - performance.timeOrigin - performance.now()", json!([])).await;
    let millis = |value: i64| i64::try_from(value.unsigned_abs()).unwrap() / 60_000;
    #[expect(clippy::cast_possible_truncation, reason = "some thousand seconds")]
    let off = off.as_f64().unwrap() as i64;
    assert_eq!(millis(off - skew), 0, "the clock is wrong: {off}");

    // The overview: requests are counted in the current minute, not in a past or future one.
    page.wait_for_text("#tile-hitRate .tile-value", "50.0%").await;
    page.wait_for_visible("#live[data-state=live]").await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    page.wait_for_text("#tile-hitRate .tile-value", "66.7%").await;
    page.click("#chart-requests details summary").await;
    let script = "const rows = [...document.querySelectorAll('#chart-requests details tbody tr')]; \
                  const sum = rows.slice(0, 3).reduce((sum, row) => sum + Number(row.querySelector('td').innerText), 0); \
                  return rows.length === 60 && sum === 2";
    page.wait_for(script, json!([])).await;

    // The entries: seconds old, with almost one hour of TTL left.
    page.navigate_to("entries").await;
    let row = "#entries tr[data-key='enterprise:acme:contacts']";
    page.wait_for_text(&format!("{row} [data-cell=age]"), " s").await;
    let age = page.texts(&format!("{row} [data-cell=age]")).await.remove(0);
    assert!(!age.contains('h') && !age.contains("min"), "{age}");
    let left = page.texts(&format!("{row} [data-cell=left]")).await.remove(0);
    assert!(left.starts_with("59 min") || left.starts_with("1 h"), "{left}");

    // The history of the settings, and the access page.
    page.navigate_to("tuning").await;
    page.wait_for_visible("#history [data-version='1'] time").await;
    assert_recent(&page.texts("#history [data-version='1'] time").await);
    page.navigate_to("access").await;
    page.wait_for_text("#sessions", "in 12 h").await;
    page.wait_for_visible("#audit time").await;
    assert_recent(&page.texts("#audit time").await);
    assert_recent(&page.texts("#tokens tbody tr td:nth-child(3) time").await);
    page.end().await;
}

/// Asserts that all these times are less than a minute ago.
fn assert_recent(times: &[String]) {
    let recent = |time: &String| time == "just now" || time.ends_with(" s ago");
    assert!(!times.is_empty() && times.iter().all(recent), "{times:?}");
}

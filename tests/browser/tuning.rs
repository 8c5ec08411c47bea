//! Changing the cache configuration on the tuning page.

use muster::domain::access::Role;
use serde_json::{Value, json};

use super::Page;
use crate::support::{Client, TestApp};

const CONFIG: &str = "/cache/config";
const HOUR_MILLIS: u64 = 3_600_000;

/// The field of the TTL of enterprises.
const TTL: &str = "#setting-ttlSettings-enterprise";

/// The current configuration, from the API.
async fn config(client: &Client) -> Value {
    client.get(CONFIG).await.expect(200)
}

async fn ttl(client: &Client) -> u64 {
    config(client).await["configuration"]["ttlSettings"]["enterprise"].as_u64().unwrap()
}

#[tokio::test]
async fn a_ttl_changed_on_the_page_is_applied_and_can_be_reverted() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("tuning").await;
    page.wait_for_visible(TTL).await;
    assert_eq!((page.value(TTL).await.as_str(), ttl(&admin).await), ("1h", HOUR_MILLIS));
    page.fill(TTL, "90 min").await;
    let change = page.wait_for_text("[data-change='ttlSettings.enterprise']", "1h 30m").await;
    assert!(change.contains("1h\n") || change.contains("1h "), "from what to what: {change}");
    assert_eq!(ttl(&admin).await, HOUR_MILLIS, "nothing changes before it is applied");
    page.click("#apply").await;
    page.wait_for_text("#history [data-version='1']", "Holds now").await;
    let first = page.texts("#history [data-version='1'] .difference").await;
    assert_eq!(first, ["Enterprise TTL: 1h \u{2192} 1h 30m"], "also the first change says what it changed");
    assert_eq!(ttl(&admin).await, HOUR_MILLIS * 3 / 2);
    page.wait_for_hidden("#apply").await;
    assert_eq!(page.value(TTL).await, "1h 30m");

    page.click("#history [data-version='0'] [data-action=revert]").await;
    page.wait_for_text("#history [data-version='2']", "Holds now").await;
    assert_eq!(ttl(&admin).await, HOUR_MILLIS);
    assert_eq!(page.value(TTL).await, "1h");
    page.end().await;
}

#[tokio::test]
async fn a_slider_and_its_field_agree_and_discarding_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("tuning").await;
    let slider = "[data-slider='ttlSettings.enterprise']";
    page.press(slider, &char::from(fantoccini::key::Key::Right).to_string()).await;
    let spoken = page.evaluate("return document.querySelector(arguments[0]).ariaValueText", json!([slider])).await;
    assert_eq!((page.value(TTL).await, spoken), ("1h 30m".to_owned(), json!("1h 30m")));
    page.click("#discard").await;
    page.wait_for_hidden("#apply").await;
    assert_eq!(page.value(TTL).await, "1h");
    assert_eq!(config(&admin).await["version"], 0);

    // A change by another client appears, and the unsaved input is kept.
    page.fill("#setting-maxCacheSize", "2000").await;
    admin.put(CONFIG, json!({"ttlSettings": {"enterprise": "2h"}})).await.expect(200);
    page.wait_for("return document.querySelector(arguments[0]).value === '2h'", json!([TTL])).await;
    assert_eq!(page.texts("#changes [data-change]").await.len(), 1);
    page.click("#apply").await;
    page.wait_for_text("#history [data-version='2']", "Holds now").await;
    let holds = &config(&admin).await["configuration"];
    assert_eq!((&holds["maxCacheSize"], &holds["ttlSettings"]["enterprise"]), (&json!(2000), &json!(2 * HOUR_MILLIS)));
    page.end().await;
}

#[tokio::test]
async fn an_invalid_input_shows_the_reason_at_its_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    let before = config(&admin).await["configuration"].clone();
    page.navigate_to("tuning").await;
    for (text, reason) in [("soon", "Must be a duration such as"), ("0s", "Must be from 1s"), ("40d", "to 30d")] {
        page.fill(TTL, text).await;
        page.wait_for_text(&format!("{TTL}-error"), reason).await;
        let state = "const field = document.querySelector(arguments[0]); const apply = document.querySelector('#apply'); \
                     return [field.ariaInvalid, apply.disabled, \
                     field.getAttribute('aria-describedby').includes(document.querySelector(arguments[1]).id)]";
        let state = page.evaluate(state, json!([TTL, format!("{TTL}-error")])).await;
        assert_eq!(state, json!(["true", true, true]), "{text}");
    }
    assert_eq!(config(&admin).await["configuration"], before);
    page.fill(TTL, "1h").await;
    page.wait_for_hidden(&format!("{TTL}-error")).await;

    // An error that only the server detects is shown at its field, too.
    page.navigate_to("access").await;
    page.click("#new-token").await;
    page.fill("#token-name", "for nobody").await;
    page.fill("#token-enterprise", "no id at all!").await;
    page.click("#token-dialog [data-action=confirm]").await;
    page.wait_for_visible("#token-enterprise-error").await;
    assert_eq!(admin.get("/tokens").await.expect(200)["tokens"].as_array().unwrap().len(), 1);
    page.end_after(&["/tokens 400"]).await;
}

#[tokio::test]
async fn each_setting_shows_a_prediction_or_why_there_is_none() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for _ in 0..4 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("tuning").await;
    for field in
        ["ttlSettings-enterprise", "ttlSettings-department", "ttlSettings-default", "maxCacheSize", "maxCacheBytes"]
    {
        page.wait_for_visible(&format!("#setting-{field}-curve[data-state=shown] .line")).await;
    }
    page.wait_for_text("[data-setting=maxCacheBytes] .basis", "With the value of today: 75%").await;
    for field in ["ttlSettings.highActivity", "ttlSettings.lowActivity", "staleIfError"] {
        page.wait_for_text(&format!("[data-setting='{field}']"), "No prediction: ").await;
    }
    // The chart marks the chosen value beside the current one, with its prediction.
    page.fill("#setting-maxCacheBytes", "128 KB").await;
    let marks = "return [...document.querySelectorAll('#setting-maxCacheBytes-curve .mark text')].map((mark) => mark.textContent)";
    page.wait_for(&format!("{marks}.length === 2"), json!([])).await;
    assert_eq!(page.evaluate(marks, json!([])).await, json!(["Today", "Chosen: 75%"]));
    page.end().await;
}

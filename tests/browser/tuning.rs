//! Turning a knob.

use muster::domain::access::Role;
use serde_json::{Value, json};

use super::Page;
use crate::support::{Client, TestApp};

const CONFIG: &str = "/cache/config";
const HOUR_MILLIS: u64 = 3_600_000;

/// The field of the TTL of enterprises.
const TTL: &str = "#setting-ttlSettings-enterprise";

/// What holds, by the API.
async fn config(client: &Client) -> Value {
    client.get(CONFIG).await.expect(200)
}

async fn ttl(client: &Client) -> u64 {
    config(client).await["configuration"]["ttlSettings"]["enterprise"].as_u64().unwrap()
}

#[tokio::test]
async fn a_changed_ttl_is_what_the_api_then_tells_and_one_click_takes_it_back() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.turn_to("tuning").await;
    page.until_there(TTL).await;
    assert_eq!((page.value(TTL).await.as_str(), ttl(&admin).await), ("1h", HOUR_MILLIS));
    page.fill(TTL, "90 min").await;
    let change = page.until_says("[data-change='ttlSettings.enterprise']", "1h 30m").await;
    assert!(change.contains("1h\n") || change.contains("1h "), "from what to what: {change}");
    assert_eq!(ttl(&admin).await, HOUR_MILLIS, "nothing changes before it is applied");
    page.click("#apply").await;
    page.until_says("#history [data-version='1']", "Holds now").await;
    let first = page.texts("#history [data-version='1'] .difference").await;
    assert_eq!(first, ["Enterprise TTL: 1h \u{2192} 1h 30m"], "also the first change says what it changed");
    assert_eq!(ttl(&admin).await, HOUR_MILLIS * 3 / 2);
    page.until_gone("#apply").await;
    assert_eq!(page.value(TTL).await, "1h 30m");

    page.click("#history [data-version='0'] [data-action=revert]").await;
    page.until_says("#history [data-version='2']", "Holds now").await;
    assert_eq!(ttl(&admin).await, HOUR_MILLIS);
    assert_eq!(page.value(TTL).await, "1h");
    page.end().await;
}

#[tokio::test]
async fn a_slider_and_its_text_say_the_same_and_what_is_discarded_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.turn_to("tuning").await;
    let slider = "[data-slider='ttlSettings.enterprise']";
    page.press(slider, &char::from(fantoccini::key::Key::Right).to_string()).await;
    let spoken = page.ask("return document.querySelector(arguments[0]).ariaValueText", json!([slider])).await;
    assert_eq!((page.value(TTL).await, spoken), ("1h 30m".to_owned(), json!("1h 30m")));
    page.click("#discard").await;
    page.until_gone("#apply").await;
    assert_eq!(page.value(TTL).await, "1h");
    assert_eq!(config(&admin).await["version"], 0);

    // What somebody else changes meanwhile is seen, and what is chosen here stays chosen.
    page.fill("#setting-maxCacheSize", "2000").await;
    admin.put(CONFIG, json!({"ttlSettings": {"enterprise": "2h"}})).await.expect(200);
    page.until("return document.querySelector(arguments[0]).value === '2h'", json!([TTL])).await;
    assert_eq!(page.texts("#changes [data-change]").await.len(), 1);
    page.click("#apply").await;
    page.until_says("#history [data-version='2']", "Holds now").await;
    let holds = &config(&admin).await["configuration"];
    assert_eq!((&holds["maxCacheSize"], &holds["ttlSettings"]["enterprise"]), (&json!(2000), &json!(2 * HOUR_MILLIS)));
    page.end().await;
}

#[tokio::test]
async fn a_refused_input_says_why_beside_its_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    let before = config(&admin).await["configuration"].clone();
    page.turn_to("tuning").await;
    for (text, reason) in [("soon", "Must be a duration such as"), ("0s", "Must be from 1s"), ("40d", "to 30d")] {
        page.fill(TTL, text).await;
        page.until_says(&format!("{TTL}-error"), reason).await;
        let state = "const field = document.querySelector(arguments[0]); const apply = document.querySelector('#apply'); \
                     return [field.ariaInvalid, apply.disabled, \
                     field.getAttribute('aria-describedby').includes(document.querySelector(arguments[1]).id)]";
        let state = page.ask(state, json!([TTL, format!("{TTL}-error")])).await;
        assert_eq!(state, json!(["true", true, true]), "{text}");
    }
    assert_eq!(config(&admin).await["configuration"], before);
    page.fill(TTL, "1h").await;
    page.until_gone(&format!("{TTL}-error")).await;

    // What only the server can know is wrong comes back to its field, too.
    page.turn_to("access").await;
    page.click("#new-token").await;
    page.fill("#token-name", "for nobody").await;
    page.fill("#token-enterprise", "no id at all!").await;
    page.click("#token-dialog [data-action=confirm]").await;
    page.until_there("#token-enterprise-error").await;
    assert_eq!(admin.get("/tokens").await.expect(200)["tokens"].as_array().unwrap().len(), 1);
    page.end_after(&["/tokens 400"]).await;
}

#[tokio::test]
async fn each_setting_shows_what_it_would_bring_or_says_why_that_is_not_known() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for _ in 0..4 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.turn_to("tuning").await;
    for field in
        ["ttlSettings-enterprise", "ttlSettings-department", "ttlSettings-default", "maxCacheSize", "maxCacheBytes"]
    {
        page.until_there(&format!("#setting-{field}-curve[data-state=shown] .line")).await;
    }
    page.until_says("[data-setting=maxCacheBytes] .basis", "With the value of today: 75%").await;
    for field in ["ttlSettings.highActivity", "ttlSettings.lowActivity", "staleIfError"] {
        page.until_says(&format!("[data-setting='{field}']"), "No prediction: ").await;
    }
    // The chosen value is marked beside that of today, with what it would bring.
    page.fill("#setting-maxCacheBytes", "128 KB").await;
    let marks = "return [...document.querySelectorAll('#setting-maxCacheBytes-curve .mark text')].map((mark) => mark.textContent)";
    page.until(&format!("{marks}.length === 2"), json!([])).await;
    assert_eq!(page.ask(marks, json!([])).await, json!(["Today", "Chosen: 75%"]));
    page.end().await;
}

//! Keyboard operation: everything can be reached and done without a pointer.

use fantoccini::key::Key;
use muster::domain::access::Role;
use serde_json::{Value, json};

use super::Page;
use crate::support::TestApp;

fn key(key: Key) -> String {
    char::from(key).to_string()
}

/// The id or class of the focused element, and whether its focus outline is visible.
async fn focus(page: &Page) -> Value {
    let script = "const {activeElement: at} = document; const style = getComputedStyle(at); \
                  return [at.id || at.className, style.outlineStyle !== 'none' && style.outlineWidth !== '0px']";
    page.evaluate(script, json!([])).await
}

#[tokio::test]
async fn every_page_can_be_reached_by_keyboard() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    for name in ["entries", "tuning", "enterprises", "access", "overview"] {
        page.tab_to(&format!("#pages a[data-page={name}]")).await;
        assert_eq!(focus(&page).await[1], true, "where the focus is can be seen");
        page.type_keys(&key(Key::Enter)).await;
        page.wait_for_visible(&format!("#content[data-page={name}] h1")).await;
        // The heading gets the focus, so that screen readers announce the new page.
        page.wait_for("return document.activeElement.matches('h1')", json!([])).await;
    }
    // The first tab stop of a page skips the navigation.
    page.reload().await;
    page.wait_for_visible("#pages a[aria-current]").await;
    page.tab_to("#skip").await;
    page.wait_for_visible("#skip").await;
    page.type_keys(&key(Key::Enter)).await;
    assert_eq!(focus(&page).await[0], "content");

    // From the list of enterprises to a summary; into a dialog and out again.
    page.tab_to("#pages a[data-page=enterprises]").await;
    page.type_keys(&key(Key::Enter)).await;
    page.wait_for_visible("tr[data-enterprise=acme]").await;
    page.tab_to("tr[data-enterprise=acme] a").await;
    page.type_keys(&key(Key::Enter)).await;
    page.wait_for_visible("tr[data-department=sales]").await;
    page.tab_to("#pages a[data-page=entries]").await;
    page.type_keys(&key(Key::Enter)).await;
    page.wait_for_visible("#entries tr[data-key]").await;
    page.tab_to("#clear").await;
    page.type_keys(&key(Key::Enter)).await;
    page.wait_for_visible("#clear-dialog").await;
    page.wait_for("return document.activeElement.closest('dialog') !== null", json!([])).await;
    page.type_keys(&key(Key::Escape)).await;
    page.wait_for_hidden("#clear-dialog").await;
    assert_eq!(focus(&page).await[0], "clear", "the focus is back where the dialog was opened");
    page.end().await;
}

#[tokio::test]
async fn the_values_of_a_chart_can_be_read_by_keyboard() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for _ in 0..3 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_visible("#chart-requests[data-state=shown] .bar").await;
    page.tab_to("#chart-requests .plot").await;
    let readout = async || page.texts("#chart-requests .readout").await.remove(0);
    let state = async || {
        let script = "const plot = document.querySelector('#chart-requests .plot'); \
                      return [plot.ariaValueNow, plot.ariaValueMax, plot.ariaValueText]";
        page.evaluate(script, json!([])).await
    };
    // The newest minute is selected first; it counts the requests above, unless a minute has just begun.
    let last = page.wait_for_text("#chart-requests .readout", "Total").await;
    assert_eq!((&state().await[0], &state().await[1]), (&json!("59"), &json!("59")));
    page.type_keys(&key(Key::Left)).await;
    assert_ne!(readout().await, last);
    assert_eq!(state().await[0], "58");
    page.type_keys(&key(Key::Home)).await;
    assert_eq!(state().await[0], "0");
    let oldest = state().await[2].as_str().unwrap().to_owned();
    assert!(oldest.ends_with("Hit 0, Coalesced 0, Miss 0, Stale 0, Total 0"), "{oldest}");
    page.type_keys(&key(Key::PageUp)).await;
    assert_eq!(state().await[0], "10");
    page.type_keys(&key(Key::End)).await;
    assert_eq!(state().await[0], "59");
    page.type_keys(&key(Key::Escape)).await;
    page.wait_for_hidden("#chart-requests .readout").await;
    // The table of the chart is the next tab stop.
    page.tab_to("#chart-requests summary").await;
    page.type_keys(&key(Key::Enter)).await;
    page.wait_for("return document.querySelectorAll('#chart-requests tbody tr').length === 60", json!([])).await;
    page.end().await;
}

#[tokio::test]
async fn every_window_can_be_chosen_by_keyboard_and_has_its_points() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for _ in 0..2 {
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    for (window, last) in [("24h", "143"), ("7d", "167"), ("30d", "179"), ("1h", "59")] {
        page.tab_to(&format!("#window a[data-window='{window}']")).await;
        page.type_keys(&key(Key::Enter)).await;
        page.wait_for_visible(&format!("#window a[data-window='{window}'][aria-current=true]")).await;
        for chart in ["requests", "ratio", "latency", "memory", "removals"] {
            let points = "return document.querySelector(arguments[0]).ariaValueMax === arguments[1]";
            page.wait_for(points, json!([format!("#chart-{chart} .plot"), last])).await;
        }
        page.wait_for_text("#tile-hitRate .tile-value", "50.0%").await;
        page.wait_for_visible("#chart-requests[data-state=shown] .bar").await;
        assert_eq!(page.hash().await, format!("#/overview?window={window}"));
    }
    page.end().await;
}

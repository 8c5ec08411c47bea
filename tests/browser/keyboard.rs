//! Everything can be reached and done without a pointer.

use fantoccini::key::Key;
use muster::domain::access::Role;
use serde_json::{Value, json};

use super::Page;
use crate::support::TestApp;

fn key(key: Key) -> String {
    char::from(key).to_string()
}

/// What has the focus, and whether that can be seen.
async fn focus(page: &Page) -> Value {
    let script = "const {activeElement: at} = document; const style = getComputedStyle(at); \
                  return [at.id || at.className, style.outlineStyle !== 'none' && style.outlineWidth !== '0px']";
    page.ask(script, json!([])).await
}

#[tokio::test]
async fn the_pages_can_be_walked_through_by_keyboard() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    for name in ["entries", "tuning", "enterprises", "access", "overview"] {
        page.tab_to(&format!("#pages a[data-page={name}]")).await;
        assert_eq!(focus(&page).await[1], true, "where the focus is can be seen");
        page.type_keys(&key(Key::Enter)).await;
        page.until_there(&format!("#content[data-page={name}] h1")).await;
        // Who navigates by ear hears where the way led.
        page.until("return document.activeElement.matches('h1')", json!([])).await;
    }
    // The first stop of a page leads past the navigation.
    page.reload().await;
    page.until_there("#pages a[aria-current]").await;
    page.tab_to("#skip").await;
    page.until_there("#skip").await;
    page.type_keys(&key(Key::Enter)).await;
    assert_eq!(focus(&page).await[0], "content");

    // A summary from the list down to a department, and a dialog and out of it again.
    page.tab_to("#pages a[data-page=enterprises]").await;
    page.type_keys(&key(Key::Enter)).await;
    page.until_there("tr[data-enterprise=acme]").await;
    page.tab_to("tr[data-enterprise=acme] a").await;
    page.type_keys(&key(Key::Enter)).await;
    page.until_there("tr[data-department=sales]").await;
    page.tab_to("#pages a[data-page=entries]").await;
    page.type_keys(&key(Key::Enter)).await;
    page.until_there("#entries tr[data-key]").await;
    page.tab_to("#clear").await;
    page.type_keys(&key(Key::Enter)).await;
    page.until_there("#clear-dialog").await;
    page.until("return document.activeElement.closest('dialog') !== null", json!([])).await;
    page.type_keys(&key(Key::Escape)).await;
    page.until_gone("#clear-dialog").await;
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
    page.until_there("#chart-requests[data-state=shown] .bar").await;
    page.tab_to("#chart-requests .plot").await;
    let told = async || page.texts("#chart-requests .readout").await.remove(0);
    let state = async || {
        let script = "const plot = document.querySelector('#chart-requests .plot'); \
                      return [plot.ariaValueNow, plot.ariaValueMax, plot.ariaValueText]";
        page.ask(script, json!([])).await
    };
    // The newest minute comes first; it has what has just happened, unless a minute has just begun.
    let last = page.until_says("#chart-requests .readout", "Total").await;
    assert_eq!((&state().await[0], &state().await[1]), (&json!("59"), &json!("59")));
    page.type_keys(&key(Key::Left)).await;
    assert_ne!(told().await, last);
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
    page.until_gone("#chart-requests .readout").await;
    // Its table is the next stop.
    page.tab_to("#chart-requests summary").await;
    page.type_keys(&key(Key::Enter)).await;
    page.until("return document.querySelectorAll('#chart-requests tbody tr').length === 60", json!([])).await;
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
        page.until_there(&format!("#window a[data-window='{window}'][aria-current=true]")).await;
        for chart in ["requests", "ratio", "latency", "memory", "removals"] {
            let points = "return document.querySelector(arguments[0]).ariaValueMax === arguments[1]";
            page.until(points, json!([format!("#chart-{chart} .plot"), last])).await;
        }
        page.until_says("#tile-hitRate .tile-value", "50.0%").await;
        page.until_there("#chart-requests[data-state=shown] .bar").await;
        assert_eq!(page.hash().await, format!("#/overview?window={window}"));
    }
    page.end().await;
}

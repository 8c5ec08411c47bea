//! The pages with no cache entry, with one, and with ten thousand.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::{Client, TestApp, enterprise, name};

/// More enterprises than any list shows on one page.
const MANY: usize = 10_000;

/// The most enterprises that one request may warm.
const WARMED_AT_ONCE: usize = 1_000;

/// Signs in and waits for the event stream.
async fn open(app: &TestApp, admin: &Client) -> Option<Page> {
    let page = Page::signed_in(app, admin).await?;
    page.wait_for_visible("#live[data-state=live]").await;
    Some(page)
}

#[tokio::test]
async fn each_page_shows_that_the_cache_is_empty() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = open(&app, &admin).await else { return };
    for tile in ["hitRate", "hitMillis"] {
        page.wait_for_text(&format!("#tile-{tile}[data-met=unknown]"), "No data yet").await;
    }
    page.wait_for_text("#tile-memoryBytes[data-met=met]", "0 B").await;
    page.wait_for_text("#tile-invalidationsPerHour[data-met=met]", "0 per hour").await;
    for chart in ["requests", "ratio", "latency"] {
        page.wait_for_text(&format!("#chart-{chart}[data-state=empty]"), "No requests in this time").await;
    }
    page.wait_for_text("#chart-removals[data-state=empty]", "No entry went in this time").await;
    page.wait_for_text("#most-asked", "No entry has answered a request yet.").await;
    page.navigate_to("entries").await;
    page.wait_for_text("#entries", "The cache is empty").await;
    page.fill("#entry-search", "acme").await;
    page.wait_for_text("#entries", "No entry matches.").await;
    page.navigate_to("tuning").await;
    page.wait_for_text(".prediction .chart[data-state=empty]", "Not enough requests yet to predict from").await;
    page.wait_for_text("#history", "Nobody has changed the defaults.").await;
    page.end().await;
}

#[tokio::test]
async fn one_entry_is_shown_in_the_singular() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let Some(page) = open(&app, &admin).await else { return };
    page.wait_for_text("#now", "1 entry ·").await;
    page.wait_for_text("#tile-hitRate[data-met=missed]", "0.0%").await;
    page.wait_for_text("#tile-hitMillis[data-met=unknown]", "No data yet").await;
    page.wait_for_visible("#chart-requests[data-state=shown] .bar").await;
    page.navigate_to("entries").await;
    page.wait_for_text("#content .pager", "1 entry").await;
    assert_eq!(page.count("#content .pager button").await, 0, "one page leads to no other");
    page.navigate_to("tuning").await;
    page.wait_for_text(".prediction .basis", "From 1 request of the last").await;
    page.end().await;
}

#[tokio::test]
async fn ten_thousand_entries_are_shown_counted_and_found() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    app.write(|tx| {
        for number in 0..MANY {
            tx.create_enterprise(Some(enterprise(&format!("e{number:05}"))), &name(&format!("Enterprise {number}")))?;
        }
        Ok(())
    })
    .await;
    admin.put("/cache/config", json!({"maxCacheSize": 2 * MANY})).await.expect(200);
    let ids: Vec<String> = (0..MANY).map(|number| format!("e{number:05}")).collect();
    for some in ids.chunks(WARMED_AT_ONCE) {
        admin.post("/cache/warm", json!({"enterpriseIds": some})).await.expect(200);
    }
    for _ in 0..2 {
        admin.get("/enterprise/e07777/contacts/summary").await.expect(200);
    }
    let Some(page) = open(&app, &admin).await else { return };
    page.wait_for_text("#now", "10,000 entries ·").await;
    page.wait_for_text("#tile-hitRate[data-met=met]", "100.0%").await;
    page.wait_for_text("#tile-memoryBytes[data-met=met]", "MB").await;
    page.wait_for_text("#time-left", "10,000").await;
    page.wait_for_text("#most-asked", "enterprise:e07777:contacts").await;

    page.navigate_to("entries").await;
    page.wait_for_text("#content .pager", "1–50 of 10,000 entries").await;
    assert_eq!(page.count("#entries tr[data-key]").await, 50);
    page.click("[data-sort=accesses]").await;
    page.wait_for("return document.querySelector('#entries tbody th')?.innerText.includes('e07777')", json!([])).await;
    page.click(".pager [data-action=next]").await;
    page.wait_for_text("#content .pager", "51–100 of 10,000 entries").await;
    page.fill("#entry-search", "e0999").await;
    page.wait_for_text("#content .pager", "10 entries").await;
    page.wait_for_visible("#entries tr[data-key='enterprise:e09999:contacts']").await;

    // An enterprise that is on no first page of a list can be warmed and cleared by name.
    page.click("#clear").await;
    page.click("#clear-dialog input[value=enterprise]").await;
    page.click("#clear-enterprise option[value=e09998]").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.wait_for_text("#content .pager", "9 entries").await;
    page.wait_for_hidden("#clear-dialog").await;
    page.click("#warm").await;
    page.wait_for_text("#warm-list", "and 9,").await;
    page.fill("#warm-filter", "e09998").await;
    page.click("#warm-list input[value=e09998]").await;
    page.click("#warm-dialog [data-action=confirm]").await;
    page.wait_for_text("[data-outcome=e09998]", "Warmed in").await;
    page.click("#warm-dialog [data-action=cancel]").await;
    page.wait_for_text("#content .pager", "10 entries").await;

    page.navigate_to("tuning").await;
    page.wait_for_visible("#setting-maxCacheSize-curve[data-state=shown]").await;
    page.navigate_to("enterprises").await;
    page.wait_for_text("#content .pager", "100 of 10,002 enterprises").await;
    page.end().await;
}

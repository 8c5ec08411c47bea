//! The pages with nothing to show, with one thing, and with ten thousand.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::{Client, TestApp, enterprise, name};

/// As many as there may be in the largest of small installations.
const MANY: usize = 10_000;

/// Enterprises that one request may warm.
const WARMED_AT_ONCE: usize = 1_000;

/// A server on which nothing has been asked for, and one page after the other.
async fn open(app: &TestApp, admin: &Client) -> Option<Page> {
    let page = Page::signed_in(app, admin).await?;
    page.until_there("#live[data-state=live]").await;
    Some(page)
}

#[tokio::test]
async fn without_an_entry_each_page_says_so() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = open(&app, &admin).await else { return };
    for tile in ["hitRate", "hitMillis"] {
        page.until_says(&format!("#tile-{tile}[data-met=unknown]"), "No data yet").await;
    }
    page.until_says("#tile-memoryBytes[data-met=met]", "0 B").await;
    page.until_says("#tile-invalidationsPerHour[data-met=met]", "0 per hour").await;
    for chart in ["requests", "ratio", "latency"] {
        page.until_says(&format!("#chart-{chart}[data-state=empty]"), "No requests in this time").await;
    }
    page.until_says("#chart-removals[data-state=empty]", "No entry went in this time").await;
    page.until_says("#most-asked", "No entry has answered a request yet.").await;
    page.turn_to("entries").await;
    page.until_says("#entries", "The cache is empty").await;
    page.fill("#entry-search", "acme").await;
    page.until_says("#entries", "No entry matches.").await;
    page.turn_to("tuning").await;
    page.until_says(".prediction .chart[data-state=empty]", "Not enough requests yet to predict from").await;
    page.until_says("#history", "Nobody has changed the defaults.").await;
    page.end().await;
}

#[tokio::test]
async fn one_entry_is_one_in_words_too() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let Some(page) = open(&app, &admin).await else { return };
    page.until_says("#now", "1 entry ·").await;
    page.until_says("#tile-hitRate[data-met=missed]", "0.0%").await;
    page.until_says("#tile-hitMillis[data-met=unknown]", "No data yet").await;
    page.until_there("#chart-requests[data-state=shown] .bar").await;
    page.turn_to("entries").await;
    page.until_says("#content .pager", "1 entry").await;
    assert_eq!(page.count("#content .pager button").await, 0, "one page leads to no other");
    page.turn_to("tuning").await;
    page.until_says(".prediction .basis", "From 1 request of the last").await;
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
    page.until_says("#now", "10,000 entries ·").await;
    page.until_says("#tile-hitRate[data-met=met]", "100.0%").await;
    page.until_says("#tile-memoryBytes[data-met=met]", "MB").await;
    page.until_says("#time-left", "10,000").await;
    page.until_says("#most-asked", "enterprise:e07777:contacts").await;

    page.turn_to("entries").await;
    page.until_says("#content .pager", "1–50 of 10,000 entries").await;
    assert_eq!(page.count("#entries tr[data-key]").await, 50);
    page.click("[data-sort=accesses]").await;
    page.until("return document.querySelector('#entries tbody th')?.innerText.includes('e07777')", json!([])).await;
    page.click(".pager [data-action=next]").await;
    page.until_says("#content .pager", "51–100 of 10,000 entries").await;
    page.fill("#entry-search", "e0999").await;
    page.until_says("#content .pager", "10 entries").await;
    page.until_there("#entries tr[data-key='enterprise:e09999:contacts']").await;

    // One that no first page of a list has can be warmed and cleared by name all the same.
    page.click("#clear").await;
    page.click("#clear-dialog input[value=enterprise]").await;
    page.click("#clear-enterprise option[value=e09998]").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.until_says("#content .pager", "9 entries").await;
    page.until_gone("#clear-dialog").await;
    page.click("#warm").await;
    page.until_says("#warm-list", "and 9,").await;
    page.fill("#warm-filter", "e09998").await;
    page.click("#warm-list input[value=e09998]").await;
    page.click("#warm-dialog [data-action=confirm]").await;
    page.until_says("[data-outcome=e09998]", "Warmed in").await;
    page.click("#warm-dialog [data-action=cancel]").await;
    page.until_says("#content .pager", "10 entries").await;

    page.turn_to("tuning").await;
    page.until_there("#setting-maxCacheSize-curve[data-state=shown]").await;
    page.turn_to("enterprises").await;
    page.until_says("#content .pager", "100 of 10,002 enterprises").await;
    page.end().await;
}

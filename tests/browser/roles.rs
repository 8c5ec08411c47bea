//! What somebody may not do is not offered.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

#[tokio::test]
async fn a_viewer_sees_the_figures_and_no_control_of_an_administrator() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    admin.put("/cache/config", json!({"maxCacheSize": 500})).await.expect(200);
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    assert_eq!(page.texts("#pages a").await, ["Overview", "Entries", "Tuning", "Enterprises"]);
    page.until_says("#tile-hitRate", "0.0%").await;

    page.turn_to("entries").await;
    page.until_there("#entries tr[data-key='enterprise:acme:contacts']").await;
    assert_eq!(page.count("#warm, #clear, [data-action=drop]").await, 0);

    page.turn_to("tuning").await;
    page.until_there("#history [data-version='1']").await;
    let free =
        "return [...document.querySelectorAll('#settings input')].filter((e) => !e.readOnly && !e.disabled).length";
    assert_eq!(page.ask(free, json!([])).await, 0);
    assert_eq!(page.value("#setting-maxCacheSize").await, "500");
    assert_eq!(page.count("#apply, #discard, [data-action=revert]").await, 0);

    page.turn_to("enterprises").await;
    page.until_there("tr[data-enterprise=acme]").await;
    assert_eq!(page.count("#new-enterprise, #first-enterprise").await, 0);

    page.open("#/access").await;
    page.until_says("#content", "Only an administrator may see Access").await;
    assert_eq!(page.count("#tokens, #new-token, #sessions, #audit").await, 0);
    // The page has asked for nothing that is refused: the console would tell.
    page.end().await;
}

#[tokio::test]
async fn who_is_limited_to_an_enterprise_sees_that_one_alone() {
    let app = TestApp::start().await;
    let viewer = app.limited(Role::Viewer, "acme").await;
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    assert_eq!(page.texts("#pages a").await, ["Enterprises"]);
    page.until_says("#content h1", "ACME").await;
    page.until_says("#totals", "2\n").await;
    page.click("tr[data-department=sales] a").await;
    page.until_says("#content h1", "SALES").await;
    page.open("#/overview").await;
    page.until_says("#content", "limited to one enterprise").await;
    assert_eq!(page.count(".tile, #live").await, 0);
    page.end().await;
}

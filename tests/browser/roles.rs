//! The pages offer only what the role of the user permits.

use muster::domain::access::{Reach, Role};
use serde_json::json;

use super::Page;
use crate::support::{TestApp, department, enterprise};

#[tokio::test]
async fn a_viewer_sees_the_data_and_no_admin_controls() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    admin.put("/cache/config", json!({"maxCacheSize": 500})).await.expect(200);
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    assert_eq!(page.texts("#pages a").await, ["Overview", "Entries", "Tuning", "Enterprises"]);
    page.wait_for_text("#tile-hitRate", "0.0%").await;

    page.navigate_to("entries").await;
    page.wait_for_visible("#entries tr[data-key='enterprise:acme:contacts']").await;
    assert_eq!(page.count("#warm, #clear, [data-action=drop]").await, 0);

    page.navigate_to("tuning").await;
    page.wait_for_visible("#history [data-version='1']").await;
    let free =
        "return [...document.querySelectorAll('#settings input')].filter((e) => !e.readOnly && !e.disabled).length";
    assert_eq!(page.evaluate(free, json!([])).await, 0);
    assert_eq!(page.value("#setting-maxCacheSize").await, "500");
    assert_eq!(page.count("#apply, #discard, [data-action=revert]").await, 0);

    page.navigate_to("enterprises").await;
    page.wait_for_visible("tr[data-enterprise=acme]").await;
    assert_eq!(page.count("#new-enterprise, #first-enterprise").await, 0);

    page.open("#/access").await;
    page.wait_for_text("#content", "Only an administrator may see Access").await;
    assert_eq!(page.count("#tokens, #new-token, #sessions, #audit").await, 0);
    // The final check of the console shows that the page sent no request that was refused.
    page.end().await;
}

#[tokio::test]
async fn a_limited_token_sees_only_its_enterprise() {
    let app = TestApp::start().await;
    let viewer = app.enterprise_client(Role::Viewer, "acme").await;
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    assert_eq!(page.texts("#pages a").await, ["Enterprises"]);
    page.wait_for_text("#content h1", "ACME").await;
    page.wait_for_text("#totals", "2\n").await;
    page.click("tr[data-department=sales] a").await;
    page.wait_for_text("#content h1", "SALES").await;
    page.open("#/overview").await;
    page.wait_for_text("#content", "limited to one enterprise").await;
    assert_eq!(page.count(".tile, #live").await, 0);
    page.end().await;
}

#[tokio::test]
async fn a_token_of_departments_sees_those_and_their_summaries() {
    let app = TestApp::start().await;
    let reach = Reach::Departments(enterprise("acme"), vec![department("sales")]);
    let viewer = app.client_with(Role::Viewer, reach, None).await;
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    page.wait_for_text("#content h1", "Departments").await;
    page.wait_for_visible("tr[data-department=sales]").await;
    assert_eq!(page.count("#departments tbody tr").await, 1);
    page.click("tr[data-department=sales] a").await;
    page.wait_for_text("#content h1", "SALES").await;
    page.wait_for_text("#totals", "1\n").await;
    page.open("#/enterprises/acme").await;
    page.wait_for_text("#content h1", "Departments").await;
    page.end().await;
}

//! Warming the cache, clearing it and removing single entries on the entries page.

use muster::domain::access::Role;

use super::Page;
use crate::support::{Client, TestApp};

/// The keys of all cache entries, from the API.
async fn keys(client: &Client) -> Vec<String> {
    let list = client.get("/cache/entries").await.expect(200);
    let mut keys: Vec<String> =
        list["entries"].as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn warming_on_the_page_fills_the_cache_and_shows_a_result_per_row() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("entries").await;
    page.wait_for_text("#entries", "The cache is empty").await;
    page.click("#warm").await;
    page.click("#warm-list input[value=acme]").await;
    page.click("#warm-departments").await;
    page.click("#warm-dialog [data-action=confirm]").await;
    page.wait_for_text("[data-outcome=acme]", "Warmed in").await;
    assert_eq!(page.texts("[data-outcome=globex]").await, [""]);
    let warmed = keys(&admin).await;
    assert_eq!(
        warmed,
        [
            "enterprise:acme:contacts",
            "enterprise:acme:department:lab:contacts",
            "enterprise:acme:department:sales:contacts",
        ]
    );
    page.click("#warm-dialog [data-action=confirm]").await;
    page.wait_for_text("[data-outcome=acme]", "Was there already").await;
    page.click("#warm-dialog [data-action=cancel]").await;
    page.wait_for_hidden("#warm-dialog").await;
    for key in &warmed {
        page.wait_for_visible(&format!("#entries tr[data-key='{key}']")).await;
    }
    page.end().await;
}

#[tokio::test]
async fn clearing_and_removing_on_the_page_removes_entries_from_the_cache() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for path in ["acme", "globex", "acme/departments/sales", "globex/departments/ops"] {
        admin.get(&format!("/enterprise/{path}/contacts/summary")).await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("entries").await;
    page.click("tr[data-key='enterprise:globex:department:ops:contacts'] [data-action=drop]").await;
    page.wait_for_hidden("tr[data-key='enterprise:globex:department:ops:contacts']").await;
    let left = ["enterprise:acme:contacts", "enterprise:acme:department:sales:contacts", "enterprise:globex:contacts"];
    assert_eq!(keys(&admin).await, left);

    // Nothing is cleared before the dialog is confirmed.
    page.click("#clear").await;
    page.click("#clear-dialog [data-action=cancel]").await;
    page.wait_for_hidden("#clear-dialog").await;
    assert_eq!(keys(&admin).await, left);

    page.click("#clear").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.wait_for_hidden("tr[data-key='enterprise:acme:department:sales:contacts']").await;
    assert_eq!(keys(&admin).await, ["enterprise:acme:contacts", "enterprise:globex:contacts"]);

    page.click("#clear").await;
    page.click("#clear-dialog input[value=enterprise]").await;
    page.click("#clear-enterprise option[value=acme]").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.wait_for_hidden("tr[data-key='enterprise:acme:contacts']").await;
    assert_eq!(keys(&admin).await, ["enterprise:globex:contacts"]);

    page.wait_for_hidden("#clear-dialog").await;
    page.click("#clear").await;
    page.click("#clear-dialog input[value=all]").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.wait_for_text("#entries", "The cache is empty").await;
    assert!(keys(&admin).await.is_empty());
    page.end().await;
}

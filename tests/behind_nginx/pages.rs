//! The dashboard behind nginx, in a browser: all its requests stay below its base path.

use muster::config::{BasePath, PublicUrl};
use muster::domain::access::Role;
use serde_json::json;

use super::{Nginx, ServerBlock};
use crate::browser::Page;
use crate::support::TestApp;

/// A server with the public origin and the base path of this server block.
async fn app_behind(nginx: &Nginx, block: ServerBlock) -> TestApp {
    let url = PublicUrl::parse(&nginx.origin(block));
    TestApp::start_with(|settings| {
        settings.http.public_url = url;
        settings.http.base_path = BasePath::parse(block.base_path());
    })
    .await
}

/// Signs in, opens every page, changes a setting, clears the cache, waits for a live update, and signs out.
async fn use_dashboard(block: ServerBlock, cookie: &str) {
    let Some(nginx) = Nginx::prepare() else { return };
    let app = app_behind(&nginx, block).await;
    let nginx = nginx.start(app.address());
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let root = nginx.root(block);
    let Some(page) = Page::signed_in_below(&root, &admin).await else { return };
    let session = page.cookie(cookie).await;
    let path = if block == ServerBlock::OwnHost { "/" } else { block.base_path() };
    assert_eq!(
        (&session["path"], &session["secure"], &session["httpOnly"]),
        (&json!(path), &json!(true), &json!(true))
    );

    for (name, shown) in [
        ("overview", "#most-asked td"),
        ("entries", "#entries tr[data-key]"),
        ("tuning", "#setting-ttlSettings-enterprise"),
        ("enterprises", "tr[data-enterprise=acme]"),
        ("access", "#audit tbody tr"),
    ] {
        page.navigate_to(name).await;
        page.wait_for_visible(shown).await;
    }

    page.navigate_to("tuning").await;
    page.fill("#setting-ttlSettings-enterprise", "90 min").await;
    page.click("#apply").await;
    page.wait_for_text("#history [data-version='1']", "Holds now").await;
    let ttl = &admin.get("/cache/config").await.expect(200)["configuration"]["ttlSettings"]["enterprise"];
    assert_eq!(ttl, 5_400_000);

    page.navigate_to("entries").await;
    page.click("#clear").await;
    page.click("#clear-dialog input[value=all]").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.wait_for_text("#entries", "The cache is empty").await;

    page.navigate_to("overview").await;
    page.wait_for_visible("#live[data-state=live]").await;
    let before = page.texts("#tile-hitRate .tile-value").await.remove(0);
    for _ in 0..2 {
        admin.get("/enterprise/globex/contacts/summary").await.expect(200);
    }
    let moved = "return document.querySelector('#tile-hitRate .tile-value').innerText !== arguments[0]";
    page.wait_for(moved, json!([before])).await;

    // The session outlives a reload.
    page.reload().await;
    page.wait_for_visible("#content[data-page=overview] h1").await;
    page.click("#account").await;
    page.click("#sign-out").await;
    page.wait_for_visible("#token").await;
    page.click("#content a[href=docs]").await;
    page.wait_for_text("#swagger-ui", "/enterprise/{enterpriseId}/contacts/summary").await;
    page.wait_for_text("#swagger-ui .servers", block.base_path()).await;
    // Requests that were running when the session ended.
    page.end_after(&["/session 401", "/cache/analytics?window=1h 401", "/cache/config 401"]).await;
}

#[tokio::test]
async fn the_dashboard_works_below_a_path_of_a_shared_host() {
    use_dashboard(ServerBlock::SharedHost, "__Secure-muster_session.muster").await;
}

#[tokio::test]
async fn the_dashboard_works_on_its_own_host() {
    use_dashboard(ServerBlock::OwnHost, "__Host-muster_session").await;
}

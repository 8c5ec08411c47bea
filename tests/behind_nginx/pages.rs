//! The dashboard behind nginx, in a browser: nothing that it asks for may leave its path.

use muster::config::{BasePath, WebOrigin};
use muster::domain::access::Role;
use serde_json::json;

use super::{Nginx, Place};
use crate::browser::Page;
use crate::support::TestApp;

/// A server that people reach at one of nginx's places.
async fn app_behind(nginx: &Nginx, place: Place) -> TestApp {
    let origin = WebOrigin::parse(&nginx.origin(place));
    TestApp::start_with(|settings| {
        settings.http.public_origin = origin;
        settings.http.base_path = BasePath::parse(place.base_path());
    })
    .await
}

/// Signs in, looks at every page, turns a knob, clears the cache, sees figures move, and signs out.
async fn journey(place: Place, cookie: &str) {
    let Some(nginx) = Nginx::prepare() else { return };
    let app = app_behind(&nginx, place).await;
    let nginx = nginx.start(app.address());
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let root = nginx.root(place);
    let Some(page) = Page::signed_in_below(&root, &admin).await else { return };
    let session = page.cookie(cookie).await;
    let path = if place == Place::Host { "/" } else { place.base_path() };
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
        page.turn_to(name).await;
        page.until_there(shown).await;
    }

    page.turn_to("tuning").await;
    page.fill("#setting-ttlSettings-enterprise", "90 min").await;
    page.click("#apply").await;
    page.until_says("#history [data-version='1']", "Holds now").await;
    let ttl = &admin.get("/cache/config").await.expect(200)["configuration"]["ttlSettings"]["enterprise"];
    assert_eq!(ttl, 5_400_000);

    page.turn_to("entries").await;
    page.click("#clear").await;
    page.click("#clear-dialog input[value=all]").await;
    page.click("#clear-dialog [data-action=confirm]").await;
    page.until_says("#entries", "The cache is empty").await;

    page.turn_to("overview").await;
    page.until_there("#live[data-state=live]").await;
    let before = page.texts("#tile-hitRate .tile-value").await.remove(0);
    for _ in 0..2 {
        admin.get("/enterprise/globex/contacts/summary").await.expect(200);
    }
    let moved = "return document.querySelector('#tile-hitRate .tile-value').innerText !== arguments[0]";
    page.until(moved, json!([before])).await;

    // A reload finds the session again.
    page.reload().await;
    page.until_there("#content[data-page=overview] h1").await;
    page.click("#account").await;
    page.click("#sign-out").await;
    page.until_there("#token").await;
    page.click("#content a[href=docs]").await;
    page.until_says("#swagger-ui", "/enterprise/{enterpriseId}/contacts/summary").await;
    page.until_says("#swagger-ui .servers", place.base_path()).await;
    // What was under way when the session ended.
    page.end_after(&["/session 401", "/cache/analytics?window=1h 401", "/cache/config 401"]).await;
}

#[tokio::test]
async fn below_a_path_of_a_shared_host_the_dashboard_is_whole() {
    journey(Place::Path, "__Secure-muster_session.muster").await;
}

#[tokio::test]
async fn on_a_host_of_its_own_the_dashboard_is_whole() {
    journey(Place::Host, "__Host-muster_session").await;
}

//! Signing in and out.

use muster::access::links::mint_link;
use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

#[tokio::test]
async fn a_token_signs_in_and_is_not_stored_and_an_invalid_one_is_refused() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::blank(&app).await else { return };
    page.open("").await;
    page.sign_in("nonsense").await;
    page.wait_for_text("#sign-in-error", "token").await;
    assert_eq!(page.count("#pages a").await, 0);

    page.sign_in(admin.token()).await;
    page.wait_for_visible("#content[data-page=overview] h1").await;
    page.wait_for_text("#account", "admin").await;
    let kept = "return JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href]) \
                + document.documentElement.outerHTML";
    let kept = page.evaluate(kept, json!([])).await;
    let secret = admin.token().rsplit_once('.').map_or(admin.token(), |(_, secret)| secret);
    assert!(!kept.as_str().unwrap().contains(secret), "{kept}");
    assert_eq!(page.evaluate("return document.cookie", json!([])).await, "", "no script reads the session");

    // The session outlives a reload, which shows the same page again.
    page.navigate_to("tuning").await;
    page.reload().await;
    page.wait_for_visible("#content[data-page=tuning] h1").await;
    page.end_after(&["/session 401"]).await;
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_its_code_is_removed_from_the_address() {
    let app = TestApp::start().await;
    let link = mint_link(app.store.clock().now()).unwrap();
    app.write(link.store()).await;
    let Some(page) = Page::blank(&app).await else { return };
    let hash = format!("#/sign-in/{}", link.code);
    page.open(&hash).await;
    page.wait_for_visible("#content[data-page=overview] h1").await;
    page.wait_for_text("#account", "sign-in link").await;
    assert_eq!(page.hash().await, "#/overview");
    let document = page.evaluate("return document.documentElement.outerHTML", json!([])).await;
    assert!(!document.as_str().unwrap().contains(&*link.code));

    sign_out(&page).await;
    page.open(&hash).await;
    page.wait_for_text("#sign-in-error", "has been used").await;
    assert!(!page.hash().await.contains(&*link.code));
    page.end_after(&["/session 401"]).await;
}

#[tokio::test]
async fn signing_out_ends_the_session_in_the_browser_and_on_the_server() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], 1);
    sign_out(&page).await;
    assert_eq!(page.count("#pages a, #account, #live").await, 0);
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], 0);
    page.open("#/entries").await;
    page.wait_for_visible("#token").await;
    // Signing in opens the page that was requested.
    page.sign_in(admin.token()).await;
    page.wait_for_visible("#entries").await;
    page.end().await;
}

#[tokio::test]
async fn a_revoked_session_returns_to_the_sign_in_page() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_visible("#live[data-state=live]").await;
    let sessions = admin.get("/sessions").await.expect(200);
    let id = sessions["sessions"][0]["id"].as_str().unwrap();
    admin.delete(&format!("/sessions/{id}")).await.expect(200);
    page.wait_for_visible("#token").await;
    page.wait_for_text("#toasts", "Your session has ended").await;
    assert_eq!(page.count("#pages a, #account").await, 0);
    page.reload().await;
    page.wait_for_visible("#token").await;
    // Any of these requests may be the first to be refused.
    page.end_after(&["/session 401", "/cache/events 401", "/cache/analytics?window=1h 401", "/cache/config 401"]).await;
}

/// Signs out, and waits for the sign-in page.
async fn sign_out(page: &Page) {
    page.click("#account").await;
    page.click("#sign-out").await;
    page.wait_for_visible("#token").await;
}

//! Getting in and out.

use muster::access::links::mint_link;
use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

#[tokio::test]
async fn a_token_signs_in_and_is_not_kept_and_a_wrong_one_is_told_so() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::blank(&app).await else { return };
    page.open("").await;
    page.sign_in("nonsense").await;
    page.until_says("#sign-in-error", "token").await;
    assert_eq!(page.count("#pages a").await, 0);

    page.sign_in(admin.token()).await;
    page.until_there("#content[data-page=overview] h1").await;
    page.until_says("#account", "admin").await;
    let kept = "return JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href]) \
                + document.documentElement.outerHTML";
    let kept = page.ask(kept, json!([])).await;
    let secret = admin.token().rsplit_once('.').map_or(admin.token(), |(_, secret)| secret);
    assert!(!kept.as_str().unwrap().contains(secret), "{kept}");
    assert_eq!(page.ask("return document.cookie", json!([])).await, "", "no script reads the session");

    // The session outlives the page, and goes back to where somebody was.
    page.turn_to("tuning").await;
    page.reload().await;
    page.until_there("#content[data-page=tuning] h1").await;
    page.end_after(&["/session 401"]).await;
}

#[tokio::test]
async fn a_one_time_link_signs_in_once_and_its_code_leaves_the_address() {
    let app = TestApp::start().await;
    let link = mint_link(app.store.clock().now()).unwrap();
    app.write(link.store()).await;
    let Some(page) = Page::blank(&app).await else { return };
    let hash = format!("#/sign-in/{}", link.code);
    page.open(&hash).await;
    page.until_there("#content[data-page=overview] h1").await;
    page.until_says("#account", "sign-in link").await;
    assert_eq!(page.hash().await, "#/overview");
    let document = page.ask("return document.documentElement.outerHTML", json!([])).await;
    assert!(!document.as_str().unwrap().contains(&*link.code));

    sign_out(&page).await;
    page.open(&hash).await;
    page.until_says("#sign-in-error", "has been used").await;
    assert!(!page.hash().await.contains(&*link.code));
    page.end_after(&["/session 401"]).await;
}

#[tokio::test]
async fn who_signs_out_is_out_here_and_on_the_server() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], 1);
    sign_out(&page).await;
    assert_eq!(page.count("#pages a, #account, #live").await, 0);
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], 0);
    page.open("#/entries").await;
    page.until_there("#token").await;
    // Signing in leads to where somebody wanted to go.
    page.sign_in(admin.token()).await;
    page.until_there("#entries").await;
    page.end().await;
}

#[tokio::test]
async fn a_revoked_session_returns_to_sign_in_by_itself() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_there("#live[data-state=live]").await;
    let sessions = admin.get("/sessions").await.expect(200);
    let id = sessions["sessions"][0]["id"].as_str().unwrap();
    admin.delete(&format!("/sessions/{id}")).await.expect(200);
    page.until_there("#token").await;
    page.until_says("#toasts", "Your session has ended").await;
    assert_eq!(page.count("#pages a, #account").await, 0);
    page.reload().await;
    page.until_there("#token").await;
    // Whichever request is the first to be refused.
    page.end_after(&["/session 401", "/cache/events 401", "/cache/analytics?window=1h 401", "/cache/config 401"]).await;
}

/// Signs out, and waits until that is so.
async fn sign_out(page: &Page) {
    page.click("#account").await;
    page.click("#sign-out").await;
    page.until_there("#token").await;
}

//! The banner that shows on every page that the database cannot be written.

use muster::domain::access::Role;

use super::Page;
use crate::database_trouble::fill;
use crate::support::TestApp;

const BANNER: &str = "#trouble:not([hidden])";

#[tokio::test]
async fn a_banner_on_every_page_shows_that_writes_are_refused_until_they_succeed() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_visible("#live[data-state=live]").await;
    page.wait_for_hidden(BANNER).await;
    fill(&app, &admin).await;
    for name in ["overview", "entries", "tuning", "enterprises", "access"] {
        page.navigate_to(name).await;
        page.wait_for_text("#trouble", "Changes are refused. There is no space left on the disk").await;
        page.wait_for_text("#trouble", "make room").await;
    }
    // A page that is loaded now shows it, too.
    page.reload().await;
    page.wait_for_text("#trouble", "Changes are refused.").await;
    app.write(|tx| tx.limit_size(None)).await;
    page.wait_for_hidden(BANNER).await;
    page.end().await;
}

#[tokio::test]
async fn a_limited_token_without_the_live_stream_sees_the_banner() {
    let app = TestApp::start().await;
    let (admin, limited) = (app.client(Role::Admin).await, app.enterprise_client(Role::Viewer, "acme").await);
    fill(&app, &admin).await;
    let Some(page) = Page::signed_in(&app, &limited).await else { return };
    page.wait_for_text("#trouble", "Changes are refused.").await;
    page.end().await;
}

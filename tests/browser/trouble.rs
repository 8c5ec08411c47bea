//! A database that cannot be written is seen on every page, and that it can be again.

use muster::domain::access::Role;

use super::Page;
use crate::disk_trouble::fill;
use crate::support::TestApp;

const BANNER: &str = "#trouble:not([hidden])";

#[tokio::test]
async fn a_banner_says_on_every_page_that_nothing_can_be_stored_and_goes_by_itself() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_there("#live[data-state=live]").await;
    page.until_gone(BANNER).await;
    fill(&app, &admin).await;
    for place in ["overview", "entries", "tuning", "enterprises", "access"] {
        page.turn_to(place).await;
        page.until_says("#trouble", "Changes are refused. There is no space left on the disk").await;
        page.until_says("#trouble", "make room").await;
    }
    // Somebody who comes now sees it, too.
    page.reload().await;
    page.until_says("#trouble", "Changes are refused.").await;
    app.write(|tx| tx.limit_size(None)).await;
    page.until_gone(BANNER).await;
    page.end().await;
}

#[tokio::test]
async fn who_may_not_see_the_live_stream_sees_the_banner() {
    let app = TestApp::start().await;
    let (admin, limited) = (app.client(Role::Admin).await, app.limited(Role::Viewer, "acme").await);
    fill(&app, &admin).await;
    let Some(page) = Page::signed_in(&app, &limited).await else { return };
    page.until_says("#trouble", "Changes are refused.").await;
    page.end().await;
}

//! The light and dark themes: by the system's preference, and by the switch.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

/// Returns the background colour of the page.
const BACKGROUND: &str = "return getComputedStyle(document.body).backgroundColor";

/// Records the theme at the moment when the body is created, before anything can be painted.
const WATCH: &str = "new MutationObserver((_, observer) => { if (!document.body) return; \
    globalThis.themeAtFirst = document.documentElement?.dataset.theme ?? 'system'; observer.disconnect(); }) \
    .observe(document, {childList: true, subtree: true})";

const WIDTH: u32 = 1440;

#[tokio::test]
async fn the_theme_follows_the_system_until_one_is_chosen_and_the_choice_is_kept() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::blank(&app).await else { return };
    page.before_each_document(WATCH).await;
    page.open_and_sign_in(admin.token()).await;
    let background = async || page.evaluate(BACKGROUND, json!([])).await.as_str().unwrap().to_owned();
    page.set_width(WIDTH, "light").await;
    let light = background().await;
    page.set_width(WIDTH, "dark").await;
    let dark = background().await;
    assert_ne!(light, dark, "the system chooses");

    for (choice, expected) in [("light", &light), ("dark", &dark)] {
        page.click("#account").await;
        page.click(&format!("#theme input[value={choice}]")).await;
        for scheme in ["light", "dark"] {
            page.set_width(WIDTH, scheme).await;
            assert_eq!(background().await, *expected, "{choice} was chosen, the system says {scheme}");
            page.reload().await;
            page.wait_for_visible("#pages a[aria-current]").await;
            assert_eq!(background().await, *expected, "{choice} stays");
            let first = page.evaluate("return globalThis.themeAtFirst", json!([])).await;
            assert_eq!(first, choice, "it holds before anything is painted");
        }
    }
    page.click("#account").await;
    page.wait_for_visible("#theme input[value=dark]:checked").await;
    page.click("#theme input[value=system]").await;
    page.reload().await;
    page.wait_for_visible("#pages a[aria-current]").await;
    for (scheme, expected) in [("light", &light), ("dark", &dark)] {
        page.set_width(WIDTH, scheme).await;
        assert_eq!(background().await, *expected, "the system chooses again");
    }
    assert_eq!(page.evaluate("return globalThis.themeAtFirst", json!([])).await, "system");
    page.end().await;
}

//! Light and dark: by the system's choice, and by a switch.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::TestApp;

/// The colour behind everything.
const GROUND: &str = "return getComputedStyle(document.body).backgroundColor";

/// Notes which theme is chosen when the body comes to be, before which nothing can be painted.
const WATCH: &str = "new MutationObserver((_, observer) => { if (!document.body) return; \
    globalThis.themeAtFirst = document.documentElement?.dataset.theme ?? 'system'; observer.disconnect(); }) \
    .observe(document, {childList: true, subtree: true})";

const WIDTH: u32 = 1440;

#[tokio::test]
async fn the_theme_follows_the_system_until_somebody_chooses_and_a_choice_stays() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::blank(&app).await else { return };
    page.before_each_document(WATCH).await;
    page.enter(admin.token()).await;
    let ground = async || page.ask(GROUND, json!([])).await.as_str().unwrap().to_owned();
    page.on_screen(WIDTH, "light").await;
    let light = ground().await;
    page.on_screen(WIDTH, "dark").await;
    let dark = ground().await;
    assert_ne!(light, dark, "the system chooses");

    for (choice, ground_then) in [("light", &light), ("dark", &dark)] {
        page.click("#account").await;
        page.click(&format!("#theme input[value={choice}]")).await;
        for scheme in ["light", "dark"] {
            page.on_screen(WIDTH, scheme).await;
            assert_eq!(ground().await, *ground_then, "{choice} was chosen, the system says {scheme}");
            page.reload().await;
            page.until_there("#pages a[aria-current]").await;
            assert_eq!(ground().await, *ground_then, "{choice} stays");
            let first = page.ask("return globalThis.themeAtFirst", json!([])).await;
            assert_eq!(first, choice, "it holds before anything is painted");
        }
    }
    page.click("#account").await;
    page.until_there("#theme input[value=dark]:checked").await;
    page.click("#theme input[value=system]").await;
    page.reload().await;
    page.until_there("#pages a[aria-current]").await;
    for (scheme, ground_then) in [("light", &light), ("dark", &dark)] {
        page.on_screen(WIDTH, scheme).await;
        assert_eq!(ground().await, *ground_then, "the system chooses again");
    }
    assert_eq!(page.ask("return globalThis.themeAtFirst", json!([])).await, "system");
    page.end().await;
}

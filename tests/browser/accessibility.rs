//! What keeps people out, as far as a program can find it: every page in both colours, on a narrow and on a wide screen.

use std::path::Path;

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::{TestApp, skip};

const AXE: &str = "tests/browser/node_modules/axe-core/axe.min.js";

/// Every page, with what is there once it shows its data.
const PAGES: [(&str, &str); 6] = [
    ("#/overview", "#most-asked td"),
    ("#/entries", "#entries tr[data-key]"),
    ("#/tuning", "#history [data-version]"),
    ("#/enterprises", "tr[data-enterprise]"),
    ("#/enterprises/acme", "tr[data-department]"),
    ("#/access", "#audit tbody tr"),
];

#[tokio::test]
async fn axe_finds_nothing_on_any_page_in_any_colours_on_any_screen() {
    let Ok(axe) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE)) else {
        return skip("the test with axe-core", "npm ci --prefix tests/browser");
    };
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for path in ["acme", "acme", "acme/departments/sales"] {
        admin.get(&format!("/enterprise/{path}/contacts/summary")).await.expect(200);
    }
    admin.put("/cache/config", json!({"maxCacheSize": 500})).await.expect(200);
    let Some(page) = Page::blank(&app).await else { return };
    page.open("").await;
    page.until_there("#token").await;
    page.ask(&axe, json!([])).await;
    look(&page, "sign-in").await;
    page.sign_in(admin.token()).await;
    page.until_there("#pages a[aria-current]").await;
    for (hash, there) in PAGES {
        page.ask("location.hash = arguments[0]", json!([hash])).await;
        page.until_there(there).await;
        look(&page, hash).await;
    }
    page.end().await;
}

/// Looks at what is shown, on every screen.
async fn look(page: &Page, name: &str) {
    for (width, scheme) in [(360, "light"), (360, "dark"), (1440, "light"), (1440, "dark")] {
        page.on_screen(width, scheme).await;
        // What fades or moves from one colour to the other has arrived.
        page.until("return document.getAnimations().every(({playState}) => playState !== 'running')", json!([])).await;
        let script = "const done = arguments[arguments.length - 1]; \
                      axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}) \
                      .then(({violations}) => done(violations.map(({id, nodes}) => \
                      `${id}: ${nodes.map(({html}) => html).join(' ')}`)), (error) => done([String(error)]))";
        let found = page.ask_later(script).await;
        assert_eq!(found, json!([]), "{name}, {width} px, {scheme}");
    }
}

//! Accessibility as axe-core checks it: every page in both themes, on a narrow and on a wide screen.

use std::path::Path;

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::{TestApp, skip};

const AXE: &str = "tests/browser/node_modules/axe-core/axe.min.js";

/// Every page, with a selector of what is visible once it shows its data.
const PAGES: [(&str, &str); 6] = [
    ("#/overview", "#most-asked td"),
    ("#/entries", "#entries tr[data-key]"),
    ("#/tuning", "#history [data-version]"),
    ("#/enterprises", "tr[data-enterprise]"),
    ("#/enterprises/acme", "tr[data-department]"),
    ("#/access", "#audit tbody tr"),
];

#[tokio::test]
async fn axe_finds_no_violation_on_any_page_theme_or_screen_width() {
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
    page.wait_for_visible("#token").await;
    page.evaluate(&axe, json!([])).await;
    check_with_axe(&page, "sign-in").await;
    page.sign_in(admin.token()).await;
    page.wait_for_visible("#pages a[aria-current]").await;
    for (hash, there) in PAGES {
        page.evaluate("location.hash = arguments[0]", json!([hash])).await;
        page.wait_for_visible(there).await;
        check_with_axe(&page, hash).await;
    }
    page.end().await;
}

/// Checks the current page in both themes and at both widths.
async fn check_with_axe(page: &Page, name: &str) {
    for (width, scheme) in [(360, "light"), (360, "dark"), (1440, "light"), (1440, "dark")] {
        page.set_width(width, scheme).await;
        // Transitions between the themes must be over.
        page.wait_for("return document.getAnimations().every(({playState}) => playState !== 'running')", json!([]))
            .await;
        let script = "const done = arguments[arguments.length - 1]; \
                      axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}) \
                      .then(({violations}) => done(violations.map(({id, nodes}) => \
                      `${id}: ${nodes.map(({html}) => html).join(' ')}`)), (error) => done([String(error)]))";
        let found = page.evaluate_async(script).await;
        assert_eq!(found, json!([]), "{name}, {width} px, {scheme}");
    }
}

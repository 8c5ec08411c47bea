//! Unusual names, among them script injection, right-to-left text, emoji and very long ones.

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use crate::support::{TestApp, department, employee, enterprise};

/// If a page ran this, it would set `window.ran` and send a request.
const SCRIPT: &str = "<script>window.ran = 1</script><img src=nowhere onerror='window.ran = 2'>";
const RIGHT_TO_LEFT: &str = "שלום עולם (2026) مرحبا";
const EMOJI: &str = "🎉 Ünïcode 👩‍👩‍👧 & Söhne";

/// The narrowest screen.
const NARROW: u32 = 360;

#[tokio::test]
async fn names_are_shown_as_text_whatever_is_in_them() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let long = "W".repeat(200);
    let names = [("script", SCRIPT), ("rtl", RIGHT_TO_LEFT), ("emoji", EMOJI), ("long", &long)];
    for (id, name) in names {
        admin.post("/enterprise", json!({"id": id, "name": name})).await.expect(201);
        admin.post(&format!("/enterprise/{id}/departments"), json!({"id": "d", "name": name})).await.expect(201);
        let (id, name) = (id.to_owned(), name.to_owned());
        app.write(move |tx| {
            use muster::domain::access::Reach;
            let first_name = name.chars().take(100).collect::<String>();
            let person = crate::support::staff(&first_name);
            tx.create_employee(&enterprise(&id), &department("d"), Some(employee(&format!("e-{id}"))), &person)?;
            let contact = crate::support::contact("Friend", &name);
            tx.add_contact(&Reach::Installation, &employee(&format!("e-{id}")), &contact, "AddContact")
        })
        .await;
    }
    admin.post("/tokens", json!({"name": SCRIPT, "role": "viewer"})).await.expect(201);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.set_width(NARROW, "light").await;
    for (id, name) in names {
        page.open("#/enterprises").await;
        page.wait_for_visible(&format!("tr[data-enterprise={id}]")).await;
        assert_eq!(shown(&page, &format!("tr[data-enterprise={id}] a")).await, name);
        page.click(&format!("tr[data-enterprise={id}] a")).await;
        page.wait_for_text("#content h1", &name.chars().take(4).collect::<String>()).await;
        assert_eq!(shown(&page, "#content h1").await, name);
        assert_eq!(shown(&page, "tr[data-department=d] a").await, name);
        assert_fits_screen(&page, name).await;
        page.click("tr[data-department=d] a").await;
        page.wait_for_text("#content", "Last 7 days").await;
        assert_eq!(shown(&page, "#content h1").await, name);
        let companies = page.evaluate("return document.querySelector('#content').textContent", json!([])).await;
        assert!(companies.as_str().unwrap().contains(name), "{companies}");
        assert_fits_screen(&page, name).await;
    }
    page.open("#/access").await;
    page.wait_for_visible("#tokens tbody tr").await;
    let tokens = page.evaluate("return document.querySelector('#tokens').textContent", json!([])).await;
    assert!(tokens.as_str().unwrap().contains(SCRIPT), "{tokens}");
    assert!(page.evaluate("return window.ran ?? null", json!([])).await.is_null(), "a name has run");
    page.end().await;
}

/// The text of an element, which must contain no image and no script.
async fn shown(page: &Page, selector: &str) -> String {
    let script = "const found = document.querySelector(arguments[0]); \
                  return found.querySelector('img, script') ? 'more than text' : found.textContent";
    page.evaluate(script, json!([selector])).await.as_str().unwrap().to_owned()
}

/// Asserts that the page is no wider than the screen.
async fn assert_fits_screen(page: &Page, name: &str) {
    let over = page.evaluate("return document.documentElement.scrollWidth - window.innerWidth", json!([])).await;
    assert!(over.as_i64().unwrap() <= 0, "{over} px too wide: {name}");
}

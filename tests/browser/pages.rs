//! Each page shows what the API returns, has its own URL, and loads fast.

use std::time::Duration;

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use super::page::strings;
use crate::support::{Client, TestApp};

const ACME: &str = "/enterprise/acme/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";

/// The limit of all bytes that the first page load transfers.
const TRANSFER_MAX: u64 = 120 * 1_000;

/// Requests summaries: two hits and two misses.
async fn request_summaries(client: &Client) {
    for path in [ACME, ACME, SALES, ACME] {
        client.get(path).await.expect(200);
    }
}

#[tokio::test]
async fn the_overview_and_the_entries_agree_with_the_api() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    request_summaries(&admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#tile-hitRate .tile-value", "50.0%").await;
    page.wait_for_text("#tile-hitRate[data-met=missed]", "Target: above 80%").await;
    page.wait_for_text("#tile-hitMillis[data-met=met]", "Met").await;
    page.wait_for_text("#tile-memoryBytes[data-met=met]", "Met").await;
    page.wait_for_text("#tile-invalidationsPerHour[data-met=met]", "0 per hour").await;
    for chart in ["requests", "ratio", "latency", "memory"] {
        page.wait_for_visible(&format!("#chart-{chart}[data-state=shown] svg path")).await;
    }
    page.wait_for_text("#chart-removals[data-state=empty]", "No entry went in this time").await;
    // The table of a chart has its numbers as text.
    page.click("#chart-requests details summary").await;
    let sums = "const rows = [...document.querySelectorAll('#chart-requests details tbody tr')]; \
                const sum = (at) => rows.reduce((sum, row) => sum + (Number(row.querySelectorAll('td')[at].innerText) || 0), 0); \
                return rows.length > 0 && sum(0) + sum(2) === 4 && [sum(0), sum(2)]";
    assert_eq!(page.wait_for(sums, json!([])).await, json!([2, 2]), "hits and misses");

    // Each time window has its own URL.
    page.click("#window a[data-window='24h']").await;
    page.wait_for_visible("#window a[data-window='24h'][aria-current=true]").await;
    assert_eq!(page.hash().await, "#/overview?window=24h");
    page.reload().await;
    page.wait_for_visible("#window a[data-window='24h'][aria-current=true]").await;
    page.wait_for_text("#tile-hitRate .tile-value", "50.0%").await;

    page.navigate_to("entries").await;
    page.wait_for_visible("#entries tr[data-key]").await;
    let list = admin.get("/cache/entries").await.expect(200);
    let expected: Vec<_> = list["entries"].as_array().unwrap().iter().map(|entry| entry["key"].clone()).collect();
    let keys = "return [...document.querySelectorAll('#entries tr[data-key]')].map((row) => row.dataset.key)";
    assert_eq!(page.evaluate(keys, json!([])).await, json!(expected));
    // The remaining TTL counts down.
    let left = "#entries tr[data-key='enterprise:acme:contacts'] [data-cell=left]";
    let before = page.texts(left).await;
    page.wait_for("return document.querySelector(arguments[0]).innerText !== arguments[1]", json!([left, before[0]]))
        .await;
    // The server sorts and filters the list.
    page.click("[data-sort=accesses]").await;
    page.wait_for(
        "return document.querySelector('#entries tbody th')?.innerText.includes('enterprise:acme')",
        json!([]),
    )
    .await;
    page.fill("#entry-search", "sales").await;
    page.wait_for_hidden("#entries tr[data-key='enterprise:acme:contacts']").await;
    page.wait_for_visible("#entries tr[data-key='enterprise:acme:department:sales:contacts']").await;
    page.end().await;
}

#[tokio::test]
async fn the_enterprise_and_department_pages_agree_with_the_api() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("enterprises").await;
    page.wait_for_visible("tr[data-enterprise=acme]").await;
    assert_eq!(page.texts("#enterprises tbody th").await, ["ACME", "GLOBEX"]);
    page.click("tr[data-enterprise=acme] a").await;
    page.wait_for_text("#source[data-cached=false]", "Miss").await;
    let data = admin.get(ACME).await.expect(200)["data"].clone();
    let shown = page.texts("#totals .total-value").await;
    let expected =
        ["totalContacts", "uniquePeople", "totalEmployees", "totalDepartments"].map(|field| data[field].to_string());
    assert_eq!(shown[..4], expected);
    for table in ["Contoso", "SALES", "LAB", "u1"] {
        page.wait_for_text("#content", table).await;
    }
    page.wait_for_visible("#chart-daily[data-state=shown]").await;
    page.reload().await;
    page.wait_for_text("#source[data-cached=true]", "Hit").await;
    page.click("tr[data-department=sales] a").await;
    page.wait_for_text("#content h1", "SALES").await;
    assert_eq!(page.hash().await, "#/enterprises/acme/departments/sales");
    let data = admin.get(SALES).await.expect(200)["data"].clone();
    page.wait_for_text("#totals", "Last 7 days").await;
    assert_eq!(page.texts("#totals .total-value").await[0], data["totalContacts"].to_string());
    page.open("#/enterprises/nowhere").await;
    page.wait_for_text("#content h1", "Not found").await;
    page.end_after(&["/enterprise/nowhere/contacts/summary 404"]).await;
}

#[tokio::test]
async fn the_access_page_creates_a_token_shows_it_once_and_revokes_it() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.navigate_to("access").await;
    page.wait_for_visible("#tokens tbody tr[data-token]").await;
    page.wait_for_text("#sessions", "This one").await;
    page.wait_for_text("#audit", "session").await;
    page.click("#new-token").await;
    page.fill("#token-name", "for the gateway").await;
    page.click("#token-dialog input[value=manager]").await;
    page.click("#token-dialog [data-action=confirm]").await;
    page.wait_for_visible("#secret").await;
    let secret = page.texts("#secret").await.remove(0);
    let made = app.anonymous().with_token(&secret);
    made.get("/enterprise").await.expect(200);
    page.click("#secret-dialog [data-action=cancel]").await;
    page.wait_for_hidden("#secret-dialog").await;
    let left = page.evaluate("return document.documentElement.outerHTML", json!([])).await;
    assert!(!left.as_str().unwrap().contains(&secret), "it is shown once");
    page.wait_for_text("#tokens", "for the gateway").await;
    page.wait_for_text("#audit", "token.create").await;
    page.click("#tokens [aria-label='Revoke the token for the gateway']").await;
    page.click("#revoke-dialog [data-action=confirm]").await;
    page.wait_for("return !document.querySelector('#tokens').innerText.includes('for the gateway')", json!([])).await;
    made.get("/enterprise").await.problem(401);
    page.end().await;
}

#[tokio::test]
async fn an_empty_installation_offers_to_create_the_first_enterprise() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for id in ["acme", "globex"] {
        admin.delete(&format!("/enterprise/{id}")).await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#tile-hitRate[data-met=unknown]", "No data yet").await;
    page.navigate_to("enterprises").await;
    page.wait_for_text("#import-command", "muster import").await;
    page.fill("#new-enterprise-name", "Initech").await;
    page.click("#create-first").await;
    page.wait_for_text("#new-department-name-error", "Enter a name").await;
    page.fill("#new-department-name", "Reports").await;
    page.click("#create-first").await;
    page.wait_for_text("#content h1", "Initech").await;
    page.wait_for_text("#content", "Reports").await;
    assert_eq!(admin.get("/enterprise/initech/departments").await.expect(200)["totalCount"], 1);
    page.end().await;
}

#[tokio::test]
async fn pages_load_with_little_layout_shift() {
    /// The limit of the cumulative layout shift (Layout Instability API); users notice 0.1.
    const SHIFT_MAX: f64 = 0.02;
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    request_summaries(&admin).await;
    admin.put("/cache/config", json!({"maxCacheSize": 500})).await.expect(200);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    // With some latency the placeholders are painted before the data.
    page.set_latency(Duration::from_millis(30)).await;
    for width in [360, 1440] {
        page.set_width(width, "light").await;
        for (hash, there) in [
            ("#/overview", "#most-asked td + td"),
            ("#/entries", "#entries tr[data-key]"),
            ("#/tuning", "#setting-maxCacheBytes-curve[data-state=shown]"),
            ("#/enterprises", "tr[data-enterprise]"),
            ("#/enterprises/acme", "tr[data-department]"),
            ("#/access", "#audit tbody tr"),
        ] {
            page.open(hash).await;
            page.wait_for_visible(there).await;
            page.wait_for_visible("#live[data-state=live]").await;
            let script = "const done = arguments[arguments.length - 1]; const shifts = []; \
                new PerformanceObserver((list) => list.getEntries().forEach(({value, sources}) => shifts.push([value, \
                sources.map(({node}) => node?.id || node?.className || node?.nodeName)]))) \
                .observe({type: 'layout-shift', buffered: true}); \
                requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(shifts), 50)))";
            let shifts = page.evaluate_async(script).await;
            let sum: f64 = shifts.as_array().unwrap().iter().map(|shift| shift[0].as_f64().unwrap()).sum();
            assert!(sum <= SHIFT_MAX, "{hash} at {width} px: {shifts}");
        }
    }
    page.end().await;
}

#[tokio::test]
async fn the_first_page_load_is_small_and_compressed() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    // Many requests, so that the analytics are as large as those of a cache in use.
    for _ in 0..200 {
        request_summaries(&admin).await;
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#tile-memoryBytes", "Met").await;
    // The first sample makes the page load the analytics a second time, which belongs to the first page load.
    let twice =
        "return performance.getEntriesByType('resource').filter(({name}) => name.includes('analytics?')).length > 1";
    page.wait_for(twice, json!([])).await;
    let script = "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
                  return {bytes: all.reduce((sum, entry) => sum + entry.transferSize, 0), \
                  plain: all.filter((entry) => entry.encodedBodySize > 1_000 && entry.encodedBodySize === entry.decodedBodySize) \
                  .map((entry) => entry.name)}";
    let weighed = page.evaluate(script, json!([])).await;
    let bytes = weighed["bytes"].as_u64().unwrap();
    assert!((10_000..=TRANSFER_MAX).contains(&bytes), "{bytes}");
    let plain: Vec<String> = strings(&weighed["plain"])
        .into_iter()
        .filter(|url| [".js", ".css", "analytics"].iter().any(|part| url.contains(part)))
        .collect();
    assert!(plain.is_empty(), "{plain:?}");
    page.end().await;
}

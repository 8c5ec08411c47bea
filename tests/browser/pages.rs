//! Each page shows what the API tells, has an address of its own, and costs little.

use std::time::Duration;

use muster::domain::access::Role;
use serde_json::json;

use super::Page;
use super::page::strings;
use crate::support::{Client, TestApp};

const ACME: &str = "/enterprise/acme/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";

/// What all of the first page may weigh on the wire, by the design.
const TRANSFER_MAX: u64 = 120 * 1_000;

/// Two hits and two misses.
async fn ask_around(client: &Client) {
    for path in [ACME, ACME, SALES, ACME] {
        client.get(path).await.expect(200);
    }
}

#[tokio::test]
async fn the_overview_and_the_entries_show_what_the_cache_has_done() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    ask_around(&admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#tile-hitRate .tile-value", "50.0%").await;
    page.until_says("#tile-hitRate[data-met=missed]", "Target: above 80%").await;
    page.until_says("#tile-hitMillis[data-met=met]", "Met").await;
    page.until_says("#tile-memoryBytes[data-met=met]", "Met").await;
    page.until_says("#tile-invalidationsPerHour[data-met=met]", "0 per hour").await;
    for chart in ["requests", "ratio", "latency", "memory"] {
        page.until_there(&format!("#chart-{chart}[data-state=shown] svg path")).await;
    }
    page.until_says("#chart-removals[data-state=empty]", "No entry went in this time").await;
    // The text alternative of a chart has its numbers.
    page.click("#chart-requests details summary").await;
    let sums = "const rows = [...document.querySelectorAll('#chart-requests details tbody tr')]; \
                const sum = (at) => rows.reduce((sum, row) => sum + (Number(row.querySelectorAll('td')[at].innerText) || 0), 0); \
                return rows.length > 0 && sum(0) + sum(2) === 4 && [sum(0), sum(2)]";
    assert_eq!(page.until(sums, json!([])).await, json!([2, 2]), "hits and misses");

    // Other windows of time have addresses.
    page.click("#window a[data-window='24h']").await;
    page.until_there("#window a[data-window='24h'][aria-current=true]").await;
    assert_eq!(page.hash().await, "#/overview?window=24h");
    page.reload().await;
    page.until_there("#window a[data-window='24h'][aria-current=true]").await;
    page.until_says("#tile-hitRate .tile-value", "50.0%").await;

    page.turn_to("entries").await;
    page.until_there("#entries tr[data-key]").await;
    let list = admin.get("/cache/entries").await.expect(200);
    let told: Vec<_> = list["entries"].as_array().unwrap().iter().map(|entry| entry["key"].clone()).collect();
    let keys = "return [...document.querySelectorAll('#entries tr[data-key]')].map((row) => row.dataset.key)";
    assert_eq!(page.ask(keys, json!([])).await, json!(told));
    // Time left counts down.
    let left = "#entries tr[data-key='enterprise:acme:contacts'] [data-cell=left]";
    let before = page.texts(left).await;
    page.until("return document.querySelector(arguments[0]).innerText !== arguments[1]", json!([left, before[0]]))
        .await;
    // Sorted by the server, and filtered.
    page.click("[data-sort=accesses]").await;
    page.until("return document.querySelector('#entries tbody th')?.innerText.includes('enterprise:acme')", json!([]))
        .await;
    page.fill("#entry-search", "sales").await;
    page.until_gone("#entries tr[data-key='enterprise:acme:contacts']").await;
    page.until_there("#entries tr[data-key='enterprise:acme:department:sales:contacts']").await;
    page.end().await;
}

#[tokio::test]
async fn the_enterprises_show_their_summaries_down_to_a_department() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.turn_to("enterprises").await;
    page.until_there("tr[data-enterprise=acme]").await;
    assert_eq!(page.texts("#enterprises tbody th").await, ["ACME", "GLOBEX"]);
    page.click("tr[data-enterprise=acme] a").await;
    page.until_says("#source[data-cached=false]", "Miss").await;
    let data = admin.get(ACME).await.expect(200)["data"].clone();
    let shown = page.texts("#totals .total-value").await;
    let told =
        ["totalContacts", "uniquePeople", "totalEmployees", "totalDepartments"].map(|field| data[field].to_string());
    assert_eq!(shown[..4], told);
    for table in ["Contoso", "SALES", "LAB", "u1"] {
        page.until_says("#content", table).await;
    }
    page.until_there("#chart-daily[data-state=shown]").await;
    page.reload().await;
    page.until_says("#source[data-cached=true]", "Hit").await;
    page.click("tr[data-department=sales] a").await;
    page.until_says("#content h1", "SALES").await;
    assert_eq!(page.hash().await, "#/enterprises/acme/departments/sales");
    let data = admin.get(SALES).await.expect(200)["data"].clone();
    page.until_says("#totals", "Last 7 days").await;
    assert_eq!(page.texts("#totals .total-value").await[0], data["totalContacts"].to_string());
    page.open("#/enterprises/nowhere").await;
    page.until_says("#content h1", "Not found").await;
    page.end_after(&["/enterprise/nowhere/contacts/summary 404"]).await;
}

#[tokio::test]
async fn access_makes_a_token_shows_it_once_and_revokes_it() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.turn_to("access").await;
    page.until_there("#tokens tbody tr[data-token]").await;
    page.until_says("#sessions", "This one").await;
    page.until_says("#audit", "session").await;
    page.click("#new-token").await;
    page.fill("#token-name", "for the gateway").await;
    page.click("#token-dialog input[value=manager]").await;
    page.click("#token-dialog [data-action=confirm]").await;
    page.until_there("#secret").await;
    let secret = page.texts("#secret").await.remove(0);
    let made = app.nobody().with_token(&secret);
    made.get("/enterprise").await.expect(200);
    page.click("#secret-dialog [data-action=cancel]").await;
    page.until_gone("#secret-dialog").await;
    let left = page.ask("return document.documentElement.outerHTML", json!([])).await;
    assert!(!left.as_str().unwrap().contains(&secret), "it is shown once");
    page.until_says("#tokens", "for the gateway").await;
    page.until_says("#audit", "token.create").await;
    page.click("#tokens [aria-label='Revoke the token for the gateway']").await;
    page.click("#revoke-dialog [data-action=confirm]").await;
    page.until("return !document.querySelector('#tokens').innerText.includes('for the gateway')", json!([])).await;
    made.get("/enterprise").await.problem(401);
    page.end().await;
}

#[tokio::test]
async fn an_empty_installation_leads_to_the_first_enterprise() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for id in ["acme", "globex"] {
        admin.delete(&format!("/enterprise/{id}")).await.expect(200);
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#tile-hitRate[data-met=unknown]", "No data yet").await;
    page.turn_to("enterprises").await;
    page.until_says("#import-command", "muster import").await;
    page.fill("#new-enterprise-name", "Initech").await;
    page.click("#create-first").await;
    page.until_says("#new-department-name-error", "Enter a name").await;
    page.fill("#new-department-name", "Reports").await;
    page.click("#create-first").await;
    page.until_says("#content h1", "Initech").await;
    page.until_says("#content", "Reports").await;
    assert_eq!(admin.get("/enterprise/initech/departments").await.expect(200)["totalCount"], 1);
    page.end().await;
}

#[tokio::test]
async fn nothing_jumps_while_a_page_loads() {
    /// How far things may jump, by the measure of browsers (Layout Instability): people notice 0.1.
    const SHIFT_MAX: f64 = 0.02;
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    ask_around(&admin).await;
    admin.put("/cache/config", json!({"maxCacheSize": 500})).await.expect(200);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    // So that what stands there while the page waits is seen at all.
    page.far_away(Duration::from_millis(30)).await;
    for width in [360, 1440] {
        page.on_screen(width, "light").await;
        for (hash, there) in [
            ("#/overview", "#most-asked td + td"),
            ("#/entries", "#entries tr[data-key]"),
            ("#/tuning", "#setting-maxCacheBytes-curve[data-state=shown]"),
            ("#/enterprises", "tr[data-enterprise]"),
            ("#/enterprises/acme", "tr[data-department]"),
            ("#/access", "#audit tbody tr"),
        ] {
            page.open(hash).await;
            page.until_there(there).await;
            page.until_there("#live[data-state=live]").await;
            let script = "const done = arguments[arguments.length - 1]; const shifts = []; \
                new PerformanceObserver((list) => list.getEntries().forEach(({value, sources}) => shifts.push([value, \
                sources.map(({node}) => node?.id || node?.className || node?.nodeName)]))) \
                .observe({type: 'layout-shift', buffered: true}); \
                requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(shifts), 50)))";
            let shifts = page.ask_later(script).await;
            let sum: f64 = shifts.as_array().unwrap().iter().map(|shift| shift[0].as_f64().unwrap()).sum();
            assert!(sum <= SHIFT_MAX, "{hash} at {width} px: {shifts}");
        }
    }
    page.end().await;
}

#[tokio::test]
async fn the_first_page_weighs_little_and_comes_compressed() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    // Hits of every length, and figures in every step: what is told of a cache that is in use.
    for _ in 0..200 {
        ask_around(&admin).await;
    }
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#tile-memoryBytes", "Met").await;
    // With the first sample the figures are read once more, which belongs to the first view.
    let twice =
        "return performance.getEntriesByType('resource').filter(({name}) => name.includes('analytics?')).length > 1";
    page.until(twice, json!([])).await;
    let script = "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
                  return {bytes: all.reduce((sum, entry) => sum + entry.transferSize, 0), \
                  plain: all.filter((entry) => entry.encodedBodySize > 1_000 && entry.encodedBodySize === entry.decodedBodySize) \
                  .map((entry) => entry.name)}";
    let weighed = page.ask(script, json!([])).await;
    let bytes = weighed["bytes"].as_u64().unwrap();
    assert!((10_000..=TRANSFER_MAX).contains(&bytes), "{bytes}");
    let plain: Vec<String> = strings(&weighed["plain"])
        .into_iter()
        .filter(|url| [".js", ".css", "analytics"].iter().any(|part| url.contains(part)))
        .collect();
    assert!(plain.is_empty(), "{plain:?}");
    page.end().await;
}

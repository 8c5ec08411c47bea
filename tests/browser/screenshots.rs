//! The screenshots in the documentation, taken of the demonstration.
//!
//! Each run takes and checks them. `UPDATE_SCREENSHOTS=<minutes>` also writes them to `docs/images`, after the
//! demonstration has run for this time, so that its charts have data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Page;
use super::demonstration::Demonstration;
use super::png::Picture;

/// The environment variable that makes the test write the screenshots, and how many minutes it waits before.
const UPDATE: &str = "UPDATE_SCREENSHOTS";

/// Contacts of the demonstration: many for the documentation, few for a fast test.
const CONTACTS_SHOWN: u32 = 50_000;
const CONTACTS_TESTED: u32 = 2_000;

/// The screen of all screenshots but the narrow ones.
const SCREEN: (u32, u32) = (1440, 900);
const NARROW: (u32, u32) = (390, 844);

/// The limit of all screenshots together; each clone of the repository loads them.
const BYTES_MAX: usize = 1_500_000;

/// The name of each screenshot, the hash of its page, and a selector of what is visible once the page is complete.
const PAGES: [(&str, &str, &str); 6] = [
    ("enterprises", "#/enterprises/acme", "tr[data-department]"),
    ("overview", "#/overview", "#chart-latency[data-state=shown] .dot, #chart-latency[data-state=shown] .line"),
    ("entries", "#/entries", "#entries tr[data-key]"),
    ("tuning", "#/tuning", "#history [data-version='2']"),
    ("access", "#/access", "#audit tbody tr + tr + tr"),
    ("narrow", "#/overview", "#chart-requests[data-state=shown] .bar"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images")
}

/// The expected file names.
fn names() -> BTreeSet<String> {
    let both = |(name, ..): &(&str, &str, &str)| ["light", "dark"].map(|scheme| format!("{name}-{scheme}.png"));
    PAGES.iter().flat_map(both).collect()
}

#[tokio::test]
async fn every_page_of_the_demonstration_makes_a_screenshot() {
    let minutes = std::env::var(UPDATE).ok().map(|text| text.parse::<u64>().expect("a number of minutes"));
    let demo = Demonstration::start(if minutes.is_some() { CONTACTS_SHOWN } else { CONTACTS_TESTED });
    let Some(page) = Page::signed_in_at(demo.address, &demo.token).await else { return };
    make_activity(&page).await;
    // Taking a screenshot hides the scroll bars, which are still on the first one.
    page.screenshot().await;
    let mut taken = Vec::new();
    for (number, (name, hash, there)) in PAGES.into_iter().enumerate() {
        if number == 1 {
            // The first page is taken before the wait, since the demonstration's writes would dwarf the data of the months
            // before on its charts; the charts of the cache need the wait.
            tokio::time::sleep(Duration::from_secs(minutes.unwrap_or(0) * 60)).await;
        }
        page.open(hash).await;
        page.wait_for_visible(there).await;
        if name == "tuning" {
            page.wait_for_visible(".prediction .chart[data-state=shown]").await;
            page.fill("#setting-ttlSettings-enterprise", "4h").await;
            page.wait_for_visible("#apply").await;
            page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)", json!([])).await;
        }
        for scheme in ["light", "dark"] {
            let screen = if name == "narrow" { NARROW } else { SCREEN };
            page.set_screen(screen, scheme).await;
            page.wait_for_visible("#live[data-state=live]").await;
            if hash == "#/overview" {
                page.wait_for_text("#now", "Last second").await;
            }
            let unfinished = "return document.querySelectorAll('[data-state=error], [data-state=loading], .skeleton, .toast').length";
            page.wait_for(&format!("{unfinished} === 0"), json!([])).await;
            let file = page.screenshot().await;
            let picture = Picture::read(&file);
            assert_eq!((picture.width, picture.height), (screen.0 as usize, screen.1 as usize), "{name}, {scheme}");
            assert!(picture.colours > 100 && picture.emptiness < 0.9, "{name}, {scheme}: {picture:?}");
            taken.push((format!("{name}-{scheme}.png"), file));
        }
        page.set_screen(SCREEN, "light").await;
    }
    page.end().await;
    assert_eq!(taken.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), names());
    let distinct: BTreeSet<&[u8]> = taken.iter().map(|(_, file)| &**file).collect();
    assert_eq!(distinct.len(), taken.len(), "no two are the same");
    let bytes: usize = taken.iter().map(|(_, file)| file.len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes");
    if minutes.is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        for (name, file) in taken {
            std::fs::write(folder().join(name), file).unwrap();
        }
    }
}

/// Does what the history and the audit log show: two changes of the settings, two tokens, a clear.
async fn make_activity(page: &Page) {
    let send = async |method: &str, path: &str, body: Value| {
        let script = "const done = arguments[arguments.length - 1]; fetch(PATH, {method: METHOD, \
                      headers: {'Content-Type': 'application/json'}, body: BODY}).then(({status}) => done(status))";
        let script = script
            .replace("PATH", &json!(path).to_string())
            .replace("METHOD", &json!(method).to_string())
            .replace("BODY", &json!(body.to_string()).to_string());
        let status = page.evaluate_async(&script).await;
        assert!(status == 200 || status == 201, "{method} {path}: {status}");
    };
    send("PUT", "cache/config", json!({"ttlSettings": {"enterprise": "2h"}})).await;
    send("PUT", "cache/config", json!({"maxCacheSize": 2_000, "staleIfError": "30m"})).await;
    send("POST", "tokens", json!({"name": "Gateway", "role": "contributor", "expiresIn": "90d"})).await;
    send("POST", "tokens", json!({"name": "Reports", "role": "viewer"})).await;
    send("DELETE", "cache/departments/clear", Value::Null).await;
}

#[test]
fn every_screenshot_is_used_and_every_used_one_exists() {
    let files: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, names(), "UPDATE_SCREENSHOTS=20 cargo test every_page_of_the_demonstration writes them");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let dashboard = read("docs/dashboard.md");
    let unshown: Vec<&String> = files.iter().filter(|name| !dashboard.contains(&format!("images/{name}"))).collect();
    assert!(unshown.is_empty(), "docs/dashboard.md does not show {unshown:?}");
    for text in [&dashboard, &read("README.md")] {
        for (_, behind) in text.match_indices("images/").map(|(at, found)| text.split_at(at + found.len())) {
            let name =
                behind.split(|sign: char| !sign.is_ascii_alphanumeric() && !"-._".contains(sign)).next().unwrap();
            assert!(files.contains(name), "there is no picture {name}");
        }
    }
    let bytes: usize = files.iter().map(|name| std::fs::read(folder().join(name)).unwrap().len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes");
}

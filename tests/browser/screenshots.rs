//! The pictures in the documentation, taken of the demonstration.
//!
//! They are taken and looked at each time. `UPDATE_SCREENSHOTS=<minutes>` also writes them to `docs/images`, after the
//! demonstration has run for so long that its charts have something to show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Page;
use super::demonstration::Demonstration;
use super::png::Picture;

/// What makes this test write, and how many minutes it waits before.
const UPDATE: &str = "UPDATE_SCREENSHOTS";

/// Contacts of the demonstration: the pictures are to show a busy installation, and the test is to be quick.
const CONTACTS_SHOWN: u32 = 50_000;
const CONTACTS_TESTED: u32 = 2_000;

/// The screen of all pictures but one.
const SCREEN: (u32, u32) = (1440, 900);
const NARROW: (u32, u32) = (390, 844);

/// All pictures together; whoever clones the repository loads them.
const BYTES_MAX: usize = 1_500_000;

/// Pages by the name of their picture, each with what is there once all of it is.
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

/// The files that there are to be.
fn names() -> BTreeSet<String> {
    let both = |(name, ..): &(&str, &str, &str)| ["light", "dark"].map(|scheme| format!("{name}-{scheme}.png"));
    PAGES.iter().flat_map(both).collect()
}

#[tokio::test]
async fn every_page_of_the_demonstration_makes_a_picture() {
    let minutes = std::env::var(UPDATE).ok().map(|text| text.parse::<u64>().expect("a number of minutes"));
    let demo = Demonstration::start(if minutes.is_some() { CONTACTS_SHOWN } else { CONTACTS_TESTED });
    let Some(page) = Page::signed_in_at(demo.address, &demo.token).await else { return };
    busy(&page).await;
    // The scroll bars go with the first picture, and are still on it.
    page.picture().await;
    let mut taken = Vec::new();
    for (number, (name, hash, there)) in PAGES.into_iter().enumerate() {
        if number == 1 {
            // What the demonstration's writes bring each minute would dwarf the months before; figures of the cache are
            // the better the longer it ran.
            tokio::time::sleep(Duration::from_secs(minutes.unwrap_or(0) * 60)).await;
        }
        page.open(hash).await;
        page.until_there(there).await;
        if name == "tuning" {
            page.until_there(".prediction .chart[data-state=shown]").await;
            page.fill("#setting-ttlSettings-enterprise", "4h").await;
            page.until_there("#apply").await;
            page.ask("document.activeElement.blur(); window.scrollTo(0, 0)", json!([])).await;
        }
        for scheme in ["light", "dark"] {
            let screen = if name == "narrow" { NARROW } else { SCREEN };
            page.on_screen_of(screen, scheme).await;
            page.until_there("#live[data-state=live]").await;
            if hash == "#/overview" {
                page.until_says("#now", "Last second").await;
            }
            let unfinished = "return document.querySelectorAll('[data-state=error], [data-state=loading], .skeleton, .toast').length";
            page.until(&format!("{unfinished} === 0"), json!([])).await;
            let file = page.picture().await;
            let picture = Picture::read(&file);
            assert_eq!((picture.width, picture.height), (screen.0 as usize, screen.1 as usize), "{name}, {scheme}");
            assert!(picture.colours > 100 && picture.emptiness < 0.9, "{name}, {scheme}: {picture:?}");
            taken.push((format!("{name}-{scheme}.png"), file));
        }
        page.on_screen_of(SCREEN, "light").await;
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

/// Has somebody do what leaves traces: two changes of the settings, a token, a clear.
async fn busy(page: &Page) {
    let send = async |method: &str, path: &str, body: Value| {
        let script = "const done = arguments[arguments.length - 1]; fetch(PATH, {method: METHOD, \
                      headers: {'Content-Type': 'application/json'}, body: BODY}).then(({status}) => done(status))";
        let script = script
            .replace("PATH", &json!(path).to_string())
            .replace("METHOD", &json!(method).to_string())
            .replace("BODY", &json!(body.to_string()).to_string());
        let status = page.ask_later(&script).await;
        assert!(status == 200 || status == 201, "{method} {path}: {status}");
    };
    send("PUT", "cache/config", json!({"ttlSettings": {"enterprise": "2h"}})).await;
    send("PUT", "cache/config", json!({"maxCacheSize": 2_000, "staleIfError": "30m"})).await;
    send("POST", "tokens", json!({"name": "Gateway", "role": "contributor", "expiresIn": "90d"})).await;
    send("POST", "tokens", json!({"name": "Reports", "role": "viewer"})).await;
    send("DELETE", "cache/departments/clear", Value::Null).await;
}
#[test]
fn every_picture_is_shown_somewhere_and_every_one_that_is_shown_exists() {
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

//! `muster demo --traffic` as a child process, seen in the browser.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Page;
use crate::support::{WorkDir, eventually};

/// The time within which every chart of a page must change after the page is first shown.
const UPDATE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long filling in the data may take. Generous, since it only matters when a test fails.
const START_TIME_MAX: Duration = Duration::from_mins(2);

/// A running demonstration; dropping it ends the process.
pub struct Demonstration {
    process: Child,
    pub address: SocketAddr,
    pub token: String,
    _dir: WorkDir,
}

impl Demonstration {
    /// Starts one with this number of contacts, and waits until it serves.
    pub fn start(contacts: u32) -> Self {
        let dir = WorkDir::new();
        let arguments = ["demo", "--traffic", "--listen", "127.0.0.1:0", "--contacts", &contacts.to_string()];
        let mut process = dir.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (sender, received) = channel();
        std::thread::spawn(move || lines.for_each(|line| drop(sender.send(line))));
        let mut running =
            Self { process, address: SocketAddr::from(([127, 0, 0, 1], 0)), token: String::new(), _dir: dir };
        let begun = Instant::now();
        while running.token.is_empty() {
            let left = START_TIME_MAX.saturating_sub(begun.elapsed());
            let line = received.recv_timeout(left).expect("the demonstration says where it is and how to enter");
            let behind = |label: &str| line.strip_prefix(label).map(str::trim);
            if let Some(url) = behind("API:") {
                let address = url.trim_start_matches("http://").trim_end_matches("/docs");
                running.address = address.parse().unwrap();
            } else if let Some(token) = behind("Token:") {
                token.clone_into(&mut running.token);
            }
        }
        running
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        // On SIGTERM it removes its data directory.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        eventually("the demonstration ends", || self.process.try_wait().unwrap());
    }
}

/// Returns the text of every chart of a page by its id: its table, and for a prediction also its basis.
const CHART_TEXTS: &str = "return Object.fromEntries([...document.querySelectorAll('.chart')].map((chart) => [chart.id, \
    chart.querySelector('table')?.innerText + (chart.closest('.prediction')?.querySelector('.basis').innerText ?? '')]))";

#[tokio::test]
async fn with_traffic_every_chart_updates_within_ten_seconds() {
    let demo = Demonstration::start(2_000);
    let Some(page) = Page::signed_in_at(demo.address, &demo.token).await else { return };
    for (hash, charts) in [("#/overview", 5), ("#/enterprises/acme", 2), ("#/tuning", 5)] {
        page.open(hash).await;
        let shown = format!("return document.querySelectorAll('.chart[data-state=shown]').length === {charts}");
        page.wait_for(&shown, json!([])).await;
        let begun = Instant::now();
        page.evaluate("document.querySelectorAll('.chart details').forEach((table) => table.open = true)", json!([]))
            .await;
        page.wait_for(
            "return document.querySelectorAll('.chart table').length === document.querySelectorAll('.chart').length",
            json!([]),
        )
        .await;
        let first = page.evaluate(CHART_TEXTS, json!([])).await;
        assert_eq!(first.as_object().unwrap().len(), charts, "{hash}: {first:#}");
        let mut unchanged = vec![String::new()];
        while !unchanged.is_empty() {
            let now = page.evaluate(CHART_TEXTS, json!([])).await;
            unchanged = unchanged_charts(&first, &now);
            assert!(
                begun.elapsed() < UPDATE_TIME_MAX || unchanged.is_empty(),
                "{hash}: these do not move: {unchanged:?}\n{first:#}"
            );
        }
    }
    page.end().await;
}

/// The charts whose text is the same in both.
fn unchanged_charts(first: &Value, now: &Value) -> Vec<String> {
    let charts = first.as_object().unwrap().iter();
    charts.filter(|(id, text)| now[id.as_str()] == **text).map(|(id, _)| id.clone()).collect()
}

//! The quiet caller, who asks for little and whose answers are timed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::data::{BUSY, CALM, Prepared};
use crate::support::{WireClient, WireReply};

/// What the quiet caller rests between two rounds.
const REST: Duration = Duration::from_millis(5);

/// How long each kind of request took.
#[derive(Debug, Default)]
pub struct Times([Vec<Duration>; KINDS.len()]);

const KINDS: [&str; 3] = ["a cached summary", "a read from the database", "a write"];

impl Times {
    /// The times of each kind, beside those of the same kind in another situation.
    pub fn compared_with(&self, other: &Self) -> Vec<(&'static str, Slowdown)> {
        let kinds = KINDS.into_iter().zip(self.0.iter().zip(&other.0));
        kinds.map(|(kind, (times, others))| (kind, Slowdown { beside: sorted(times), alone: sorted(others) })).collect()
    }
}

fn sorted(times: &[Duration]) -> Vec<Duration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times
}

/// The same requests with and without an attack.
#[derive(Debug)]
pub struct Slowdown {
    beside: Vec<Duration>,
    alone: Vec<Duration>,
}

fn quantile(times: &[Duration], of_thousand: usize) -> Duration {
    times.get(times.len() * of_thousand / 1_000).copied().unwrap_or_default()
}

impl Slowdown {
    /// The median with the attack as a multiple of the median without.
    pub fn of_median(&self) -> f64 {
        quantile(&self.beside, 500).as_secs_f64() / quantile(&self.alone, 500).as_secs_f64()
    }
}

impl fmt::Display for Slowdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |times: &[Duration]| {
            let [half, p90, p99] = [500, 900, 990].map(|of_thousand| quantile(times, of_thousand));
            format!("median {half:.2?}, p90 {p90:.2?}, p99 {p99:.2?} of {}", times.len())
        };
        let (beside, alone) = (shown(&self.beside), shown(&self.alone));
        write!(f, "{:.2} times; attacked {beside}; not attacked {alone}", self.of_median())
    }
}

pub struct QuietCaller {
    client: WireClient,
    written: usize,
    /// Cached summaries that were no hits.
    pub hits_missed: usize,
}

impl QuietCaller {
    /// A caller at this address.
    pub fn new(server: SocketAddr, address: IpAddr, data: &Prepared) -> Self {
        let mut client = WireClient::new(server, &data.quiet).at_address(address);
        // From now on it is cached.
        client.get(&summary());
        Self { client, written: 0, hits_missed: 0 }
    }

    /// One request of each kind, and a rest.
    pub fn call(&mut self, times: &mut Times, is_timed: bool) {
        let hit = self.timed(times, 0, is_timed, |client, _| client.send("GET", &summary(), ""));
        self.hits_missed += usize::from(hit.expect(200).json()["cached"] != true);
        let path = format!("/enterprise/{CALM}/employees?limit=10");
        self.timed(times, 1, is_timed, |client, _| client.send("GET", &path, "")).expect(200);
        self.written += 1;
        let written = self.timed(times, 2, is_timed, |client, number| {
            let info = json!({"name": format!("Person {number}")});
            client.send("POST", "/saveContact", json!({"userId": format!("{BUSY}-u"), "contactInfo": info}).to_string())
        });
        written.expect(200);
        thread::sleep(REST);
    }

    fn timed(
        &mut self,
        times: &mut Times,
        kind: usize,
        is_timed: bool,
        send: impl FnOnce(&mut WireClient, usize) -> WireReply,
    ) -> WireReply {
        let begun = Instant::now();
        let reply = send(&mut self.client, self.written);
        if is_timed {
            times.0[kind].push(begun.elapsed());
        }
        reply
    }
}

fn summary() -> String {
    format!("/enterprise/{CALM}/contacts/summary")
}

//! The load generator `wrk`: its arguments and its output.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::cpu::{self, Seconds};

/// Keep-alive connections; each sends its next request after the answer to the last one.
pub(crate) const CONNECTIONS: usize = 64;

/// Threads of the load generator. One cannot saturate the fastest server; more than two take the servers' cores.
pub(crate) const THREADS: usize = 2;

/// The result of one run of the load generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
    /// Processor time of the load generator itself.
    pub(crate) cpu: Seconds,
}

pub(crate) fn is_installed() -> bool {
    // The exit status does not count: wrk has no option that only prints its version and succeeds.
    Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Loads a server for some seconds.
pub(crate) fn run(server: SocketAddr, path: &str, token: &str, seconds: u32) -> Load {
    let before = cpu::of_ended_children();
    let output = Command::new("wrk")
        .args(["-t", &THREADS.to_string(), "-c", &CONNECTIONS.to_string(), "-d", &format!("{seconds}s"), "--latency"])
        .args(["-H", &format!("Authorization: Bearer {token}"), &format!("http://{server}{path}")])
        .output()
        .unwrap();
    let cpu = cpu::of_ended_children() - before;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "not every request was answered: {text}");
    let word_after = |line_begins: &str| {
        let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix(line_begins)).unwrap();
        line.split_whitespace().next().unwrap()
    };
    let (requests, _) = text.split_once(" requests in ").unwrap();
    Load {
        requests: requests.split_whitespace().next_back().unwrap().parse().unwrap(),
        requests_per_second: word_after("Requests/sec:").parse().unwrap(),
        p50_micros: micros(word_after("50%")),
        p99_micros: micros(word_after("99%")),
        cpu,
    }
}

/// A duration as `wrk` writes it: `635.91us`, `1.02ms`, `2.00s`.
fn micros(text: &str) -> f64 {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let number = |&(unit, factor): &(&str, f64)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor);
    units.iter().find_map(number).unwrap()
}

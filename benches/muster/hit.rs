//! A cached summary over HTTP with a token, compared with servers that do less: requests per second under the same load.
//! The servers take turns in each round, so that other load on the machine affects all of them alike.

use std::path::Path;

use muster::domain::ids::EnterpriseId;

use crate::Bench;
use crate::client::Client;
use crate::cpu::{self, Seconds};
use crate::peers::{self, Missing, Peer};
use crate::process::{Server, admin_token};
use crate::spread::Spread;
use crate::table::Table;
use crate::wrk::{self, Load};

/// Measured rounds; of an odd number the median is one of the values.
const ROUNDS: usize = 7;

/// Length of a server's turn in a round.
const TURN_SECONDS: u32 = 5;

/// Length of a turn before the first round, for a just-in-time compiler, caches and connections.
const WARM_UP_SECONDS: u32 = 3;

/// A server under load.
struct Contender {
    name: &'static str,
    peer: Peer,
    /// The share of its requests per second that Muster should reach.
    aim: f64,
    turns: Vec<Turn>,
}

/// The measurements of one server in one round.
struct Turn {
    load: Load,
    server_cpu: Seconds,
    machine_cpu: Seconds,
}

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    if !wrk::is_installed() {
        table.row("hits over HTTP", "not measured", "needs wrk: apt-get install wrk");
        return;
    }
    let (dir, enterprise) = bench.demo_database();
    let token = admin_token(&dir);
    let server = Server::start(&dir);
    let path = path_of(&enterprise);
    let body = bench.dir.join("answer.json");
    let bytes = warm_answer(&server, &token, &path);
    std::fs::write(&body, &bytes).unwrap();

    let mut contenders = contenders(bench, &body, table);
    for contender in &contenders {
        check_same_answer(contender, &token, &path, &bytes);
    }
    let mut own = Vec::new();
    for round in 0..=ROUNDS {
        let seconds = if round == 0 { WARM_UP_SECONDS } else { TURN_SECONDS };
        let turn = |address, process| turn(address, process, &path, &token, seconds);
        let of_muster = turn(server.address, server.process());
        let of_others: Vec<_> = contenders.iter().map(|other| turn(other.peer.address, other.peer.process())).collect();
        if round > 0 {
            own.push(of_muster);
            contenders.iter_mut().zip(of_others).for_each(|(other, turn)| other.turns.push(turn));
        }
        eprintln!("round {round} of {ROUNDS}");
    }
    table.row(format!("hit over HTTP, {} bytes", bytes.len()), rate(&own), cost(&own));
    for other in &contenders {
        let ratios = own.iter().zip(&other.turns).map(|(own, other)| rps(own) / rps(other));
        let per_cpu = own.iter().zip(&other.turns).map(|(own, other)| cpu_micros(other) / cpu_micros(own));
        let note = format!(
            "Muster reaches {:.2} of it (aim: {:.2}), by server CPU alone {:.2}; {}",
            Spread::of(ratios),
            other.aim,
            Spread::of(per_cpu),
            cost(&other.turns)
        );
        table.row(format!("the same from {}", other.name), rate(&other.turns), note);
    }
}

/// The servers that are installed; each missing one gets a row in the table.
fn contenders(bench: &Bench, body: &Path, table: &mut Table) -> Vec<Contender> {
    let axum = peers::axum(body);
    let backend = axum.address;
    let mut contenders = vec![Contender { name: "a bare axum handler", peer: axum, aim: 0.90, turns: Vec::new() }];
    let mut add = |name, peer: Result<Peer, Missing>, aim| match peer {
        Ok(peer) => contenders.push(Contender { name, peer, aim, turns: Vec::new() }),
        Err(Missing(advice)) => table.row(format!("the same from {name}"), "not measured", advice),
    };
    add("Express with a Map", peers::express(body, &bench.dir), 15.0);
    add("Varnish", peers::varnish(backend, &bench.dir), 1.0);
    contenders
}

pub(crate) fn path_of(enterprise: &EnterpriseId) -> String {
    format!("/enterprise/{enterprise}/contacts/summary")
}

/// The body of a hit: of the second answer.
fn warm_answer(server: &Server, token: &str, path: &str) -> Vec<u8> {
    let mut client = Client::connect(server.address, token);
    for _ in 0..2 {
        assert_eq!(client.send("GET", path, ""), 200);
    }
    client.body().to_vec()
}

fn check_same_answer(contender: &Contender, token: &str, path: &str, bytes: &[u8]) {
    let mut client = Client::connect(contender.peer.address, token);
    assert_eq!(client.send("GET", path, ""), 200, "{}", contender.name);
    // JavaScript writes the number 1.0 as 1.
    let difference = client.body().len().abs_diff(bytes.len());
    assert!(difference <= ".0".len(), "{} answers {difference} bytes more or less", contender.name);
}

fn turn(address: std::net::SocketAddr, process: u32, path: &str, token: &str, seconds: u32) -> Turn {
    let (server, machine) = (cpu::of_process(process), cpu::of_machine());
    let load = wrk::run(address, path, token, seconds);
    Turn { load, server_cpu: cpu::of_process(process) - server, machine_cpu: cpu::of_machine() - machine }
}

fn rps(turn: &Turn) -> f64 {
    turn.load.requests_per_second
}

fn cpu_micros(turn: &Turn) -> f64 {
    turn.server_cpu * 1e6 / turn.load.requests
}

fn rate(turns: &[Turn]) -> String {
    format!("{:.0} /s", Spread::of(turns.iter().map(rps)).median)
}

/// The cost of the requests, and how the processor time was divided.
fn cost(turns: &[Turn]) -> String {
    let median = |value: fn(&Turn) -> f64| Spread::of(turns.iter().map(value)).median;
    let rates = Spread::of(turns.iter().map(rps));
    format!(
        "{:.0} to {:.0} /s; p50 {:.2} ms, p99 {:.2} ms; {:.1} µs CPU a request; of the CPU {:.0} % server, {:.0} % wrk, \
         {:.0} % others",
        rates.least,
        rates.most,
        median(|turn| turn.load.p50_micros) / 1e3,
        median(|turn| turn.load.p99_micros) / 1e3,
        median(cpu_micros),
        median(|turn| turn.server_cpu / turn.machine_cpu) * 1e2,
        median(|turn| turn.load.cpu / turn.machine_cpu) * 1e2,
        median(|turn| (turn.machine_cpu - turn.server_cpu - turn.load.cpu) / turn.machine_cpu) * 1e2,
    )
}

//! The hostile run: callers that do all the harm they can at once, while a quiet caller's answers are timed.
//!
//! Two servers run side by side, each in a process of its own and with the same data. The attackers turn to the one and
//! to the other in short phases. The quiet caller always asks the first one, so its times with and without the attack
//! come from the same server, the same data and a machine that is as busy: whether it is attacked is all that differs.
//!
//! By default it runs for a few seconds and judges answers and memory, not times, since other tests run beside it.
//! `MUSTER_HOSTILE_SECONDS=60` runs it for a minute and judges the times, too; `MUSTER_HOSTILE_BINARY` names the binary of
//! the servers.

mod attacks;
mod data;
mod quiet;
mod target;

use std::net::IpAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use self::attacks::{Attack, Seen};
use self::data::prepared;
use self::quiet::{QuietCaller, Times};
use self::target::Target;
use crate::support::{Exposition, TestServer, WorkDir};

/// The duration as a part of all tests.
const DEFAULT_DURATION: Duration = Duration::from_secs(4);

/// How long the attackers stay with one server. Short, so that whatever else the machine does meets both alike.
const PHASE: Duration = Duration::from_secs(2);

/// The beginning of a phase, in which the server that is left ends what it has begun. Not timed.
const SETTLING: Duration = Duration::from_millis(700);

/// What the quiet caller's median may at most grow to, as a multiple of its median while the other server is attacked.
const SLOWDOWN_MAX: f64 = 2.0;

/// The limit of the attacked server's memory.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

const SECONDS_VARIABLE: &str = "MUSTER_HOSTILE_SECONDS";
const BINARY_VARIABLE: &str = "MUSTER_HOSTILE_BINARY";

fn serve(dir: &WorkDir, token: &str) -> TestServer {
    match std::env::var_os(BINARY_VARIABLE).map(PathBuf::from) {
        None => dir.serve_as(token, &[]),
        Some(binary) => dir.serve_by(&std::fs::canonicalize(binary).unwrap(), token),
    }
}

#[test]
fn callers_at_full_tilt_at_most_double_the_median_of_others_and_memory_stays_bounded() {
    // First the attackers are on another machine than the quiet caller, then at the same address, where only their tokens
    // tell them apart.
    for quiet_address in [[127, 0, 0, 2], [127, 0, 0, 1]] {
        attack_beside(quiet_address.into());
    }
}

fn attack_beside(quiet_address: IpAddr) {
    println!("the quiet caller is at {quiet_address}");
    let seconds = std::env::var(SECONDS_VARIABLE).ok().map(|text| Duration::from_secs(text.parse().unwrap()) / 2);
    let (attacked_data, other_data) = (prepared(), prepared());
    let attacked = serve(&attacked_data.dir, &attacked_data.admin);
    let other = serve(&other_data.dir, &other_data.admin);
    let target = Target::new([attacked.address(), other.address()]);
    let mut quiet = QuietCaller::new(attacked.address(), quiet_address, &attacked_data);
    // The other server has a caller, too, so that attackers are not alone on either.
    let mut companion = QuietCaller::new(other.address(), quiet_address, &other_data);
    let until = Instant::now() + seconds.unwrap_or(DEFAULT_DURATION);
    let (mut alone, mut beside) = (Times::default(), Times::default());
    let tokens = [&attacked_data, &other_data].map(|data| data.attackers.clone());
    let seen = thread::scope(|scope| {
        let attackers: Vec<_> =
            Attack::all(&target, &tokens).into_iter().map(|attack| scope.spawn(|| attack.run())).collect();
        let mut is_attacked = false;
        while Instant::now() < until && !target.has_failed() {
            is_attacked = !is_attacked;
            target.turn_to(usize::from(!is_attacked));
            let begun = Instant::now();
            while begun.elapsed() < PHASE && !target.has_failed() {
                let is_timed = begun.elapsed() >= SETTLING;
                quiet.call(if is_attacked { &mut beside } else { &mut alone }, is_timed);
                companion.call(&mut Times::default(), false);
            }
        }
        target.stop();
        let seen = attackers
            .into_iter()
            .map(|attacker| attacker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        seen.fold(Seen::default(), Seen::and)
    });
    let memory = attacked.memory().map(|(most, _)| most);
    println!("attackers: {seen:#?}");
    println!("memory at most {memory:?} bytes");
    let slowdowns = beside.compared_with(&alone);
    for (what, slowdown) in &slowdowns {
        println!("{what}: {slowdown}");
    }
    assert!(memory.is_none_or(|bytes| bytes <= MEMORY_BYTES_MAX), "{memory:?}");
    assert_eq!(quiet.hits_missed, 0, "the quiet caller's summary stays in the cache");
    assert!(seen.done > 10 && seen.refused > 10, "the attackers attacked");
    // What they were refused is counted, with the reason. They may have left before an answer.
    let metrics = Exposition::read(&attacked.client().send("GET", "/metrics", "").expect(200).text());
    let counted = |reason: &str| metrics.count("muster_requests_refused_total", &[("reason", reason)]);
    let reasons = ["reads", "writes", "event_streams", "transfers", "new_owners", "sign_ins"];
    let counts = reasons.map(|reason| (reason, counted(reason)));
    println!("refused: {counts:?}");
    assert!(counts.iter().map(|(_, count)| count).sum::<u64>() >= seen.refused_by_first, "{counts:?}");
    for reason in ["event_streams", "transfers"] {
        assert!(counted(reason) > 0, "{counts:?}");
    }
    if seconds.is_some() {
        for (what, slowdown) in slowdowns {
            assert!(slowdown.of_median() <= SLOWDOWN_MAX, "{what}: {slowdown}");
        }
    }
}

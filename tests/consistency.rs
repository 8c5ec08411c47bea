//! The cache's promise over HTTP, for half a minute: no read lacks what was acknowledged before it began, and none
//! shows what had not begun when it ended, during writes, imports of other processes, clears and changes of the
//! configuration.

mod checker;
mod clients;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use checker::{DEPARTMENTS, Read, Scope, Timeline, WriteHistory};
use clients::{Reader, Writer, create_enterprises, disturb_while, import_while};

use crate::support::{NOTICED_WITHIN, Random, WorkDir};

/// The duration of the test.
const HISTORY: Duration = Duration::from_secs(30);

const READERS: usize = 32;
const WRITERS: usize = 8;
const ENTERPRISES: usize = WRITERS / 2;

/// With fewer the test would prove little.
const READS_MIN: usize = 3_000;
const WRITES_MIN: usize = 300;
const IMPORTS_MIN: usize = 10;
const DISTURBANCES_MIN: usize = 50;
const KIND_MIN: usize = 50;

/// How often the scheduling delay of the machine is measured; the interval of the server's watcher.
const DELAY_INTERVAL: Duration = Duration::from_millis(100);

/// Every scope that is read.
fn scopes() -> Arc<[Scope]> {
    let of_enterprise = |enterprise| {
        let departments = (0..DEPARTMENTS).map(move |department| Scope::Department(enterprise, department));
        [Scope::Enterprise(enterprise)].into_iter().chain(departments)
    };
    (0..ENTERPRISES).flat_map(of_enterprise).chain((0..WRITERS).map(Scope::OwnDepartment)).collect()
}

/// Runs threads until the time is over or one of them has failed.
struct Run {
    begun: Instant,
    failed: AtomicBool,
}

impl Run {
    fn goes_on(&self) -> bool {
        self.begun.elapsed() < HISTORY && !self.failed.load(Ordering::Relaxed)
    }

    /// Waits for a thread's end; if it failed, the others stop, too.
    fn join<T>(&self, thread: ScopedJoinHandle<'_, T>) -> thread::Result<T> {
        thread.join().inspect_err(|_| self.failed.store(true, Ordering::Relaxed))
    }
}

/// When a thread that should run every [`DELAY_INTERVAL`] was due, and how late the machine ran it.
struct SchedulingDelays(Vec<(Instant, Duration)>);

impl SchedulingDelays {
    fn measure(go_on: impl Fn() -> bool) -> Self {
        let mut samples = Vec::new();
        while go_on() {
            let due = Instant::now() + DELAY_INTERVAL;
            thread::sleep(DELAY_INTERVAL);
            samples.push((due, due.elapsed()));
        }
        Self(samples)
    }

    fn longest(&self) -> Duration {
        self.0.iter().map(|(_, late)| *late).max().unwrap_or_default()
    }

    /// The time within which the server must have detected a write of another process that ended then: the guaranteed
    /// time, and the scheduling delays of the machine meanwhile.
    fn grace(&self, ended: Instant) -> Duration {
        let first = self.0.partition_point(|(due, late)| *due + *late < ended);
        let meanwhile = self.0[first..].iter().take_while(|(due, _)| *due <= ended + NOTICED_WITHIN);
        NOTICED_WITHIN + meanwhile.map(|(_, late)| *late).sum::<Duration>()
    }
}

#[test]
fn no_read_lacks_an_acknowledged_write_or_shows_one_that_has_not_begun() {
    let seed = Random::seed_of_this_run();
    println!("{}={seed}", Random::SEED_VARIABLE);
    let mut random = Random::new(seed);
    let dir = WorkDir::new();
    let server = dir.serve();
    create_enterprises(&mut server.client(), ENTERPRISES);
    let mut writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(number, server.client(), random.next())).collect();
    let mut readers: Vec<_> = (0..READERS).map(|_| Reader::new(server.client(), scopes(), random.next())).collect();
    let mut imports: Vec<_> = (0..ENTERPRISES).map(|_| Timeline::new(0)).collect();
    let (mut disturber, disturber_seed) = (server.client(), random.next());
    let run = Run { begun: Instant::now(), failed: AtomicBool::new(false) };
    let (delays, disturbances) = thread::scope(|scope| {
        let run = &run;
        let goes_on = || run.goes_on();
        let delays = scope.spawn(move || SchedulingDelays::measure(goes_on));
        let mut threads: Vec<_> =
            writers.iter_mut().map(|writer| scope.spawn(move || writer.write_while(goes_on))).collect();
        threads.extend(readers.iter_mut().map(|reader| scope.spawn(move || reader.read_while(goes_on))));
        let (dir, imports) = (&dir, imports.as_mut_slice());
        threads.push(scope.spawn(move || import_while(dir, imports, goes_on)));
        let disturbing = scope.spawn(move || disturb_while(&mut disturber, ENTERPRISES, disturber_seed, goes_on));
        let ended: Vec<_> = threads.into_iter().map(|thread| run.join(thread)).collect();
        let (delays, disturbances) = (run.join(delays), run.join(disturbing));
        for outcome in ended {
            outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        (delays.unwrap(), disturbances.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let history = WriteHistory { writers: writers.into_iter().map(|writer| writer.timeline).collect(), imports };
    check(&history, &readers, &delays, disturbances);
}

fn check(history: &WriteHistory, readers: &[Reader], delays: &SchedulingDelays, disturbances: usize) {
    let reads: Vec<&Read> = readers.iter().flat_map(|reader| &reader.reads).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for read in &reads {
        // Without the TTL, which differs every second.
        *kinds.entry(read.how.split("; ttl").next().unwrap_or_default()).or_default() += 1;
    }
    let writes = history.writers.iter().map(Timeline::writes).sum::<usize>();
    let imports = history.imports.iter().map(Timeline::writes).sum::<usize>();
    let unchanged = readers.iter().map(|reader| reader.unchanged).sum::<usize>();
    let compressed = readers.iter().map(|reader| reader.compressed).sum::<usize>();
    println!(
        "{} reads ({unchanged} of them 304, {compressed} compressed), {writes} writes, {imports} imports, {disturbances} \
         disturbances: {kinds:#?}",
        reads.len()
    );
    let late = reads.iter().filter(|read| !history.check(read, |_| NOTICED_WITHIN).is_empty()).count();
    println!("{late} reads lacked an import after {NOTICED_WITHIN:?}; a thread waited {:?} at most", delays.longest());
    let violations: Vec<_> =
        reads.iter().flat_map(|read| history.check(read, |ended| delays.grace(ended))).take(5).collect();
    let messages: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(messages.is_empty(), "the first of the violations:\n{}", messages.join("\n"));
    assert!(reads.len() >= READS_MIN && writes >= WRITES_MIN && imports >= IMPORTS_MIN);
    assert!(disturbances >= DISTURBANCES_MIN);
    for kind in ["200 muster; hit", "304 muster; hit", "200 muster; fwd=miss; stored"] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= KIND_MIN), "{kind}: {kinds:?}");
    }
    assert!(compressed >= KIND_MIN && unchanged >= KIND_MIN);
}

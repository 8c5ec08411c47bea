//! Random operations in any order: the store's answers, summaries and revisions are those of a plain model that only
//! keeps facts and counts them.
//!
//! A failure prints its seed; `MUSTER_TEST_SEED=<seed> cargo test ten_thousand` repeats it.

mod compare;
mod contacts;
mod directory;
mod generate;
mod import;
mod model;
mod operation;
mod revisions;
mod summaries;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use muster::clock::Clock;
use muster::domain::directory::Scope;
use muster::domain::ids::ContactId;
use muster::domain::time::Timestamp;
use muster::store::StoreError;
use rusqlite::Connection;

use crate::support::{
    Directory, Notification, QueuedWrite, Random, Recorder, TestStore, WriterGate, at, enterprise, eventually, name,
};
use generate::Generator;
use model::{Model, Step};
use operation::{Operation, Outcome, Refusal};
use revisions::Revisions;

/// Databases that one run of the test fills, each from empty.
const RUNS: u64 = 4;

/// Operations on each of them.
const OPERATIONS_PER_RUN: usize = 2_600;

/// Operations between two comparisons of everything that can be read.
const COMPARE_EVERY: usize = 50;

/// How many of a hundred operations share their commit group with others.
const IN_GROUP_PERCENT: usize = 10;

/// Operations that a failure prints.
const LOG_LEN_MAX: usize = 12;

#[test]
fn ten_thousand_random_operations_match_a_plain_model() {
    let seed = Random::seed_of_this_run();
    let mut tally = Tally::new();
    for run in 0..RUNS {
        Harness::new(seed, run).run(&mut tally);
    }
    println!("{tally:#?}");
    for (what, (done, refused)) in &tally {
        assert!(
            *done >= 5,
            "{what} was done {done} times and refused {refused} times: the generator does not cover it"
        );
    }
}

/// How often each kind of operation was done, and refused: evidence of what the test covers.
type Tally = BTreeMap<String, (usize, usize)>;

/// A store and its model.
struct Harness {
    store: TestStore,
    clock: Clock,
    raw: Connection,
    recorder: Arc<Recorder>,
    model: Model,
    generator: Generator,
    revisions: Revisions,
    /// Every revision that was drawn and published, with its scope.
    drawn: BTreeSet<(Scope, i64)>,
    log: OperationLog,
}

/// The operations that led to a failure, printed during a panic.
struct OperationLog {
    seed: u64,
    run: u64,
    operations: usize,
    last: VecDeque<String>,
}

impl Drop for OperationLog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, run, operations, last } = self;
            eprintln!("{}={seed}, database {run}, operation {operations}; the last ones:", Random::SEED_VARIABLE);
            for operation in last {
                eprintln!("- {operation}");
            }
        }
    }
}

impl Harness {
    fn new(seed: u64, run: u64) -> Self {
        println!("{}={seed}, database {run}", Random::SEED_VARIABLE);
        let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
        let store = Directory::in_memory().open_with(clock.clone(), |_| {});
        let recorder = Recorder::on(&store);
        let raw = store.directory().raw_reader();
        Self {
            clock,
            recorder,
            model: Model::default(),
            generator: Generator::new(seed.wrapping_mul(RUNS).wrapping_add(run)),
            revisions: Revisions::read(&raw),
            drawn: BTreeSet::new(),
            log: OperationLog { seed, run, operations: 0, last: VecDeque::new() },
            raw,
            store,
        }
    }

    fn run(mut self, tally: &mut Tally) {
        for _ in 0..OPERATIONS_PER_RUN {
            self.log.operations += 1;
            self.advance_clock();
            let operation = self.generator.operation(&self.model, self.clock.now());
            if self.log.last.len() == LOG_LEN_MAX {
                self.log.last.pop_front();
            }
            self.log.last.push_back(format!("{} {operation:?}", self.clock.now()));
            let kind = operation.kind();
            let count = tally.entry(kind).or_default();
            if self.operate(&operation) {
                count.0 += 1;
            } else {
                count.1 += 1;
            }
            if self.log.operations.is_multiple_of(COMPARE_EVERY) {
                self.compare();
            }
        }
        self.compare();
    }

    /// Mostly by seconds, sometimes by days; now and then the clock is set back.
    fn advance_clock(&mut self) {
        let random = self.generator.random();
        let amount = random.below(40) as u64;
        match random.below(100) {
            0..2 => self.clock.advance(Duration::from_hours(24 * amount)),
            2..4 => self.clock.set_wall(hours_before(self.clock.now(), amount)),
            4..30 => self.clock.advance(Duration::from_secs(60 * amount)),
            _ => {}
        }
    }

    /// Applies one operation to the store and the model, and compares the answers and the drawn revisions; returns
    /// whether it was done.
    fn operate(&mut self, operation: &Operation) -> bool {
        let now = self.clock.now();
        let in_group = self.generator.random().percent(IN_GROUP_PERCENT);
        let answer = if in_group { self.write_in_group(operation) } else { self.write_alone(operation) };
        let notifications = self.recorder.take();
        let mut draws = BTreeSet::new();
        let mut step = Step { now, answered: answer.as_ref().ok(), draws: &mut draws };
        let expected = self.model.apply(operation, &mut step);
        assert_eq!(answer, expected, "the answer (left) is not the model's (right)");

        let destroyed = self.model.finish_purges();
        let purges = !destroyed.is_empty();
        if purges {
            self.wait_for_purges(&notifications);
        }
        let after = Revisions::read(&self.raw);
        let drew = after.drawn_since(&self.revisions);
        let scopes = |drawn: &BTreeSet<(Scope, i64)>| -> BTreeSet<Scope> {
            drawn.iter().map(|(scope, _)| scope.clone()).collect()
        };
        let expected: BTreeSet<Scope> = draws.union(&destroyed).cloned().collect();
        assert_eq!(scopes(&drew), expected, "the scopes that drew (left) are not the model's (right)");

        let published = Self::written(&notifications);
        assert!(scopes(&published).is_superset(&draws), "{draws:?} drew, {published:?} was published in time");
        let late = self.recorder.take();
        let published: BTreeSet<(Scope, i64)> = published.into_iter().chain(Self::written(&late)).collect();
        assert!(published.is_superset(&drew), "{drew:?} drew, {published:?} was published");
        assert_eq!(scopes(&published), expected, "scopes that were published (left) and should be (right)");
        if !purges {
            assert_eq!(published, drew, "revisions that were published (left) and drawn (right)");
            assert!(Self::written(&late).is_empty(), "published after the answer: {late:?}");
        }
        self.drawn.extend(published);
        for notification in notifications.iter().chain(&late) {
            self.check_watcher(notification);
        }
        self.revisions = after;
        self.look_up_ids();
        answer.is_ok() || matches!(operation, Operation::RolledBackJob(_))
    }

    fn write_alone(&self, operation: &Operation) -> Outcome {
        let operation = operation.clone();
        self.store.write(move |tx| operation.run(tx)).map_err(Refusal::from)
    }

    /// Runs an operation in one group with others, which are rolled back after they have changed what they can.
    fn write_in_group(&self, operation: &Operation) -> Outcome {
        let rolled_back = || {
            QueuedWrite::<()>::write(&self.store, |tx| {
                tx.create_enterprise(Some(enterprise("companion")), &name("Companion"))?;
                if let Ok(acme) = tx.restore_enterprise(&enterprise("acme")) {
                    tx.rename_enterprise(&acme.id, &name("Companion"))?;
                }
                Err(StoreError::Conflict("on purpose".to_owned()))
            })
        };
        let operation = operation.clone();
        let gate = WriterGate::close(&self.store);
        let before = rolled_back();
        let write = QueuedWrite::write(&self.store, move |tx| operation.run(tx));
        let after = rolled_back();
        gate.open();
        let answer = write.answer().map_err(Refusal::from);
        for rolled_back in [before, after] {
            assert!(matches!(rolled_back.answer(), Err(StoreError::Conflict(_))));
        }
        answer
    }

    /// What the writer's thread published; a publication must not be empty.
    fn written(notifications: &[Notification]) -> BTreeSet<(Scope, i64)> {
        let mut all = BTreeSet::new();
        for publication in notifications.iter().filter_map(|notification| match notification {
            Notification::Writer(publication) => Some(publication),
            _ => None,
        }) {
            assert!(!publication.scopes.is_empty(), "an empty publication");
            assert!(publication.scopes.iter().all(|(_, revision)| *revision <= publication.revision));
            all.extend(publication.scopes.iter().cloned());
        }
        all
    }

    /// The watcher also detects this process's commits: it may repeat what was drawn, and must not publish anything
    /// else.
    fn check_watcher(&self, notification: &Notification) {
        match notification {
            Notification::Watcher(publication) => {
                let invented = publication.scopes.iter().find(|scope| !self.drawn.contains(scope));
                assert_eq!(invented, None, "the watcher published what was never drawn");
            }
            Notification::Reset(_) | Notification::Suspended => panic!("nothing required a reset"),
            // A purge of an enterprise revokes its tokens.
            Notification::Writer(_) | Notification::AccessChanged(_) => {}
        }
    }

    /// Waits until every accepted purge is finished and published.
    fn wait_for_purges(&self, notifications: &[Notification]) {
        eventually("the purges are finished", || {
            let left: i64 = self.raw.query_row("SELECT count(*) FROM purge", [], |row| row.get(0)).unwrap();
            (left == 0).then_some(())
        });
        let counter = Revisions::read(&self.raw).counter;
        eventually("the last commit of the purges is published", || {
            let published = |one: &Notification| matches!(one, Notification::Writer(last) if last.revision >= counter);
            (notifications.iter().any(published) || self.recorder.notifications().iter().any(published)).then_some(())
        });
    }

    /// Looks up the ids of imported contacts, which an import does not return.
    fn look_up_ids(&mut self) {
        let unknown = self.model.contacts.iter().filter(|contact| contact.id == Model::UNKNOWN_ID).count();
        if unknown == 0 {
            return;
        }
        let known: BTreeSet<ContactId> = self.model.contacts.iter().map(|contact| contact.id).collect();
        let mut statement = self.raw.prepare_cached("SELECT id FROM contact ORDER BY id").unwrap();
        let ids = statement.query_map([], |row| row.get(0).map(ContactId::from_number)).unwrap();
        let new: Vec<ContactId> = ids.map(Result::unwrap).filter(|id| !known.contains(id)).collect();
        assert_eq!(new.len(), unknown, "contacts that are not in the model");
        let unknown = self.model.contacts.iter_mut().filter(|contact| contact.id == Model::UNKNOWN_ID);
        for (contact, id) in unknown.zip(new) {
            contact.id = id;
        }
    }
}

fn hours_before(moment: Timestamp, hours: u64) -> Timestamp {
    Timestamp::from_millis(moment.millis() - i64::try_from(hours).unwrap() * 3_600_000)
}

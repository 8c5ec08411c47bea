//! Whatever is done to a store, in whatever order: its answers, its summaries and its revisions are those of a plain
//! model that only keeps facts and counts them.
//!
//! A failure names its seed; `MUSTER_TEST_SEED=<seed> cargo test ten_thousand` does the same again.

mod compare;
mod contacts;
mod directory;
mod expect;
mod generate;
mod import;
mod model;
mod operation;
mod revisions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use muster::clock::Clock;
use muster::domain::directory::Scope;
use muster::domain::ids::ContactId;
use muster::domain::time::Timestamp;
use muster::store::StoreError;
use rusqlite::Connection;

use crate::support::{Directory, Gate, Heard, Queued, Random, Recorder, TestStore, at, enterprise, eventually, name};
use generate::Generator;
use model::{Model, Step};
use operation::{Operation, Outcome, Refusal};
use revisions::Revisions;

/// Databases that one run of the test fills, each from nothing.
const RUNS: u64 = 4;

/// Operations on each of them.
const OPERATIONS_PER_RUN: usize = 2_600;

/// Operations between two comparisons of everything that can be read.
const COMPARE_EVERY: usize = 50;

/// How many of a hundred operations share their group with others.
const IN_COMPANY_PERCENT: usize = 10;

/// Operations that a failure shows.
const REMEMBERED: usize = 12;

#[test]
fn ten_thousand_random_operations_answer_and_draw_and_sum_up_as_a_plain_model_does() {
    let seed = Random::seed_of_this_run();
    let mut tally = Tally::new();
    for run in 0..RUNS {
        Universe::new(seed, run).live(&mut tally);
    }
    println!("{tally:#?}");
    for (what, (done, refused)) in &tally {
        assert!(*done >= 5, "{what} was done {done} times and refused {refused} times: the generator is no good");
    }
}

/// How often each kind of operation was done, and refused: proof that the test tries what it seems to try.
type Tally = BTreeMap<String, (usize, usize)>;

/// A store and its model.
struct Universe {
    store: TestStore,
    clock: Clock,
    raw: Connection,
    recorder: Arc<Recorder>,
    model: Model,
    generator: Generator,
    revisions: Revisions,
    /// Every revision that a scope has ever drawn and published.
    drawn: BTreeSet<(Scope, i64)>,
    story: Story,
}

/// What led to a failure, printed when a panic passes by.
struct Story {
    seed: u64,
    run: u64,
    operations: usize,
    last: VecDeque<String>,
}

impl Drop for Story {
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

impl Universe {
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
            story: Story { seed, run, operations: 0, last: VecDeque::new() },
            raw,
            store,
        }
    }

    fn live(mut self, tally: &mut Tally) {
        for _ in 0..OPERATIONS_PER_RUN {
            self.story.operations += 1;
            self.let_time_pass();
            let operation = self.generator.operation(&self.model, self.clock.now());
            if self.story.last.len() == REMEMBERED {
                self.story.last.pop_front();
            }
            self.story.last.push_back(format!("{} {operation:?}", self.clock.now()));
            let kind = operation.kind();
            let count = tally.entry(kind).or_default();
            if self.operate(&operation) {
                count.0 += 1;
            } else {
                count.1 += 1;
            }
            if self.story.operations.is_multiple_of(COMPARE_EVERY) {
                self.compare();
            }
        }
        self.compare();
    }

    /// Mostly seconds, at times days, and now and then somebody sets the clock back.
    fn let_time_pass(&mut self) {
        let random = self.generator.random();
        let amount = random.below(40) as u64;
        match random.below(100) {
            0..2 => self.clock.advance(Duration::from_hours(24 * amount)),
            2..4 => self.clock.set_wall(hours_before(self.clock.now(), amount)),
            4..30 => self.clock.advance(Duration::from_secs(60 * amount)),
            _ => {}
        }
    }

    /// Does one operation to both and compares the answer and what it drew; whether it was done.
    fn operate(&mut self, operation: &Operation) -> bool {
        let now = self.clock.now();
        let in_company = self.generator.random().percent(IN_COMPANY_PERCENT);
        let answer = if in_company { self.write_in_company(operation) } else { self.write_alone(operation) };
        let heard = self.recorder.take();
        let mut draws = BTreeSet::new();
        let mut step = Step { now, answered: answer.as_ref().ok(), draws: &mut draws };
        let expected = self.model.apply(operation, &mut step);
        assert_eq!(answer, expected, "the answer (left) is not the model's (right)");

        let destroyed = self.model.finish_purges();
        let purges = !destroyed.is_empty();
        if purges {
            self.wait_for_maintenance(&heard);
        }
        let after = Revisions::read(&self.raw);
        let drew = after.drawn_since(&self.revisions);
        let scopes = |drawn: &BTreeSet<(Scope, i64)>| -> BTreeSet<Scope> {
            drawn.iter().map(|(scope, _)| scope.clone()).collect()
        };
        let expected: BTreeSet<Scope> = draws.union(&destroyed).cloned().collect();
        assert_eq!(scopes(&drew), expected, "the scopes that drew (left) are not the model's (right)");

        let published = Self::written(&heard);
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
        for heard in heard.iter().chain(&late) {
            self.judge_the_watcher(heard);
        }
        self.revisions = after;
        self.learn_ids();
        answer.is_ok() || matches!(operation, Operation::DoomedJob(_))
    }

    fn write_alone(&self, operation: &Operation) -> Outcome {
        let operation = operation.clone();
        self.store.write(move |tx| operation.run(tx)).map_err(Refusal::from)
    }

    /// Does an operation in one group with others, which are undone after they have touched what they can.
    fn write_in_company(&self, operation: &Operation) -> Outcome {
        let doomed = || {
            Queued::<()>::write(&self.store, |tx| {
                tx.create_enterprise(Some(enterprise("companion")), &name("Companion"))?;
                if let Ok(acme) = tx.restore_enterprise(&enterprise("acme")) {
                    tx.rename_enterprise(&acme.id, &name("Companion"))?;
                }
                Err(StoreError::Conflict("on purpose".to_owned()))
            })
        };
        let operation = operation.clone();
        let gate = Gate::close(&self.store);
        let before = doomed();
        let write = Queued::write(&self.store, move |tx| operation.run(tx));
        let after = doomed();
        gate.open();
        let answer = write.answer().map_err(Refusal::from);
        for doomed in [before, after] {
            assert!(matches!(doomed.answer(), Err(StoreError::Conflict(_))));
        }
        answer
    }

    /// What the writer's thread published; it has no reason to name nothing.
    fn written(heard: &[Heard]) -> BTreeSet<(Scope, i64)> {
        let mut all = BTreeSet::new();
        for publication in heard.iter().filter_map(|heard| match heard {
            Heard::Written(publication) => Some(publication),
            _ => None,
        }) {
            assert!(!publication.scopes.is_empty(), "an empty publication");
            assert!(publication.scopes.iter().all(|(_, revision)| *revision <= publication.revision));
            all.extend(publication.scopes.iter().cloned());
        }
        all
    }

    /// The watcher hears of our own commits too: it may repeat what was drawn and must not invent anything.
    fn judge_the_watcher(&self, heard: &Heard) {
        match heard {
            Heard::Watched(publication) => {
                let invented = publication.scopes.iter().find(|scope| !self.drawn.contains(scope));
                assert_eq!(invented, None, "the watcher published what nobody drew");
            }
            Heard::Doubted(_) | Heard::Unreadable => panic!("there was no reason for doubt"),
            // A purge of an enterprise revokes its tokens.
            Heard::Written(_) | Heard::Access(_) => {}
        }
    }

    /// Waits until everything that was accepted is destroyed, and published.
    fn wait_for_maintenance(&self, heard: &[Heard]) {
        eventually("the maintenance thread finishes the purges", || {
            let left: i64 = self.raw.query_row("SELECT count(*) FROM purge", [], |row| row.get(0)).unwrap();
            (left == 0).then_some(())
        });
        let counter = Revisions::read(&self.raw).counter;
        eventually("the last commit of maintenance is published", || {
            let published = |heard: &Heard| matches!(heard, Heard::Written(last) if last.revision >= counter);
            (heard.iter().any(published) || self.recorder.heard().iter().any(published)).then_some(())
        });
    }

    /// Looks up the ids of contacts that came in by an import, which answers none.
    fn learn_ids(&mut self) {
        let unknown = self.model.contacts.iter().filter(|contact| contact.id == Model::UNKNOWN_ID).count();
        if unknown == 0 {
            return;
        }
        let known: BTreeSet<ContactId> = self.model.contacts.iter().map(|contact| contact.id).collect();
        let mut statement = self.raw.prepare_cached("SELECT id FROM contact ORDER BY id").unwrap();
        let ids = statement.query_map([], |row| row.get(0).map(ContactId::from_number)).unwrap();
        let new: Vec<ContactId> = ids.map(Result::unwrap).filter(|id| !known.contains(id)).collect();
        assert_eq!(new.len(), unknown, "contacts that the model does not know");
        let unknown = self.model.contacts.iter_mut().filter(|contact| contact.id == Model::UNKNOWN_ID);
        for (contact, id) in unknown.zip(new) {
            contact.id = id;
        }
    }
}

fn hours_before(moment: Timestamp, hours: u64) -> Timestamp {
    Timestamp::from_millis(moment.millis() - i64::try_from(hours).unwrap() * 3_600_000)
}

//! How much is written to each enterprise, as the change feed tells it.
//!
//! Writes are counted in buckets that are older than an hour or a day as a whole, so a write counts for the hour and up to a
//! minute longer, and for the day and up to a quarter of an hour longer. What has left a window is judged at each look,
//! not when something happens, so activity also falls where nobody writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::domain::ids::EnterpriseId;
use crate::store::Publication;

/// Enterprises whose writes are counted at a time, those without a write in a day left out. About 5 MB. Where more are
/// written to within a day, none is said to be of low activity, since of the rest nothing is known.
const ENTERPRISES_MAX: usize = 10_000;

/// The hour's buckets: a minute each.
const MINUTE: Duration = Duration::from_mins(1);

/// So many minutes cover the last hour wherever within a minute it is.
const MINUTES: usize = 61;

/// The day's buckets: a quarter of an hour each.
const QUARTER: Duration = Duration::from_mins(15);

/// So many quarters cover the last day wherever within a quarter it is.
const QUARTERS: usize = 97;

const DAY: Duration = Duration::from_hours(24);

/// The writes of every enterprise.
pub(super) struct WriteActivity {
    clock: Clock,
    origin: Instant,
    /// No enterprise has had more writes than this in an hour; spares most looks at the table.
    hourly_max: AtomicU32,
    /// From when on every write is counted, in microseconds after the origin.
    complete_from_micros: AtomicU64,
    /// Taken for one look-up under the cache's lock, by publications before their writers are answered, and for a walk over
    /// the table every few seconds. The cache is never called under it.
    table: Mutex<EnterpriseTable>,
}

#[derive(Default)]
struct EnterpriseTable {
    enterprises: HashMap<EnterpriseId, Writes>,
    /// The minute in which room was made last.
    swept_in: u64,
}

/// How much is written to one enterprise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriteCounts {
    /// Writes in the last hour.
    pub(super) last_hour: u32,
    /// Writes in the last day; not known before they were counted for a day.
    pub(super) last_day: Option<u32>,
}

/// The writes of one enterprise.
struct Writes {
    minutes: RollingCount<MINUTES>,
    quarters: RollingCount<QUARTERS>,
    /// The newest revision of the enterprise that is counted.
    revision: i64,
    /// Whether that was noticed from outside and counted as one write.
    guessed: bool,
    /// The sums of the hour and the day as they stood in a minute; no write came since.
    known: Option<(u64, u32, u32)>,
}

impl WriteActivity {
    pub(super) fn new(clock: Clock) -> Self {
        let origin = clock.instant();
        Self {
            clock,
            origin,
            hourly_max: AtomicU32::new(0),
            complete_from_micros: AtomicU64::new(0),
            table: Mutex::default(),
        }
    }

    /// Counts what was published. A write to a department draws for its enterprise, too, so enterprises alone are looked at.
    pub(super) fn record(&self, publication: &Publication) {
        let passed = self.passed();
        let mut table = self.lock();
        for (at, (scope, revision)) in publication.scopes.iter().enumerate() {
            if scope.department.is_some() {
                continue;
            }
            let writes = publication.writes.as_ref().and_then(|writes| writes.get(at)).copied();
            if let Some(enterprise) = table.place(&scope.enterprise, passed) {
                let last_hour = enterprise.count(*revision, writes, passed);
                self.hourly_max.fetch_max(last_hour, Ordering::Relaxed);
            } else {
                self.count_anew(passed);
            }
        }
    }

    /// Counts anew, since writes may have been missed.
    pub(super) fn restart(&self) {
        self.count_anew(self.passed());
    }

    /// Whether any enterprise may have had so many writes in the last hour.
    pub(super) fn reaches_hourly(&self, writes: u32) -> bool {
        self.hourly_max.load(Ordering::Relaxed) >= writes
    }

    /// Whether every write of the last day was counted.
    pub(super) fn knows_a_day(&self) -> bool {
        self.is_complete(self.passed())
    }

    /// How much is written to an enterprise.
    pub(super) fn of(&self, enterprise: &EnterpriseId) -> WriteCounts {
        let passed = self.passed();
        let (last_hour, last_day) = match self.lock().enterprises.get_mut(enterprise) {
            Some(writes) => writes.sums(passed),
            None => (0, 0),
        };
        WriteCounts { last_hour, last_day: self.is_complete(passed).then_some(last_day) }
    }

    /// Forgets who has not written for a day, and lowers what spares looks at the table. To be called from time to time;
    /// nothing but memory and speed depends on it.
    pub(super) fn settle(&self) {
        let passed = self.passed();
        let mut table = self.lock();
        table.sweep(passed);
        let most = table.enterprises.values_mut().map(|writes| writes.sums(passed).0).max();
        self.hourly_max.store(most.unwrap_or(0), Ordering::Relaxed);
    }

    fn is_complete(&self, passed: Duration) -> bool {
        passed.saturating_sub(Duration::from_micros(self.complete_from_micros.load(Ordering::Relaxed))) >= DAY
    }

    fn count_anew(&self, passed: Duration) {
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        self.complete_from_micros.fetch_max(micros, Ordering::Relaxed);
    }

    fn passed(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.origin)
    }

    fn lock(&self) -> MutexGuard<'_, EnterpriseTable> {
        self.table.lock()
    }
}

impl EnterpriseTable {
    /// The place of an enterprise, if there is one for it.
    fn place(&mut self, enterprise: &EnterpriseId, passed: Duration) -> Option<&mut Writes> {
        if !self.enterprises.contains_key(enterprise) {
            let minute = bucket(passed, MINUTE);
            // Room is looked for once a minute: a walk for each write would be dear, and finds nothing new.
            if self.enterprises.len() >= ENTERPRISES_MAX && self.swept_in != minute {
                self.sweep(passed);
            }
            if self.enterprises.len() >= ENTERPRISES_MAX {
                return None;
            }
            self.enterprises.insert(enterprise.clone(), Writes::new());
        }
        self.enterprises.get_mut(enterprise)
    }

    fn sweep(&mut self, passed: Duration) {
        self.swept_in = bucket(passed, MINUTE);
        self.enterprises.retain(|_, writes| writes.sums(passed).1 > 0);
    }
}

impl Writes {
    fn new() -> Self {
        Self { minutes: RollingCount::new(), quarters: RollingCount::new(), revision: 0, guessed: false, known: None }
    }

    /// Counts the writes that led to a revision, and gives how many the last hour has then. What this process writes it hears
    /// of twice, by the writer, which knows how many writes they were, and by the watcher, in either order.
    fn count(&mut self, revision: i64, writes: Option<u32>, passed: Duration) -> u32 {
        let more = match writes {
            _ if revision > self.revision => writes.unwrap_or(1),
            Some(writes) if revision == self.revision && self.guessed => writes.saturating_sub(1),
            _ => 0,
        };
        if revision > self.revision || more > 0 {
            self.guessed = writes.is_none();
        }
        self.revision = self.revision.max(revision);
        if more > 0 {
            self.minutes.add(bucket(passed, MINUTE), more);
            self.quarters.add(bucket(passed, QUARTER), more);
            self.known = None;
        }
        self.sums(passed).0
    }

    /// The writes of the last hour and of the last day.
    fn sums(&mut self, passed: Duration) -> (u32, u32) {
        let minute = bucket(passed, MINUTE);
        match self.known {
            // A quarter begins with a minute, so both stand still within one.
            Some((known, hour, day)) if known == minute => (hour, day),
            _ => {
                let (hour, day) = (self.minutes.sum(minute), self.quarters.sum(bucket(passed, QUARTER)));
                self.known = Some((minute, hour, day));
                (hour, day)
            }
        }
    }
}

fn bucket(passed: Duration, width: Duration) -> u64 {
    passed.as_secs() / width.as_secs()
}

/// Counts in the newest `BUCKETS` buckets of time. A bucket holds 65,535 at most, which is above every limit that can be set.
struct RollingCount<const BUCKETS: usize> {
    counts: [u16; BUCKETS],
    /// The newest bucket that anything was counted in.
    newest: u64,
}

impl<const BUCKETS: usize> RollingCount<BUCKETS> {
    fn new() -> Self {
        Self { counts: [0; BUCKETS], newest: 0 }
    }

    fn place(bucket: u64) -> usize {
        usize::try_from(bucket % BUCKETS as u64).unwrap_or(0)
    }

    fn add(&mut self, bucket: u64, count: u32) {
        let skipped = bucket.saturating_sub(self.newest).min(BUCKETS as u64);
        for back in 0..skipped {
            self.counts[Self::place(bucket - back)] = 0;
        }
        self.newest = self.newest.max(bucket);
        let place = &mut self.counts[Self::place(bucket)];
        *place = place.saturating_add(u16::try_from(count).unwrap_or(u16::MAX));
    }

    /// What was counted in the last `BUCKETS` buckets, `now` being the last of them.
    fn sum(&self, now: u64) -> u32 {
        let left = BUCKETS as u64 - now.saturating_sub(self.newest).min(BUCKETS as u64);
        (0..left.min(self.newest + 1)).map(|back| u32::from(self.counts[Self::place(self.newest - back)])).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::Scope;
    use crate::domain::ids::DepartmentId;
    use crate::domain::time::Timestamp;

    struct Watched {
        clock: Clock,
        activity: WriteActivity,
        revision: i64,
    }

    impl Watched {
        fn new() -> Self {
            let clock = Clock::manual(Timestamp::parse("2026-11-22T08:00:30Z").unwrap());
            Self { activity: WriteActivity::new(clock.clone()), clock, revision: 0 }
        }

        /// So many writes to the department `sales` of an enterprise, committed together.
        fn write(&mut self, id: &str, writes: u32) -> Publication {
            let enterprise = EnterpriseId::parse(id).unwrap();
            let sales = Scope::department(enterprise.clone(), DepartmentId::parse("sales").unwrap());
            self.revision += 2;
            let scopes = vec![(sales, self.revision - 1), (Scope::enterprise(enterprise), self.revision)];
            let publication = Publication { revision: self.revision, scopes, writes: Some(vec![writes; 2]) };
            self.activity.record(&publication);
            publication
        }

        fn pass(&self, minutes: u64) {
            self.clock.advance(Duration::from_mins(minutes));
        }

        #[track_caller]
        fn check(&self, id: &str, last_hour: u32, last_day: Option<u32>) {
            let seen = self.activity.of(&EnterpriseId::parse(id).unwrap());
            assert_eq!(seen, WriteCounts { last_hour, last_day }, "{id}");
        }
    }

    #[test]
    fn a_write_counts_for_an_hour_and_for_a_day_and_then_no_more_though_nobody_writes() {
        let mut watched = Watched::new();
        watched.pass(24 * 60);
        watched.write("acme", 3);
        watched.pass(40);
        watched.write("acme", 2);
        watched.check("acme", 5, Some(5));
        watched.check("globex", 0, Some(0));
        watched.pass(20);
        watched.check("acme", 5, Some(5));
        watched.pass(1);
        watched.check("acme", 2, Some(5));
        watched.pass(40);
        watched.check("acme", 0, Some(5));
        watched.pass(24 * 60 - 101);
        watched.check("acme", 0, Some(5));
        watched.pass(15);
        watched.check("acme", 0, Some(2));
        watched.pass(60);
        watched.check("acme", 0, Some(0));
    }

    #[test]
    fn the_windows_count_as_a_list_of_all_writes_does() {
        let mut watched = Watched::new();
        watched.pass(24 * 60);
        let mut written: Vec<(u64, u32)> = Vec::new();
        let mut seed: u64 = 7;
        let mut minute = 24 * 60;
        for _ in 0..3_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Mostly a few minutes, now and then hours or days.
            let rest = match (seed >> 33) % 100 {
                0 => 3_000,
                1..=5 => 200,
                other => other % 4,
            };
            watched.pass(rest);
            minute += rest;
            let writes = u32::try_from((seed >> 50) % 5).unwrap();
            if writes > 0 {
                watched.write("acme", writes);
                written.push((minute, writes));
            }
            let since = |width: u64, buckets: u64| -> u32 {
                let within = written.iter().filter(|(at, _)| minute / width - at / width < buckets);
                within.map(|(_, writes)| writes).sum()
            };
            watched.check("acme", since(1, 61), Some(since(15, 97)));
        }
    }

    #[test]
    fn a_day_is_known_once_it_was_watched_whole() {
        let mut watched = Watched::new();
        watched.write("acme", 1);
        watched.pass(24 * 60 - 1);
        watched.check("acme", 0, None);
        assert!(!watched.activity.knows_a_day());
        watched.pass(1);
        assert!(watched.activity.knows_a_day());
        watched.check("globex", 0, Some(0));
        watched.activity.restart();
        watched.check("globex", 0, None);
        watched.pass(24 * 60);
        watched.check("globex", 0, Some(0));
    }

    #[test]
    fn what_is_heard_twice_is_counted_once() {
        let mut watched = Watched::new();
        let outside = |publication: Publication| Publication { writes: None, ..publication };
        let first = watched.write("acme", 4);
        watched.activity.record(&outside(first.clone()));
        watched.activity.record(&first);
        watched.check("acme", 4, None);
        // The watcher may be the first to tell.
        watched.revision += 2;
        let next = Publication {
            revision: first.revision + 2,
            scopes: first.scopes.iter().map(|(scope, revision)| (scope.clone(), revision + 2)).collect(),
            writes: Some(vec![3; 2]),
        };
        watched.activity.record(&outside(next.clone()));
        watched.check("acme", 5, None);
        watched.activity.record(&next);
        watched.activity.record(&next);
        watched.activity.record(&outside(next));
        watched.check("acme", 7, None);
    }

    #[test]
    fn the_look_that_spares_looks_never_misses_an_active_enterprise() {
        let mut watched = Watched::new();
        watched.write("acme", 9);
        watched.write("globex", 4);
        assert!(watched.activity.reaches_hourly(9) && !watched.activity.reaches_hourly(10));
        watched.pass(30);
        watched.write("globex", 4);
        watched.activity.settle();
        assert!(watched.activity.reaches_hourly(9));
        watched.pass(31);
        watched.activity.settle();
        assert!(watched.activity.reaches_hourly(4) && !watched.activity.reaches_hourly(5));
        watched.pass(24 * 60);
        watched.activity.settle();
        assert!(!watched.activity.reaches_hourly(1));
        assert_eq!(watched.activity.lock().enterprises.len(), 0, "who has not written for a day is forgotten");
    }

    #[test]
    fn there_is_room_for_so_many_enterprises_and_of_the_rest_nothing_is_said() {
        let mut watched = Watched::new();
        watched.pass(24 * 60);
        for number in 0..ENTERPRISES_MAX {
            watched.write(&format!("e{number}"), 1);
        }
        watched.check("e7", 1, Some(1));
        watched.write("late", 5);
        watched.check("late", 0, None);
        watched.check("e7", 1, None);
        assert_eq!(watched.activity.lock().enterprises.len(), ENTERPRISES_MAX);
        // A day later the first have left, and there is room again.
        watched.pass(24 * 60 + 15);
        watched.write("late", 5);
        watched.check("late", 5, Some(5));
        assert_eq!(watched.activity.lock().enterprises.len(), 1);
    }
}

//! The number of recent writes to each enterprise, from the store's change feed.
//!
//! Writes are counted in buckets that expire as a whole, so a write counts for the hour and up to a minute longer, and
//! for the day and up to a quarter of an hour longer. The sums are evaluated at each read, so they also decrease
//! without writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::domain::ids::EnterpriseId;
use crate::store::Publication;

/// The most enterprises with a write in the last day whose writes are counted. About 5 MB. If there are more, no
/// enterprise has low activity, since the writes to the others are unknown.
const ENTERPRISES_MAX: usize = 10_000;

/// The width of the buckets for the last hour.
const MINUTE: Duration = Duration::from_mins(1);

/// The last hour, and the bucket that is not over.
const MINUTES: usize = 61;

/// The width of the buckets for the last day.
const QUARTER: Duration = Duration::from_mins(15);

/// The last day, and the bucket that is not over.
const QUARTERS: usize = 97;

const DAY: Duration = Duration::from_hours(24);

/// The writes of every enterprise.
pub(super) struct WriteActivity {
    clock: Clock,
    origin: Instant,
    /// No enterprise has had more writes than this in an hour. Makes most reads of the table unnecessary.
    hourly_max: AtomicU32,
    /// Every write since this time is counted, in microseconds after the origin.
    complete_from_micros: AtomicU64,
    /// Held for one look-up under the cache's lock, by publications before their writes are acknowledged, and for one
    /// iteration over the table every few seconds. The cache is never called under it.
    table: Mutex<EnterpriseTable>,
}

#[derive(Default)]
struct EnterpriseTable {
    enterprises: HashMap<EnterpriseId, Writes>,
    /// The minute of the last sweep.
    swept_in: u64,
}

/// The number of recent writes to one enterprise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriteCounts {
    /// Writes in the last hour.
    pub(super) last_hour: u32,
    /// Writes in the last day; `None` until they have been counted for a day.
    pub(super) last_day: Option<u32>,
}

/// The writes of one enterprise.
struct Writes {
    minutes: RollingCount<MINUTES>,
    quarters: RollingCount<QUARTERS>,
    /// The newest counted revision of the enterprise.
    revision: i64,
    /// Whether that revision came from the watcher, which does not know the number of writes, and was counted as one
    /// write.
    is_estimate: bool,
    /// A minute and the sums of the hour and the day in it, valid as long as no write is counted.
    cached_sums: Option<(u64, u32, u32)>,
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

    /// Counts the writes of a publication. A write to a department also gives its enterprise a new revision, so only
    /// enterprises are counted.
    pub(super) fn record(&self, publication: &Publication) {
        let elapsed = self.elapsed();
        let mut table = self.lock();
        for (at, (scope, revision)) in publication.scopes.iter().enumerate() {
            if scope.department.is_some() {
                continue;
            }
            let writes = publication.writes.as_ref().and_then(|writes| writes.get(at)).copied();
            if let Some(enterprise) = table.writes_of(&scope.enterprise, elapsed) {
                let last_hour = enterprise.count(*revision, writes, elapsed);
                self.hourly_max.fetch_max(last_hour, Ordering::Relaxed);
            } else {
                self.restart_at(elapsed);
            }
        }
    }

    /// Writes may have been missed, so the last day is unknown from now on.
    pub(super) fn restart(&self) {
        self.restart_at(self.elapsed());
    }

    /// Whether any enterprise may have had this many writes in the last hour.
    pub(super) fn reaches_hourly(&self, writes: u32) -> bool {
        self.hourly_max.load(Ordering::Relaxed) >= writes
    }

    /// Whether every write of the last day was counted.
    pub(super) fn has_whole_day(&self) -> bool {
        self.is_complete(self.elapsed())
    }

    /// The number of recent writes to an enterprise.
    pub(super) fn of(&self, enterprise: &EnterpriseId) -> WriteCounts {
        let elapsed = self.elapsed();
        let (last_hour, last_day) = match self.lock().enterprises.get_mut(enterprise) {
            Some(writes) => writes.sums(elapsed),
            None => (0, 0),
        };
        WriteCounts { last_hour, last_day: self.is_complete(elapsed).then_some(last_day) }
    }

    /// Removes enterprises without a write in the last day, and lowers `hourly_max`. To be called regularly; only
    /// memory and speed depend on it.
    pub(super) fn sweep(&self) {
        let elapsed = self.elapsed();
        let mut table = self.lock();
        table.sweep(elapsed);
        let most = table.enterprises.values_mut().map(|writes| writes.sums(elapsed).0).max();
        self.hourly_max.store(most.unwrap_or(0), Ordering::Relaxed);
    }

    fn is_complete(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(Duration::from_micros(self.complete_from_micros.load(Ordering::Relaxed))) >= DAY
    }

    fn restart_at(&self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.complete_from_micros.fetch_max(micros, Ordering::Relaxed);
    }

    fn elapsed(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.origin)
    }

    fn lock(&self) -> MutexGuard<'_, EnterpriseTable> {
        self.table.lock()
    }
}

impl EnterpriseTable {
    /// The writes of an enterprise, which is added if the table is not full.
    fn writes_of(&mut self, enterprise: &EnterpriseId, elapsed: Duration) -> Option<&mut Writes> {
        if !self.enterprises.contains_key(enterprise) {
            let minute = bucket(elapsed, MINUTE);
            // Once a minute, because iterating for each write would be expensive and find nothing new.
            if self.enterprises.len() >= ENTERPRISES_MAX && self.swept_in != minute {
                self.sweep(elapsed);
            }
            if self.enterprises.len() >= ENTERPRISES_MAX {
                return None;
            }
            self.enterprises.insert(enterprise.clone(), Writes::new());
        }
        self.enterprises.get_mut(enterprise)
    }

    fn sweep(&mut self, elapsed: Duration) {
        self.swept_in = bucket(elapsed, MINUTE);
        self.enterprises.retain(|_, writes| writes.sums(elapsed).1 > 0);
    }
}

impl Writes {
    fn new() -> Self {
        Self {
            minutes: RollingCount::new(),
            quarters: RollingCount::new(),
            revision: 0,
            is_estimate: false,
            cached_sums: None,
        }
    }

    /// Counts the writes that led to a revision, and returns the writes of the last hour. Writes of this process are
    /// published twice, by the writer, which knows their number, and by the watcher, in either order.
    fn count(&mut self, revision: i64, writes: Option<u32>, elapsed: Duration) -> u32 {
        let more = match writes {
            _ if revision > self.revision => writes.unwrap_or(1),
            Some(writes) if revision == self.revision && self.is_estimate => writes.saturating_sub(1),
            _ => 0,
        };
        if revision > self.revision || more > 0 {
            self.is_estimate = writes.is_none();
        }
        self.revision = self.revision.max(revision);
        if more > 0 {
            self.minutes.add(bucket(elapsed, MINUTE), more);
            self.quarters.add(bucket(elapsed, QUARTER), more);
            self.cached_sums = None;
        }
        self.sums(elapsed).0
    }

    /// The writes of the last hour and of the last day.
    fn sums(&mut self, elapsed: Duration) -> (u32, u32) {
        let minute = bucket(elapsed, MINUTE);
        match self.cached_sums {
            // A quarter starts with a minute, so both sums are constant within a minute.
            Some((known, hour, day)) if known == minute => (hour, day),
            _ => {
                let (hour, day) = (self.minutes.sum(minute), self.quarters.sum(bucket(elapsed, QUARTER)));
                self.cached_sums = Some((minute, hour, day));
                (hour, day)
            }
        }
    }
}

fn bucket(elapsed: Duration, width: Duration) -> u64 {
    elapsed.as_secs() / width.as_secs()
}

/// Counters for the newest `BUCKETS` buckets of time. A bucket counts to 65,535, which is above every limit that can be
/// set.
struct RollingCount<const BUCKETS: usize> {
    counts: [u16; BUCKETS],
    /// The newest bucket with a count.
    newest: u64,
}

impl<const BUCKETS: usize> RollingCount<BUCKETS> {
    fn new() -> Self {
        Self { counts: [0; BUCKETS], newest: 0 }
    }

    fn index(bucket: u64) -> usize {
        usize::try_from(bucket % BUCKETS as u64).unwrap_or(0)
    }

    fn add(&mut self, bucket: u64, count: u32) {
        let skipped = bucket.saturating_sub(self.newest).min(BUCKETS as u64);
        for back in 0..skipped {
            self.counts[Self::index(bucket - back)] = 0;
        }
        self.newest = self.newest.max(bucket);
        let count_of_bucket = &mut self.counts[Self::index(bucket)];
        *count_of_bucket = count_of_bucket.saturating_add(u16::try_from(count).unwrap_or(u16::MAX));
    }

    /// The sum of the last `BUCKETS` buckets, of which `now` is the last.
    fn sum(&self, now: u64) -> u32 {
        let left = BUCKETS as u64 - now.saturating_sub(self.newest).min(BUCKETS as u64);
        (0..left.min(self.newest + 1)).map(|back| u32::from(self.counts[Self::index(self.newest - back)])).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::Scope;
    use crate::domain::ids::DepartmentId;
    use crate::domain::time::Timestamp;

    struct ActivityFixture {
        clock: Clock,
        activity: WriteActivity,
        revision: i64,
    }

    impl ActivityFixture {
        fn new() -> Self {
            let clock = Clock::manual(Timestamp::parse("2026-11-22T08:00:30Z").unwrap());
            Self { activity: WriteActivity::new(clock.clone()), clock, revision: 0 }
        }

        /// This many writes to the department `sales` of an enterprise, committed together.
        fn write(&mut self, id: &str, writes: u32) -> Publication {
            let enterprise = EnterpriseId::parse(id).unwrap();
            let sales = Scope::department(enterprise.clone(), DepartmentId::parse("sales").unwrap());
            self.revision += 2;
            let scopes = vec![(sales, self.revision - 1), (Scope::enterprise(enterprise), self.revision)];
            let publication = Publication { revision: self.revision, scopes, writes: Some(vec![writes; 2]) };
            self.activity.record(&publication);
            publication
        }

        fn advance_minutes(&self, minutes: u64) {
            self.clock.advance(Duration::from_mins(minutes));
        }

        #[track_caller]
        fn check(&self, id: &str, last_hour: u32, last_day: Option<u32>) {
            let seen = self.activity.of(&EnterpriseId::parse(id).unwrap());
            assert_eq!(seen, WriteCounts { last_hour, last_day }, "{id}");
        }
    }

    #[test]
    fn a_write_counts_for_an_hour_and_for_a_day() {
        let mut fixture = ActivityFixture::new();
        fixture.advance_minutes(24 * 60);
        fixture.write("acme", 3);
        fixture.advance_minutes(40);
        fixture.write("acme", 2);
        fixture.check("acme", 5, Some(5));
        fixture.check("globex", 0, Some(0));
        fixture.advance_minutes(20);
        fixture.check("acme", 5, Some(5));
        fixture.advance_minutes(1);
        fixture.check("acme", 2, Some(5));
        fixture.advance_minutes(40);
        fixture.check("acme", 0, Some(5));
        fixture.advance_minutes(24 * 60 - 101);
        fixture.check("acme", 0, Some(5));
        fixture.advance_minutes(15);
        fixture.check("acme", 0, Some(2));
        fixture.advance_minutes(60);
        fixture.check("acme", 0, Some(0));
    }

    #[test]
    fn the_sums_equal_those_of_a_list_of_all_writes() {
        let mut fixture = ActivityFixture::new();
        fixture.advance_minutes(24 * 60);
        let mut written: Vec<(u64, u32)> = Vec::new();
        let mut seed: u64 = 7;
        let mut minute = 24 * 60;
        for _ in 0..3_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Mostly a few minutes, sometimes hours or days.
            let rest = match (seed >> 33) % 100 {
                0 => 3_000,
                1..=5 => 200,
                other => other % 4,
            };
            fixture.advance_minutes(rest);
            minute += rest;
            let writes = u32::try_from((seed >> 50) % 5).unwrap();
            if writes > 0 {
                fixture.write("acme", writes);
                written.push((minute, writes));
            }
            let since = |width: u64, buckets: u64| -> u32 {
                let within = written.iter().filter(|(at, _)| minute / width - at / width < buckets);
                within.map(|(_, writes)| writes).sum()
            };
            fixture.check("acme", since(1, 61), Some(since(15, 97)));
        }
    }

    #[test]
    fn the_writes_of_a_day_are_known_after_a_whole_day() {
        let mut fixture = ActivityFixture::new();
        fixture.write("acme", 1);
        fixture.advance_minutes(24 * 60 - 1);
        fixture.check("acme", 0, None);
        assert!(!fixture.activity.has_whole_day());
        fixture.advance_minutes(1);
        assert!(fixture.activity.has_whole_day());
        fixture.check("globex", 0, Some(0));
        fixture.activity.restart();
        fixture.check("globex", 0, None);
        fixture.advance_minutes(24 * 60);
        fixture.check("globex", 0, Some(0));
    }

    #[test]
    fn a_revision_that_is_published_twice_is_counted_once() {
        let mut fixture = ActivityFixture::new();
        let outside = |publication: Publication| Publication { writes: None, ..publication };
        let first = fixture.write("acme", 4);
        fixture.activity.record(&outside(first.clone()));
        fixture.activity.record(&first);
        fixture.check("acme", 4, None);
        // The watcher may publish first.
        fixture.revision += 2;
        let next = Publication {
            revision: first.revision + 2,
            scopes: first.scopes.iter().map(|(scope, revision)| (scope.clone(), revision + 2)).collect(),
            writes: Some(vec![3; 2]),
        };
        fixture.activity.record(&outside(next.clone()));
        fixture.check("acme", 5, None);
        fixture.activity.record(&next);
        fixture.activity.record(&next);
        fixture.activity.record(&outside(next));
        fixture.check("acme", 7, None);
    }

    #[test]
    fn the_hourly_maximum_never_misses_an_active_enterprise() {
        let mut fixture = ActivityFixture::new();
        fixture.write("acme", 9);
        fixture.write("globex", 4);
        assert!(fixture.activity.reaches_hourly(9) && !fixture.activity.reaches_hourly(10));
        fixture.advance_minutes(30);
        fixture.write("globex", 4);
        fixture.activity.sweep();
        assert!(fixture.activity.reaches_hourly(9));
        fixture.advance_minutes(31);
        fixture.activity.sweep();
        assert!(fixture.activity.reaches_hourly(4) && !fixture.activity.reaches_hourly(5));
        fixture.advance_minutes(24 * 60);
        fixture.activity.sweep();
        assert!(!fixture.activity.reaches_hourly(1));
        assert_eq!(
            fixture.activity.lock().enterprises.len(),
            0,
            "an enterprise without a write in the last day is removed"
        );
    }

    #[test]
    fn with_a_full_table_the_writes_of_a_day_are_unknown() {
        let mut fixture = ActivityFixture::new();
        fixture.advance_minutes(24 * 60);
        for number in 0..ENTERPRISES_MAX {
            fixture.write(&format!("e{number}"), 1);
        }
        fixture.check("e7", 1, Some(1));
        fixture.write("late", 5);
        fixture.check("late", 0, None);
        fixture.check("e7", 1, None);
        assert_eq!(fixture.activity.lock().enterprises.len(), ENTERPRISES_MAX);
        // A day later the first ones are removed, so the table is not full.
        fixture.advance_minutes(24 * 60 + 15);
        fixture.write("late", 5);
        fixture.check("late", 5, Some(5));
        assert_eq!(fixture.activity.lock().enterprises.len(), 1);
    }
}

//! The definition of fresh: by revision, UTC day and TTL.

use std::time::{Duration, Instant};

use crate::clock::Moment;
use crate::domain::time::{DAY_MILLIS, Day};

/// The origin of an entry. It has no deadline, because its freshness is evaluated at each read, under the settings of
/// that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The counter in the snapshot of its load.
    pub(super) as_of: i64,
    /// The UTC day that it was computed for.
    pub(super) day: Day,
    /// When its load started; monotonic, so that a jump of the wall clock does not change its age.
    pub(super) loaded_at: Instant,
}

/// Whether an entry may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It may be served.
    Fresh {
        /// The rest of its TTL.
        ttl_left: Duration,
    },
    /// It includes every published revision, but its TTL or its day ended this long ago. It may be served only when a
    /// load fails.
    Expired(Duration),
    /// It may lack a published revision, and may never be served.
    Outdated,
}

impl Stamp {
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.instant.saturating_duration_since(self.loaded_at)
    }

    pub(super) fn freshness(&self, published: i64, ttl: Duration, now: Moment) -> Freshness {
        if self.as_of < published {
            return Freshness::Outdated;
        }
        let age = self.age(now);
        if self.day == now.wall.day() && age < ttl {
            return Freshness::Fresh { ttl_left: ttl.saturating_sub(age) };
        }
        // The wall clock may have been set back, so that the day is still ahead: then it counts as ended just now.
        let day_end = self.day.number().saturating_add(1).saturating_mul(DAY_MILLIS);
        let since_day_end = u64::try_from(now.wall.millis().saturating_sub(day_end)).unwrap_or(0);
        Freshness::Expired(age.saturating_sub(ttl).max(Duration::from_millis(since_day_end)))
    }
}

#[cfg(all(test, not(muster_shuttle)))]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::time::Timestamp;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn an_entry_is_fresh_by_revision_and_day_and_ttl() {
        let clock = Clock::manual(Timestamp::parse("2026-11-22T22:30:00Z").unwrap());
        let stamp = Stamp { as_of: 5, day: clock.now().day(), loaded_at: clock.instant() };
        let check = |published, ttl, expected| {
            assert_eq!(stamp.freshness(published, ttl, clock.moment()), expected, "published {published}, TTL {ttl:?}");
        };
        check(5, HOUR, Freshness::Fresh { ttl_left: HOUR });
        check(6, HOUR, Freshness::Outdated);
        check(4, Duration::ZERO, Freshness::Expired(Duration::ZERO));
        clock.advance(HOUR);
        check(5, HOUR, Freshness::Expired(Duration::ZERO));
        check(5, 2 * HOUR, Freshness::Fresh { ttl_left: HOUR });
        clock.advance(HOUR);
        check(5, 9 * HOUR, Freshness::Expired(HOUR / 2));
        check(5, HOUR / 2, Freshness::Expired(3 * HOUR / 2));
        check(6, 9 * HOUR, Freshness::Outdated);
    }

    #[test]
    fn a_wall_clock_that_jumps_changes_the_day_but_no_age() {
        let clock = Clock::manual(Timestamp::parse("2026-11-22T12:00:00Z").unwrap());
        let stamp = Stamp { as_of: 5, day: clock.now().day(), loaded_at: clock.instant() };
        clock.set_wall(Timestamp::parse("2026-11-22T23:59:59Z").unwrap());
        assert_eq!(stamp.freshness(5, HOUR, clock.moment()), Freshness::Fresh { ttl_left: HOUR });
        clock.set_wall(Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
        assert_eq!(stamp.freshness(5, HOUR, clock.moment()), Freshness::Expired(Duration::ZERO));
        assert_eq!(stamp.age(clock.moment()), Duration::ZERO);
    }
}

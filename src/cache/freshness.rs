//! What it means to be fresh, in one place: revision, UTC day and TTL.

use std::time::{Duration, Instant};

use crate::clock::Moment;
use crate::domain::time::{DAY_MILLIS, Day};

/// What an entry knows of its origin. No deadline: freshness is judged at each read, by the settings of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The counter that its snapshot showed.
    pub(super) as_of: i64,
    /// The UTC day that it was computed for.
    pub(super) day: Day,
    /// When its load began; monotonic, so that a jump of the wall clock makes it neither younger nor older.
    pub(super) loaded_at: Instant,
}

/// What may be done with an entry now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is served.
    Fresh {
        /// How long its TTL still runs.
        ttl_left: Duration,
    },
    /// It lacks no published revision, but its TTL or its day ended that long ago: served only when a load fails.
    Overdue(Duration),
    /// It may lack a published revision: never served.
    Outdated,
}

impl Stamp {
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.instant.saturating_duration_since(self.loaded_at)
    }

    pub(super) fn judge(&self, published: i64, ttl: Duration, now: Moment) -> Verdict {
        if self.as_of < published {
            return Verdict::Outdated;
        }
        let age = self.age(now);
        if self.day == now.wall.day() && age < ttl {
            return Verdict::Fresh { ttl_left: ttl.saturating_sub(age) };
        }
        // A day that lies ahead is the doing of a wall clock that was set back: it ended no time ago.
        let day_end = self.day.number().saturating_add(1).saturating_mul(DAY_MILLIS);
        let since_day_end = u64::try_from(now.wall.millis().saturating_sub(day_end)).unwrap_or(0);
        Verdict::Overdue(age.saturating_sub(ttl).max(Duration::from_millis(since_day_end)))
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
            assert_eq!(stamp.judge(published, ttl, clock.moment()), expected, "published {published}, TTL {ttl:?}");
        };
        check(5, HOUR, Verdict::Fresh { ttl_left: HOUR });
        check(6, HOUR, Verdict::Outdated);
        check(4, Duration::ZERO, Verdict::Overdue(Duration::ZERO));
        clock.advance(HOUR);
        check(5, HOUR, Verdict::Overdue(Duration::ZERO));
        check(5, 2 * HOUR, Verdict::Fresh { ttl_left: HOUR });
        clock.advance(HOUR);
        check(5, 9 * HOUR, Verdict::Overdue(HOUR / 2));
        check(5, HOUR / 2, Verdict::Overdue(3 * HOUR / 2));
        check(6, 9 * HOUR, Verdict::Outdated);
    }

    #[test]
    fn a_wall_clock_that_jumps_changes_the_day_but_no_age() {
        let clock = Clock::manual(Timestamp::parse("2026-11-22T12:00:00Z").unwrap());
        let stamp = Stamp { as_of: 5, day: clock.now().day(), loaded_at: clock.instant() };
        clock.set_wall(Timestamp::parse("2026-11-22T23:59:59Z").unwrap());
        assert_eq!(stamp.judge(5, HOUR, clock.moment()), Verdict::Fresh { ttl_left: HOUR });
        clock.set_wall(Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
        assert_eq!(stamp.judge(5, HOUR, clock.moment()), Verdict::Overdue(Duration::ZERO));
        assert_eq!(stamp.age(clock.moment()), Duration::ZERO);
    }
}

//! When the next backup is due.
//!
//! Two clocks have a say. The wall clock knows how long ago the last good backup was made, also across a restart; it
//! may jump. The monotonic one knows how long this process has not made one, and cannot be set. A backup is due by
//! whichever says so first: one too many does no harm, and one too few may.

use std::time::{Duration, Instant};

use crate::domain::time::Timestamp;

/// How long after its start a server makes no backup of its own accord: a start, and those that follow each other, have
/// better things to do.
const QUIET_AFTER_START: Duration = Duration::from_mins(1);

/// How soon a failed backup is tried again; each further time the pause is twice as long.
const RETRY_FIRST: Duration = Duration::from_mins(1);

/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_hours(1);

/// How much later than due a backup may be before it is overdue: half of the time between two, and no more than this.
const GRACE_MAX: Duration = Duration::from_hours(6);

/// The schedule.
pub(super) struct Schedule {
    every: Option<Duration>,
    /// The moment that the last good backup of the folder shows.
    last_at: Option<Timestamp>,
    /// When the last one was made, or the process started.
    counted_from: Instant,
    started: Instant,
    failures: u32,
    retry_at: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(every: Option<Duration>, last_at: Option<Timestamp>, now: Instant) -> Self {
        Self { every, last_at, counted_from: now, started: now, failures: 0, retry_at: None }
    }

    pub(super) fn is_off(&self) -> bool {
        self.every.is_none()
    }

    pub(super) fn is_due(&self, now: Timestamp, instant: Instant) -> bool {
        self.left(now, instant).is_some_and(|left| left.is_zero())
    }

    /// When the next one is due, by the wall clock.
    pub(super) fn next_at(&self, now: Timestamp, instant: Instant) -> Option<Timestamp> {
        let left = i64::try_from(self.left(now, instant)?.as_millis()).unwrap_or(i64::MAX);
        Some(Timestamp::from_millis(now.millis().saturating_add(left)))
    }

    pub(super) fn is_overdue(&self, now: Timestamp, instant: Instant) -> bool {
        let Some(every) = self.every else { return false };
        let grace = (every / 2).min(GRACE_MAX);
        let running = instant.duration_since(self.started);
        match self.age(now, instant) {
            Some(age) => age > every + grace && running > QUIET_AFTER_START + grace.min(every),
            None => running > QUIET_AFTER_START + grace,
        }
    }

    pub(super) fn succeeded(&mut self, at: Timestamp, instant: Instant) {
        self.last_at = Some(at);
        self.counted_from = instant;
        self.failures = 0;
        self.retry_at = None;
    }

    pub(super) fn failed(&mut self, instant: Instant) {
        let pause = RETRY_FIRST.saturating_mul(1 << self.failures.min(16)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(instant + pause);
    }

    /// How old the last good one is at least: a clock that was set back makes it no younger than this process knows.
    fn age(&self, now: Timestamp, instant: Instant) -> Option<Duration> {
        let by_wall = now.millis().saturating_sub(self.last_at?.millis());
        let by_wall = Duration::from_millis(u64::try_from(by_wall).unwrap_or(0));
        Some(by_wall.max(instant.duration_since(self.counted_from)))
    }

    /// How long until the next one; none where there is no schedule.
    fn left(&self, now: Timestamp, instant: Instant) -> Option<Duration> {
        let every = self.every?;
        if let Some(retry_at) = self.retry_at {
            return Some(retry_at.saturating_duration_since(instant));
        }
        let quiet = QUIET_AFTER_START.saturating_sub(instant.duration_since(self.started));
        let due = self.age(now, instant).map_or(Duration::ZERO, |age| every.saturating_sub(age));
        Some(due.max(quiet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const DAY: Duration = Duration::from_hours(24);
    const MINUTE: Duration = Duration::from_mins(1);

    fn clock() -> Clock {
        Clock::manual(Timestamp::parse("2026-11-22T08:00:00Z").unwrap())
    }

    fn due(schedule: &Schedule, clock: &Clock) -> bool {
        schedule.is_due(clock.now(), clock.instant())
    }

    fn before(clock: &Clock, by: Duration) -> Timestamp {
        Timestamp::from_millis(clock.now().millis() - i64::try_from(by.as_millis()).unwrap())
    }

    #[test]
    fn the_first_one_is_due_a_minute_after_the_start_and_the_next_a_day_later() {
        let clock = clock();
        let mut schedule = Schedule::new(Some(DAY), None, clock.instant());
        assert!(!due(&schedule, &clock));
        clock.advance(MINUTE);
        assert!(due(&schedule, &clock));
        schedule.succeeded(clock.now(), clock.instant());
        clock.advance(DAY.saturating_sub(MINUTE));
        assert!(!due(&schedule, &clock));
        assert_eq!(schedule.next_at(clock.now(), clock.instant()).unwrap().to_string(), "2026-11-23T08:01:00.000Z");
        clock.advance(MINUTE);
        assert!(due(&schedule, &clock));
    }

    #[test]
    fn a_restart_neither_forgets_nor_hurries() {
        let clock = clock();
        let hours = |count| Duration::from_hours(count);
        let fresh = Schedule::new(Some(DAY), Some(before(&clock, hours(23))), clock.instant());
        let old = Schedule::new(Some(DAY), Some(before(&clock, hours(25))), clock.instant());
        clock.advance(MINUTE);
        assert!(!due(&fresh, &clock) && due(&old, &clock));
        clock.advance(hours(1));
        assert!(due(&fresh, &clock));
    }

    #[test]
    fn a_clock_that_jumps_makes_one_too_many_rather_than_one_too_few() {
        let clock = clock();
        let mut schedule = Schedule::new(Some(DAY), None, clock.instant());
        clock.advance(MINUTE);
        schedule.succeeded(clock.now(), clock.instant());
        // Set back by years: the last one lies in the future, and a day is a day all the same.
        clock.set_wall(Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
        assert!(!due(&schedule, &clock));
        clock.advance(DAY);
        assert!(due(&schedule, &clock));
        schedule.succeeded(clock.now(), clock.instant());
        assert!(!due(&schedule, &clock));
        // Set right.
        clock.set_wall(Timestamp::parse("2026-11-23T00:00:00Z").unwrap());
        assert!(due(&schedule, &clock));
    }

    #[test]
    fn a_failure_is_tried_again_soon_and_then_more_rarely_and_is_forgotten_with_a_success() {
        let clock = clock();
        let mut schedule = Schedule::new(Some(DAY), Some(before(&clock, DAY)), clock.instant());
        clock.advance(MINUTE);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            schedule.failed(clock.instant());
            let mut minutes = 0;
            while !due(&schedule, &clock) {
                clock.advance(MINUTE);
                minutes += 1;
            }
            pauses.push(minutes);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        schedule.succeeded(clock.now(), clock.instant());
        assert!(!due(&schedule, &clock));
        schedule.failed(clock.instant());
        clock.advance(MINUTE);
        assert!(due(&schedule, &clock));
    }

    #[test]
    fn what_is_late_is_overdue_and_what_is_off_is_never_due() {
        let clock = clock();
        let schedule = Schedule::new(Some(DAY), Some(clock.now()), clock.instant());
        let overdue = |schedule: &Schedule| schedule.is_overdue(clock.now(), clock.instant());
        let off = Schedule::new(None, None, clock.instant());
        clock.advance(DAY + Duration::from_hours(6));
        assert!(!overdue(&schedule));
        clock.advance(Duration::from_millis(1));
        assert!(overdue(&schedule));
        assert!(!due(&off, &clock) && !overdue(&off) && off.is_off());
        assert_eq!(off.next_at(clock.now(), clock.instant()), None);
    }
}

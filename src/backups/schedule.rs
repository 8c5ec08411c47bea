//! When the next backup is due.
//!
//! Two clocks are used. The wall clock gives the age of the last successful backup across restarts, but may jump. The
//! monotonic clock gives the time since this process made one, and cannot be set. A backup is due when either clock
//! says so: an extra backup does no harm, and a missing one may.

use std::time::{Duration, Instant};

use crate::domain::time::Timestamp;

/// The time after its start in which a server makes no scheduled backup, so that a backup does not slow down the start,
/// or each of several restarts.
const QUIET_AFTER_START: Duration = Duration::from_mins(1);

/// The pause before the first retry of a failed backup; each further pause is twice as long.
const RETRY_FIRST: Duration = Duration::from_mins(1);

/// The longest pause between retries.
const RETRY_MAX: Duration = Duration::from_hours(1);

/// How late a backup may be before it is overdue: half of the interval, but at most this.
const GRACE_MAX: Duration = Duration::from_hours(6);

pub(super) struct Schedule {
    every: Option<Duration>,
    /// The time of the last successful backup in the folder.
    last_at: Option<Timestamp>,
    /// When this process made its last backup, or its start.
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

    /// When the next backup is due, as wall-clock time.
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

    /// The minimum age of the last successful backup. If the wall clock was set back, the time since this process made
    /// it counts.
    fn age(&self, now: Timestamp, instant: Instant) -> Option<Duration> {
        let by_wall = now.millis().saturating_sub(self.last_at?.millis());
        let by_wall = Duration::from_millis(u64::try_from(by_wall).unwrap_or(0));
        Some(by_wall.max(instant.duration_since(self.counted_from)))
    }

    /// The time until the next backup; `None` without a schedule.
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
    fn the_first_backup_is_due_a_minute_after_the_start_and_the_next_a_day_later() {
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
    fn a_restart_keeps_the_schedule() {
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
    fn a_clock_jump_causes_an_extra_backup_rather_than_a_missed_one() {
        let clock = clock();
        let mut schedule = Schedule::new(Some(DAY), None, clock.instant());
        clock.advance(MINUTE);
        schedule.succeeded(clock.now(), clock.instant());
        // The clock is set back by years, so the last backup lies in the future; the next one is due after a day still.
        clock.set_wall(Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
        assert!(!due(&schedule, &clock));
        clock.advance(DAY);
        assert!(due(&schedule, &clock));
        schedule.succeeded(clock.now(), clock.instant());
        assert!(!due(&schedule, &clock));
        // The clock is corrected.
        clock.set_wall(Timestamp::parse("2026-11-23T00:00:00Z").unwrap());
        assert!(due(&schedule, &clock));
    }

    #[test]
    fn a_failed_backup_is_retried_with_exponential_backoff_until_a_success() {
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
    fn a_late_backup_is_overdue_and_a_disabled_schedule_is_never_due() {
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

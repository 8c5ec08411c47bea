//! Detects jumps of the wall clock, so that old samples are not deleted by a wrong time.

use std::mem;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// How often old rows are deleted, and how long the wall clock must have run without a jump before. A clock that is
/// wrong for a while, for example after the start of a machine without a battery, must not delete the history.
const DELETE_INTERVAL: Duration = Duration::from_hours(1);

/// A difference between the wall clock and the monotonic clock of at least this, from one check to the next, is a jump.
const JUMP_MIN: Duration = Duration::from_mins(1);

/// Decides when old rows may be deleted.
#[derive(Debug)]
pub(super) struct ClockJumpDetector {
    last_check: (Instant, Timestamp),
    /// The time of the last jump, or of the last deletion.
    steady_since: Instant,
}

impl ClockJumpDetector {
    pub(super) fn new(clock: &Clock) -> Self {
        let now = clock.instant();
        Self { last_check: (now, clock.now()), steady_since: now }
    }

    /// Whether old rows are to be deleted now.
    pub(super) fn check(&mut self, clock: &Clock) -> bool {
        let (instant, wall) = (clock.instant(), clock.now());
        let (instant_before, wall_before) = mem::replace(&mut self.last_check, (instant, wall));
        let elapsed = i64::try_from(instant.saturating_duration_since(instant_before).as_millis()).unwrap_or(i64::MAX);
        let apart = wall.millis().saturating_sub(wall_before.millis()).abs_diff(elapsed);
        let is_jump = u128::from(apart) >= JUMP_MIN.as_millis();
        let is_due = !is_jump && instant.saturating_duration_since(self.steady_since) >= DELETE_INTERVAL;
        if is_jump || is_due {
            self.steady_since = instant;
        }
        is_due
    }
}

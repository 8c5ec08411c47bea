//! When the wall clock can be trusted with deleting.

use std::mem;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// How often old rows are deleted, and how long the wall clock must have run without a jump before any is: a clock that is
/// wrong for a moment, as at the start of a machine without a battery, must not cost the history.
const FORGET_INTERVAL: Duration = Duration::from_hours(1);

/// By how much the two faces of the clock may differ from one look to the next before that is a jump.
const JUMP_MIN: Duration = Duration::from_mins(1);

/// Tells when the wall clock can be trusted with deleting.
#[derive(Debug)]
pub(super) struct ClockJumpDetector {
    looked: (Instant, Timestamp),
    /// When the clock last jumped, or old rows were last deleted.
    steady_since: Instant,
}

impl ClockJumpDetector {
    pub(super) fn new(clock: &Clock) -> Self {
        let now = clock.instant();
        Self { looked: (now, clock.now()), steady_since: now }
    }

    /// Whether old rows are to be deleted now.
    pub(super) fn look(&mut self, clock: &Clock) -> bool {
        let (instant, wall) = (clock.instant(), clock.now());
        let (instant_before, wall_before) = mem::replace(&mut self.looked, (instant, wall));
        let elapsed = i64::try_from(instant.saturating_duration_since(instant_before).as_millis()).unwrap_or(i64::MAX);
        let apart = wall.millis().saturating_sub(wall_before.millis()).abs_diff(elapsed);
        let is_jump = u128::from(apart) >= JUMP_MIN.as_millis();
        let is_due = !is_jump && instant.saturating_duration_since(self.steady_since) >= FORGET_INTERVAL;
        if is_jump || is_due {
            self.steady_since = instant;
        }
        is_due
    }
}

//! Processor time that a caller has used and not yet paid off.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::portion::Portion;

/// Debt that is not asked for. A burst of a page's requests, or one long read, delays nothing.
const ALLOWANCE: Duration = Duration::from_millis(20);

/// Processor time that was used, less what the share has paid since.
pub(super) struct Debt(Mutex<Owed>);

/// Guarded by the lock of [`Debt`], under which nothing but arithmetic is done.
struct Owed {
    time: Duration,
    at: Instant,
}

impl Debt {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Owed { time: Duration::ZERO, at: now }))
    }

    /// Adds processor time, and tells how long it takes until what was owed before is paid off.
    pub(super) fn charge(&self, time: Duration, portion: Portion, now: Instant) -> Duration {
        let mut owed = self.0.lock();
        owed.settle(portion, now);
        let wait = owed.time.saturating_sub(ALLOWANCE).mul_f64(portion.wait_per_time());
        owed.time += time;
        wait
    }

    pub(super) fn is_paid(&self, portion: Portion, now: Instant) -> bool {
        let mut owed = self.0.lock();
        owed.settle(portion, now);
        owed.time.is_zero()
    }
}

impl Owed {
    fn settle(&mut self, portion: Portion, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.time = self.time.saturating_sub(passed.mul_f64(portion.processors()));
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_is_owed_is_paid_off_at_the_rate_of_the_share_and_a_little_of_it_is_not_asked_for() {
        // A quarter of six processors, a third of it for each kind of work: half a processor.
        let portion = Portion::new(25, 6);
        let begun = Clock::manual(Timestamp::from_millis(0)).instant();
        let after = |millis| begun + Duration::from_millis(millis);
        let debt = Debt::new(begun);
        assert_eq!(debt.charge(Duration::from_millis(120), portion, begun), Duration::ZERO, "nothing was owed before");
        assert_eq!(debt.charge(Duration::ZERO, portion, begun), Duration::from_millis(200));
        assert_eq!(debt.charge(Duration::ZERO, portion, after(100)), Duration::from_millis(100));
        assert_eq!(debt.charge(Duration::ZERO, portion, after(200)), Duration::ZERO);
        assert!(!debt.is_paid(portion, after(200)) && debt.is_paid(portion, after(240)));
        assert_eq!(debt.charge(Duration::ZERO, portion, begun), Duration::ZERO, "time does not run backwards");
    }
}

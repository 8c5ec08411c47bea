//! What is counted within an hour.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The span over which they are counted.
const HOUR: Duration = Duration::from_hours(1);

/// What a holder has created in its hour, which begins with the first.
pub(super) struct Hour(Mutex<Created>);

/// Guarded by the lock of [`Hour`], under which nothing but arithmetic is done.
struct Created {
    began: Instant,
    count: u64,
}

impl Hour {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Created { began: now, count: 0 }))
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        let mut created = self.0.lock();
        created.roll(now);
        created.count == 0
    }

    /// Takes as many as there are of these; or says for how long there are none.
    pub(super) fn take(&self, wanted: u64, max: u64, now: Instant) -> Result<(u64, Instant), Duration> {
        let mut created = self.0.lock();
        created.roll(now);
        let taken = wanted.min(max.saturating_sub(created.count));
        if taken == 0 && wanted > 0 {
            return Err(HOUR.saturating_sub(now.saturating_duration_since(created.began)));
        }
        created.count += taken;
        Ok((taken, created.began))
    }

    /// Gives back what was taken in the hour that began then, and not used.
    pub(super) fn give_back(&self, count: u64, began: Instant) {
        let mut created = self.0.lock();
        if created.began == began {
            created.count = created.count.saturating_sub(count);
        }
    }
}

impl Created {
    fn roll(&mut self, now: Instant) {
        if self.count == 0 || now.saturating_duration_since(self.began) >= HOUR {
            *self = Self { began: now, count: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::time::Timestamp;

    #[test]
    fn an_hour_begins_with_the_first_and_what_is_given_back_can_be_taken_again() {
        let begun = Clock::manual(Timestamp::from_millis(0)).instant();
        let after = |minutes| begun + Duration::from_mins(minutes);
        let hour = Hour::new(begun);
        let (taken, first) = hour.take(8, 10, after(30)).unwrap();
        assert_eq!((taken, first), (8, after(30)));
        assert_eq!(hour.take(5, 10, after(40)).unwrap().0, 2);
        assert_eq!(hour.take(1, 10, after(50)), Err(Duration::from_mins(40)));
        hour.give_back(3, first);
        assert_eq!(hour.take(9, 10, after(60)).unwrap().0, 3);
        assert!(!hour.is_over(after(89)) && hour.is_over(after(90)));
        assert_eq!(hour.take(1, 10, after(90)).unwrap().0, 1);
        hour.give_back(5, first);
        assert_eq!(hour.take(10, 10, after(90)).unwrap().0, 9, "what is of another hour gives nothing back");
    }
}

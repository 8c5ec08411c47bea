//! Whether somebody is alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long somebody counts as there after a request. A page of the dashboard asks more often.
const PRESENT_FOR: Duration = Duration::from_secs(10);

/// Who was there last, and when it was somebody else. It fits into a few numbers because only two questions are asked:
/// whether there were two within a span, and whether there was one.
pub(super) struct Presence {
    since: Instant,
    last: AtomicU64,
    /// Nanoseconds from `since` until requests came from another than the one before; 0 for never.
    changed: AtomicU64,
    /// Nanoseconds until the last request, to a second; 0 for never.
    seen: AtomicU64,
}

/// How exactly it is known when somebody was there last.
const SEEN_EXACTLY: Duration = Duration::from_secs(1);

impl Presence {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, last: AtomicU64::new(0), changed: AtomicU64::new(0), seen: AtomicU64::new(0) }
    }

    /// Notes a request of whom this number stands for. Two with the same number by chance count as one, which is rare and
    /// harmless.
    pub(super) fn note(&self, number: u64, now: Instant) {
        // 0 is nobody.
        let number = number.max(1);
        if !self.was_within(&self.seen, SEEN_EXACTLY, now) {
            self.seen.store(self.nanos(now).max(1), Ordering::Relaxed);
        }
        // Only read while it is the same one, so that its requests share the memory of these numbers.
        if self.last.load(Ordering::Relaxed) == number {
            return;
        }
        if self.last.swap(number, Ordering::Relaxed) != 0 {
            self.changed.store(self.nanos(now).max(1), Ordering::Relaxed);
        }
    }

    /// Whether two were there in the last seconds.
    pub(super) fn is_crowded(&self, now: Instant) -> bool {
        self.was_within(&self.changed, PRESENT_FOR, now)
    }

    /// Whether anybody was.
    pub(super) fn is_anybody_there(&self, now: Instant) -> bool {
        self.was_within(&self.seen, PRESENT_FOR, now)
    }

    fn was_within(&self, moment: &AtomicU64, span: Duration, now: Instant) -> bool {
        let moment = moment.load(Ordering::Relaxed);
        moment != 0 && self.nanos(now).saturating_sub(moment) < span.as_nanos().try_into().unwrap_or(u64::MAX)
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.since).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::time::Timestamp;

    #[test]
    fn it_is_crowded_for_a_while_after_another_one_came() {
        let begun = Clock::manual(Timestamp::from_millis(0)).instant();
        let presence = Presence::new(begun);
        assert!(!presence.is_anybody_there(begun));
        for seconds in 0..60 {
            let now = begun + Duration::from_secs(seconds);
            presence.note(1, now);
            assert!(presence.is_anybody_there(now) && !presence.is_crowded(now));
        }
        let later = begun + Duration::from_mins(1);
        presence.note(2, later);
        assert!(presence.is_crowded(later));
        presence.note(1, later);
        assert!(presence.is_crowded(later + PRESENT_FOR / 2));
        assert!(!presence.is_crowded(later + PRESENT_FOR));
    }
}

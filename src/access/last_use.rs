//! When tokens and sessions were last used.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::time::Timestamp;

/// How exact the record of a token's last use is.
const USE_RECORDED_MILLIS: i64 = 60_000;

/// When something was last used, here and as the database has it: Unix milliseconds, to the minute; 0 for never.
pub(super) struct LastUse {
    used_at: AtomicI64,
    recorded_at: AtomicI64,
}

impl LastUse {
    /// Goes on from what the database says, and from what was known before.
    pub(super) fn new(recorded: Option<Timestamp>, before: Option<&Self>) -> Self {
        let recorded = recorded.map_or(0, Timestamp::millis);
        let used = before.map_or(0, |before| before.used_at.load(Ordering::Relaxed));
        Self { used_at: AtomicI64::new(used.max(recorded)), recorded_at: AtomicI64::new(recorded) }
    }

    pub(super) fn note(&self, now: Timestamp) {
        let minute = now.millis() - now.millis().rem_euclid(USE_RECORDED_MILLIS);
        // A plain load first: the line stays shared between cores for all but one request a minute.
        if self.used_at.load(Ordering::Relaxed) < minute {
            self.used_at.fetch_max(minute, Ordering::Relaxed);
        }
    }

    /// The last use, if the database has not got it; it is taken for recorded from then on.
    pub(super) fn take_unrecorded(&self) -> Option<Timestamp> {
        let used = self.used_at.load(Ordering::Relaxed);
        (self.recorded_at.swap(used, Ordering::Relaxed) < used).then(|| Timestamp::from_millis(used))
    }

    /// Takes nothing for recorded, since that failed.
    pub(super) fn unrecord(&self) {
        self.recorded_at.store(0, Ordering::Relaxed);
    }
}

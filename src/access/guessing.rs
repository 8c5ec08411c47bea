//! That somebody guesses, for the audit log: once for an address and hour, and no more than a few.
//!
//! A line for each attempt would let anybody fill the log, and the disk with it. How many there are is counted in the metrics
//! as answers of 401 and 429.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;

use super::Access;
use crate::clock::Clock;
use crate::store::{Actor, AuditAction, AuditEntry};

/// How long an address is not written down again.
const GUESSER_NOTED_EVERY: Duration = Duration::from_hours(1);

/// Addresses that are written down in that time; of more, the log of the server tells.
const GUESSERS_NOTED_MAX: usize = 60;

/// Who was written down lately.
pub(super) struct Guessers {
    /// Guards the list alone.
    noted: Mutex<(Instant, HashSet<String>)>,
}

impl Guessers {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { noted: Mutex::new((clock.instant(), HashSet::new())) }
    }

    /// Whether an address is to be written down now.
    fn is_news(&self, address: &str, now: Instant) -> bool {
        let mut noted = self.noted.lock();
        let (since, addresses) = &mut *noted;
        if now.saturating_duration_since(*since) >= GUESSER_NOTED_EVERY {
            *since = now;
            addresses.clear();
        }
        addresses.len() < GUESSERS_NOTED_MAX && addresses.insert(address.to_owned())
    }
}

impl Access {
    /// Writes down that an address has tried as many unknown tokens, sessions or codes as it may in a minute.
    pub fn note_guessing(&self, address: String, failures: u32) {
        if !self.guessers.is_news(&address, self.clock.instant()) {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            let actor = Actor::named("unknown", address.as_str());
            let entry =
                AuditEntry::of(AuditAction::SessionRefuse, address).after(json!({ "failuresInAMinute": failures }));
            store.audit_done(actor, entry).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn an_address_is_written_down_once_an_hour_and_only_so_many_are() {
        let clock = Clock::manual(Timestamp::from_millis(1_763_800_000_000));
        let guessers = Guessers::new(&clock);
        assert!(guessers.is_news("192.0.2.1", clock.instant()));
        assert!(!guessers.is_news("192.0.2.1", clock.instant()));
        let more = (0..1_000).filter(|host| guessers.is_news(&format!("2001:db8::{host}"), clock.instant()));
        assert_eq!(more.count(), GUESSERS_NOTED_MAX - 1);
        clock.advance(GUESSER_NOTED_EVERY);
        assert!(guessers.is_news("192.0.2.1", clock.instant()));
    }
}

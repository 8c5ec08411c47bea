//! The audit log's entries for addresses that failed to sign in too often: one for an address and hour, and no more
//! than a few. `http::auth::failed_sign_in_limit` counts and limits the attempts themselves.
//!
//! An entry for each attempt would let any client fill the log, and the disk with it. How many there are is counted in
//! the metrics as answers of 401 and 429.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;

use crate::clock::Clock;
use crate::store::{Actor, AuditAction, AuditEntry, Store};

/// How long an address is not written down again.
const ADDRESS_NOTED_EVERY: Duration = Duration::from_hours(1);

/// Addresses that are written down in that time; the server's own log has the others.
const ADDRESSES_NOTED_MAX: usize = 60;

/// Writes down which addresses failed to sign in too often.
pub(super) struct FailedSignInAudit {
    /// The addresses that were written down, and since when. The lock guards the list alone.
    noted: Mutex<(Instant, HashSet<String>)>,
}

impl FailedSignInAudit {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { noted: Mutex::new((clock.instant(), HashSet::new())) }
    }

    /// Writes down that an address has tried as many unknown tokens, sessions or codes as it may in a minute.
    pub(super) fn note(&self, store: &Store, address: String, failures: u32) {
        if !self.is_due(&address, store.clock().instant()) {
            return;
        }
        let store = store.clone();
        tokio::spawn(async move {
            let actor = Actor::named("unknown", address.as_str());
            let entry =
                AuditEntry::of(AuditAction::SessionRefuse, address).after(json!({ "failuresInAMinute": failures }));
            store.audit_done(actor, entry).await;
        });
    }

    /// Whether an address is to be written down now.
    fn is_due(&self, address: &str, now: Instant) -> bool {
        let mut noted = self.noted.lock();
        let (since, addresses) = &mut *noted;
        if now.saturating_duration_since(*since) >= ADDRESS_NOTED_EVERY {
            *since = now;
            addresses.clear();
        }
        addresses.len() < ADDRESSES_NOTED_MAX && addresses.insert(address.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn an_address_is_written_down_once_an_hour_and_only_so_many_are() {
        let clock = Clock::manual(Timestamp::from_millis(1_763_800_000_000));
        let audit = FailedSignInAudit::new(&clock);
        assert!(audit.is_due("192.0.2.1", clock.instant()));
        assert!(!audit.is_due("192.0.2.1", clock.instant()));
        let more = (0..1_000).filter(|host| audit.is_due(&format!("2001:db8::{host}"), clock.instant()));
        assert_eq!(more.count(), ADDRESSES_NOTED_MAX - 1);
        clock.advance(ADDRESS_NOTED_EVERY);
        assert!(audit.is_due("192.0.2.1", clock.instant()));
    }
}

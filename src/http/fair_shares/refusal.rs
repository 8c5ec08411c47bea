//! What a caller is refused that has its share already, in words and counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a caller is refused. [`Refusal::as_str`] is the reason in `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A read: too many of the same caller wait, or one waited too long.
    Reads,
    /// A write: the same.
    Writes,
    /// An event stream.
    EventStreams,
    /// An import or export.
    Transfers,
    /// New departments or employees.
    NewOwners,
}

impl Refusal {
    /// Every kind of refusal.
    pub const ALL: [Self; 5] = [Self::Reads, Self::Writes, Self::EventStreams, Self::Transfers, Self::NewOwners];

    /// The reason as it is counted.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::EventStreams => "event_streams",
            Self::Transfers => "transfers",
            Self::NewOwners => "new_owners",
        }
    }
}

/// How much was refused with 429, by reason.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub fn count(&self, refusal: Refusal) {
        self.0[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// All reasons, each with how often it was given.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.into_iter().map(|refusal| (refusal.as_str(), self.0[refusal as usize].load(Ordering::Relaxed)))
    }
}

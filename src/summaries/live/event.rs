//! The events of the stream.

use std::sync::Arc;

use serde::Serialize;

/// An event, serialised once for all listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    /// Its kind.
    pub name: EventName,
    /// The position of a listener after it: everything up to this revision was sent.
    pub revision: Option<i64>,
    /// Its data, a JSON object.
    pub data: String,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName {
    /// The counters of the last second.
    Sample,
    /// Scopes have new revisions, so their summaries may have changed.
    Publication,
    /// The cache's configuration changed.
    Configuration,
    /// The stream has a gap: the client must reload everything.
    Reset,
}

impl EventName {
    /// The name in the stream.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Publication => "publication",
            Self::Configuration => "configuration",
            Self::Reset => "reset",
        }
    }
}

/// Why a client must reload everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ResetReason {
    /// The listener was too slow, and events were skipped.
    Overflow,
    /// The position of the client does not exist in this database.
    UnknownPosition,
    /// The database was replaced.
    DatabaseExchanged,
    /// The missed publications cannot be read.
    Unreadable,
}

#[derive(Debug, Serialize)]
struct ConfigurationData {
    version: u64,
}

#[derive(Debug, Serialize)]
struct ResetData {
    reason: ResetReason,
}

impl LiveEvent {
    pub(super) fn new(name: EventName, revision: Option<i64>, data: &impl Serialize) -> Arc<Self> {
        // Structs of strings and numbers can always be serialised.
        Arc::new(Self { name, revision, data: serde_json::to_string(data).unwrap_or_default() })
    }

    /// The event that makes a client reload everything and continue from this revision.
    #[must_use]
    pub fn reset(revision: i64, reason: ResetReason) -> Arc<Self> {
        Self::new(EventName::Reset, Some(revision), &ResetData { reason })
    }

    pub(super) fn configuration(version: u64) -> Arc<Self> {
        Self::new(EventName::Configuration, None, &ConfigurationData { version })
    }
}

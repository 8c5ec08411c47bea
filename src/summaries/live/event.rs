//! The events of the stream, as they are written.

use std::sync::Arc;

use serde::Serialize;

/// Something that happened, serialised once for all listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    /// What kind of thing.
    pub name: EventName,
    /// The position that a listener has reached with it: everything up to this revision has been sent.
    pub revision: Option<i64>,
    /// A JSON object that says all.
    pub data: String,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName {
    /// The counters of the last second.
    Sample,
    /// Scopes drew revisions: their summaries may have changed.
    Publication,
    /// The cache's configuration changed.
    Configuration,
    /// The stream has a gap: load everything anew.
    Reset,
}

impl EventName {
    /// The name as it is written.
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

/// Why a listener has to load everything anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ResetReason {
    /// The listener was too slow, and something was passed over.
    Overflow,
    /// The position that the listener comes back with is none of this database.
    UnknownPosition,
    /// The database is another one than before.
    DatabaseExchanged,
    /// What was missed cannot be read just now.
    Unreadable,
}

#[derive(Debug, Serialize)]
struct ConfigurationData {
    version: u64,
}

#[derive(Debug, Serialize)]
struct ResetData {
    revision: i64,
    reason: ResetReason,
}

impl LiveEvent {
    pub(super) fn new(name: EventName, revision: Option<i64>, data: &impl Serialize) -> Arc<Self> {
        // Plain structs of texts and numbers always serialise.
        Arc::new(Self { name, revision, data: serde_json::to_string(data).unwrap_or_default() })
    }

    /// The order to load everything anew, and to go on from this revision.
    #[must_use]
    pub fn reset(revision: i64, reason: ResetReason) -> Arc<Self> {
        Self::new(EventName::Reset, Some(revision), &ResetData { revision, reason })
    }

    pub(super) fn configuration(version: u64) -> Arc<Self> {
        Self::new(EventName::Configuration, None, &ConfigurationData { version })
    }
}

//! The type of the cache of summaries.

use super::body::SummaryBody;
use super::key::SummaryKey;
use crate::cache::{Cache, Served};
use crate::store::StoreError;
use crate::what_if::Recorder;

/// The cache of summaries, whose accesses are recorded.
pub type SummaryCache = Cache<SummaryKey, SummaryBody, StoreError, Recorder<SummaryKey>>;

/// An answer from the cache or from a load.
pub type ServedSummary = Served<SummaryBody>;

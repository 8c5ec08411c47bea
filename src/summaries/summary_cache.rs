//! The cache of summaries, by its types.

use super::body::SummaryBody;
use super::key::SummaryKey;
use crate::cache::{Cache, Served};
use crate::store::StoreError;
use crate::what_if::Recorder;

/// The cache of summaries.
pub type SummaryCache = Cache<SummaryKey, SummaryBody, StoreError, Recorder<SummaryKey>>;

/// An answer and how it came to be.
pub type ServedSummary = Served<SummaryBody>;

//! The cache of summaries, by its types.

use super::body::SummaryBody;
use super::key::SummaryKey;
use crate::cache::{Cache, Served};
use crate::store::StoreError;

/// The cache of summaries.
pub type SummaryCache = Cache<SummaryKey, SummaryBody, StoreError>;

/// An answer and how it came to be.
pub type ServedSummary = Served<SummaryBody>;

//! Why there is no summary.

use thiserror::Error;

use crate::cache::LoadError;
use crate::store::StoreError;

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub enum SummaryError {
    /// An error of the store, for example that the enterprise does not exist.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The load ended without an answer.
    #[error(transparent)]
    Load(LoadError<StoreError>),
}

impl From<LoadError<StoreError>> for SummaryError {
    fn from(error: LoadError<StoreError>) -> Self {
        match error {
            LoadError::Failed(error) => Self::Store(StoreError::clone(&error)),
            error => Self::Load(error),
        }
    }
}

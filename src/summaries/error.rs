//! Why there is no summary.

use thiserror::Error;

use crate::cache::LoadError;
use crate::store::StoreError;

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub enum SummaryError {
    /// The store's own reason, that there is nothing of that name included.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The load ended without one.
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

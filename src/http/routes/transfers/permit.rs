//! How many imports and exports may run at once.

use std::sync::atomic::Ordering;

use tokio::sync::OwnedSemaphorePermit;

use crate::http::error::ApiError;
use crate::http::state::AppState;

/// Seconds after which another import or export may have ended.
const BUSY_RETRY_SECS: u64 = 5;

/// Leave to run an import or export, or the refusal that asks to try again.
pub(super) fn transfer_permit(state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    state.transfers.clone().try_acquire_owned().map_err(|_| {
        state.meters.shed.transfers.fetch_add(1, Ordering::Relaxed);
        ApiError::unavailable("Too many imports and exports run at the moment; try again", BUSY_RETRY_SECS)
    })
}

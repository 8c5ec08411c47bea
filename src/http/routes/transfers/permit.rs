//! How many imports and exports may run at once, and in whose turns.

use std::sync::Arc;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fair_shares::{Place, PlaceKind};
use crate::http::state::AppState;
use crate::intake::Party;

/// Leave to run an import or export in the caller's share, or the refusal that asks to try again.
pub(super) fn transfer_permit(state: &AppState, caller: &Caller) -> Result<Place, ApiError> {
    state.share_of(caller).place(PlaceKind::Transfer, &state.transfers, &state.meters.shed.transfers)
}

/// Whose import or export it is: each piece of it waits for the caller's turn.
pub(super) fn party(state: &AppState, caller: &Caller) -> Party {
    Party { actor: caller.actor(), client: Some(Arc::new(state.share_of(caller))) }
}

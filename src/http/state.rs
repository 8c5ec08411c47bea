//! What every handler can reach.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRef;

use super::assets::Asset;
use super::settings::HttpSettings;
use crate::clock::Clock;

/// What every handler can reach. Cloning it is cheap: axum does so for each request.
#[derive(Clone)]
pub struct AppState {
    /// Time, for timestamps of answers.
    pub clock: Clock,
    /// The limits of the HTTP layer.
    pub settings: Arc<HttpSettings>,
    /// The OpenAPI document, which exists once all routes do.
    pub(super) document: Arc<OnceLock<Asset>>,
}

impl AppState {
    /// The state of a server with these settings.
    #[must_use]
    pub fn new(settings: HttpSettings, clock: Clock) -> Self {
        Self { clock, settings: Arc::new(settings), document: Arc::default() }
    }
}

impl FromRef<AppState> for Arc<HttpSettings> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.settings)
    }
}

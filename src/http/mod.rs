//! The REST API and the pages: the only module that names axum.
//!
//! Every path is on the one screen of [`table`](fn@routes). Around each route stands its [`guard`], around all of them the
//! [`envelope`]. In reading order:
//!
//! - [`settings`]: limits, each with its unit and its reason.
//! - [`server`]: connections.
//! - [`envelope`], [`request_id`]: what surrounds every request.
//! - [`error`]: the one way in which a request fails.
//! - [`table`], [`guard`], [`auth`]: who may do what, so that no route can forget to ask.
//! - [`extract`]: what handlers take from a request.
//! - [`openapi`], [`assets`]: the document and the files of the binary.
//! - [`state`], [`routes`](mod@routes): the handlers.

pub mod assets;
pub mod auth;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod guard;
mod openapi;
pub mod request_id;
pub mod routes;
pub mod server;
pub mod settings;
pub mod state;
pub mod table;

use std::sync::Arc;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::routes;

pub use self::auth::{Caller, Tokens};
pub use self::error::ApiError;
pub use self::guard::Within;
pub use self::server::serve;
pub use self::settings::{CorsOrigin, HttpSettings};
pub use self::state::AppState;

use self::auth::Gate;
use self::envelope::Envelope;
use self::request_id::X_REQUEST_ID;
use self::routes::service;
use self::table::RouteTable;

/// Every path of the API, with who may use it. Each is also found under `/api`.
fn all_routes(table: RouteTable<AppState>) -> RouteTable<AppState> {
    table.public(routes!(service::health)).public(routes!(service::openapi))
}

/// The whole HTTP side of Muster as one service: routes behind their guards, pages, and the envelope around them.
///
/// Fails only if the binary itself is broken, such as by a file that is missing from it.
pub fn app(state: AppState, tokens: Arc<dyn Tokens>) -> Result<Router, ApiError> {
    let gate = Arc::new(Gate::new(tokens, &state.settings, state.clock.clone()));
    let (api, document) = all_routes(RouteTable::new(gate, &state.settings)).finish();
    let _ = state.document.set(openapi::asset(&document)?);
    let mut app = api.merge(assets::routes()?);
    if !state.settings.cors_origins.is_empty() {
        app = app.layer(cors(&state.settings.cors_origins));
    }
    Ok(app.layer(Envelope::new(state.clock.clone())).with_state(state))
}

/// Lets pages of these origins call the API, with a token and never with cookies.
fn cors(origins: &[CorsOrigin]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().map(|origin| origin.header().clone()).collect();
    let idempotency_key = HeaderName::from_static("idempotency-key");
    let cache_status = HeaderName::from_static("cache-status");
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, idempotency_key])
        .expose_headers([ETAG, cache_status, X_REQUEST_ID])
}

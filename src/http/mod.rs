//! The REST API and the pages: the only module that names axum.
//!
//! Every path is on the one screen of `route_list`. Around each route is its [`guard`], around all of them the
//! [`request_layer`]; `router` puts them together. In reading order:
//!
//! - [`options`]: the settings, and the limits that no setting changes.
//! - `handler`: the router as the server calls it.
//! - `api_root`: `/` and `/api`; `base_path` puts all of it below a path.
//! - [`error`]: the one way in which a request fails.
//! - [`guarded_router`], [`guard`], [`auth`]: who may do what, so that no route can forget to ask.
//! - [`fair_shares`]: what one caller may have of everything that callers compete for.
//! - [`extract`]: what handlers take from a request; [`answer`]: how they answer.
//! - `negotiation`, `cached_response`, `gzip_json`: which answer a client has already, answers from the cache,
//!   compression.
//! - [`meters`], [`route_meters`]: what is counted; [`mod@metrics`]: how Prometheus reads it.
//! - `openapi`, `openapi_schemas`, [`field_types`], [`assets`]: the document and the files of the binary.
//! - [`state`], [`readiness`], [`mod@routes`]: the handlers and what they share.

mod access_log;
pub mod answer;
mod api_root;
pub mod assets;
pub mod auth;
mod base_path;
mod cached_response;
pub mod error;
pub mod extract;
pub mod fair_shares;
pub mod field_types;
pub mod guard;
pub mod guarded_router;
mod gzip_json;
mod handler;
pub mod meters;
pub mod metrics;
mod negotiation;
mod openapi;
mod openapi_schemas;
pub mod options;
pub mod readiness;
pub mod request_id;
pub mod request_layer;
mod route_list;
pub mod route_meters;
mod router;
pub mod routes;
mod security_headers;
pub mod state;

pub use self::auth::Caller;
pub use self::error::ApiError;
pub use self::guard::Within;
pub use self::handler::RouterHandler;
pub use self::options::{HttpLimits, HttpOptions};
pub use self::router::router;
pub use self::state::AppState;

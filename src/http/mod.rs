//! The REST API and the pages: the only module that names axum.
//!
//! Every path is on the one screen of `route_list`. Around each route is its [`guard`], around all of them the
//! [`envelope`]; `router` puts them together. In reading order:
//!
//! - [`settings`]: limits, each with its unit and its reason.
//! - `handler`: the router as the server calls it.
//! - [`envelope`], [`request_id`]: what surrounds every request.
//! - `api_root`: `/` and `/api`; `base_path` puts all of it below a path.
//! - [`error`]: the one way in which a request fails.
//! - [`guarded_router`], [`guard`], [`auth`]: who may do what, so that no route can forget to ask.
//! - [`extract`]: what handlers take from a request; [`answer`]: how they answer.
//! - `negotiation`, `cached`: which answer a client has already, and answers from the cache.
//! - [`meters`], [`route_meters`]: what is counted; [`mod@metrics`]: how Prometheus reads it.
//! - `openapi`, [`schemas`], [`assets`]: the document and the files of the binary.
//! - [`state`], [`readiness`], [`mod@routes`]: the handlers and what they share.

pub mod answer;
mod api_root;
pub mod assets;
pub mod auth;
mod base_path;
mod cached;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod guard;
pub mod guarded_router;
mod handler;
pub mod meters;
pub mod metrics;
mod negotiation;
mod openapi;
mod packed;
pub mod readiness;
pub mod request_id;
mod route_list;
pub mod route_meters;
mod router;
pub mod routes;
pub mod schemas;
pub mod settings;
pub mod state;

pub use self::auth::Caller;
pub use self::error::ApiError;
pub use self::guard::Within;
pub use self::handler::RouterHandler;
pub use self::router::router;
pub use self::settings::HttpSettings;
pub use self::state::AppState;

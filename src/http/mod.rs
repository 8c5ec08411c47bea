//! The REST API and the pages: the only module that names axum.
//!
//! Every path is on the one screen of `all_routes`. Around each route stands its [`guard`], around all of them the
//! [`envelope`]. In reading order:
//!
//! - [`settings`]: limits, each with its unit and its reason.
//! - [`server`] accepts, bounds and ends connections: `heads` that do not come, and `quiet` waiting for what hardly ever
//!   happens; `linger` takes in what nobody reads, `outflow` cuts
//!   who does not read, [`patience`] is what transfers have; `crowd` counts each address' connections; [`tls`] is the certificate and the handshake.
//! - [`forwarded`]: where a request comes from, behind proxies too.
//! - [`envelope`], [`request_id`]: what surrounds every request.
//! - `api_root`: `/` and `/api`; `base_path` puts all of it below a path.
//! - [`error`]: the one way in which a request fails.
//! - [`table`], [`guard`], [`auth`]: who may do what, so that no route can forget to ask.
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
mod crowd;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod forwarded;
pub mod guard;
mod heads;
mod linger;
pub mod meters;
pub mod metrics;
mod negotiation;
mod openapi;
mod outflow;
mod packed;
pub mod patience;
mod quiet;
pub mod readiness;

pub mod request_id;
pub mod route_meters;
pub mod routes;
pub mod schemas;
pub mod server;
pub mod settings;
pub mod state;
pub mod table;
pub mod tls;
pub mod tls_probe;

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
pub use self::settings::HttpSettings;
pub use self::state::AppState;

use self::envelope::Envelope;
use self::request_id::X_REQUEST_ID;
use self::routes::{
    audit, backup, cache_config, contacts, departments, details, employees, enterprises, service, sessions, summaries,
    tokens, transfers,
};
use self::routes::{cache, cache_entries, cache_events, cache_warm};
use self::routes::{cache_analytics, cache_what_if};
use self::table::RouteTable;
use crate::config::WebOrigin;
use crate::domain::access::Role;

/// Every path of the API, with who may use it. Each is also found under `/api`.
#[rustfmt::skip]
fn all_routes(table: RouteTable<AppState>) -> RouteTable<AppState> {
    use Role::{Admin, Contributor, Manager, Viewer};
    use Within::{Enterprise, Installation, Reach};
    table
        .may(Viewer, Enterprise, routes!(summaries::enterprise))
        .may(Viewer, Enterprise, routes!(summaries::department))
        .may(Viewer, Enterprise, routes!(details::enterprise))
        .may(Viewer, Enterprise, routes!(details::department))
        .may(Viewer, Reach, routes!(enterprises::list))
        .may(Admin, Installation, routes!(enterprises::create))
        .may(Viewer, Enterprise, routes!(enterprises::get))
        .may(Admin, Enterprise, routes!(enterprises::change))
        .may(Admin, Enterprise, routes!(enterprises::remove))
        .may(Admin, Enterprise, routes!(enterprises::restore))
        .may(Viewer, Enterprise, routes!(departments::list))
        .may(Manager, Enterprise, routes!(departments::create))
        .may(Viewer, Enterprise, routes!(departments::get))
        .may(Manager, Enterprise, routes!(departments::change))
        .may(Manager, Enterprise, routes!(departments::remove))
        .may(Manager, Enterprise, routes!(departments::restore))
        .may(Viewer, Enterprise, routes!(employees::list_all))
        .may(Viewer, Enterprise, routes!(employees::list))
        .may(Manager, Enterprise, routes!(employees::create))
        .may(Viewer, Enterprise, routes!(employees::get))
        .may(Manager, Enterprise, routes!(employees::change))
        .may(Manager, Enterprise, routes!(employees::remove))
        .may(Manager, Enterprise, routes!(employees::restore))
        .may(Contributor, Reach, routes!(contacts::add))
        .may(Contributor, Reach, routes!(contacts::save))
        .may(Viewer, Reach, routes!(contacts::list))
        .may(Viewer, Reach, routes!(contacts::get))
        .may(Contributor, Reach, routes!(contacts::change))
        .may(Contributor, Reach, routes!(contacts::remove))
        .may_stream(Manager, Enterprise, routes!(transfers::import))
        .may_stream(Manager, Enterprise, routes!(transfers::export))
        .may(Viewer, Installation, routes!(cache_config::get))
        .may(Admin, Installation, routes!(cache_config::change))
        .may(Viewer, Installation, routes!(cache_config::history))
        .may(Admin, Installation, routes!(cache_config::revert))
        .may(Viewer, Installation, routes!(cache::stats))
        .may(Admin, Installation, routes!(cache::clear))
        .may(Admin, Installation, routes!(cache::clear_departments))
        .may(Admin, Installation, routes!(cache::clear_enterprise))
        .may(Viewer, Installation, routes!(cache_entries::list))
        .may(Admin, Installation, routes!(cache_entries::remove))
        .may(Admin, Installation, routes!(cache_warm::warm))
        .may_stream(Viewer, Installation, routes!(cache_events::watch))
        .may(Viewer, Installation, routes!(cache_analytics::get))
        .may(Viewer, Installation, routes!(cache_what_if::get))
        .may(Admin, Installation, routes!(tokens::list))
        .may(Admin, Installation, routes!(tokens::create))
        .may(Admin, Installation, routes!(tokens::revoke))
        .may(Admin, Installation, routes!(sessions::list))
        .may(Admin, Installation, routes!(sessions::revoke))
        .may(Viewer, Reach, routes!(sessions::current))
        .may(Viewer, Reach, routes!(sessions::sign_out))
        .public(routes!(sessions::sign_in))
        .may(Viewer, Installation, routes!(routes::metrics::scrape))
        .may(Admin, Installation, routes!(audit::list))
        .may(Admin, Installation, routes!(backup::get))
        .may(Admin, Installation, routes!(backup::create))
        .public(routes!(service::health))
        .public(routes!(service::ready))
        .public(routes!(service::openapi))
}

/// The whole HTTP side of Muster as one service: routes behind their guards, pages, and the envelope around them.
///
/// Fails only if the binary itself is broken, such as by a file that is missing from it.
pub fn app(state: AppState) -> Result<Router, ApiError> {
    let (api, document) = all_routes(RouteTable::new(Arc::clone(&state.gate), &state.settings)).finish();
    let _ = state.document.set(openapi::asset(&document)?);
    let mut app = api.merge(assets::routes()?);
    if !state.settings.cors_origins.is_empty() {
        app = app.layer(cors(&state.settings.cors_origins));
    }
    // Below a base path the host is others', too, and whether all of it comes by TLS alone is not for this server to say.
    let has_tls_host = state.settings.is_https() && state.settings.base_path.is_none();
    let envelope = Envelope::new(state.clock.clone(), Arc::clone(&state.meters.routes), has_tls_host);
    let base = state.settings.base_path.clone();
    let app = app.layer(envelope.clone()).with_state(state);
    Ok(match base {
        Some(base) => base_path::below(&base, app, envelope),
        None => app,
    })
}

/// Lets pages of these origins call the API, with a token and never with cookies.
fn cors(origins: &[WebOrigin]) -> CorsLayer {
    // An origin is of visible ASCII characters, so each becomes a header's value.
    let origins: Vec<_> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok()).collect();
    let idempotency_key = HeaderName::from_static("idempotency-key");
    let cache_status = HeaderName::from_static("cache-status");
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, idempotency_key])
        .expose_headers([ETAG, cache_status, X_REQUEST_ID])
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::response::Response;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use tokio_util::sync::CancellationToken;

    use super::auth::tests::sample_clock;
    use super::*;
    use crate::access::Access;
    use crate::backups::Backups;
    use crate::config::BackupSettings;
    use crate::store::{Mode, Store, StoreOptions};
    use crate::summaries::Summaries;

    fn backup_settings(dir: &std::path::Path) -> BackupSettings {
        BackupSettings { every: None, keep: 1, dir: dir.join("backups") }
    }

    async fn send(request: axum::http::request::Builder) -> (Response, Value) {
        let cors_origins = vec![WebOrigin::parse("https://app.example").unwrap()];
        let settings = HttpSettings { cors_origins, ..HttpSettings::default() };
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "a test"), sample_clock()).unwrap();
        let access = Access::open(&store).unwrap();
        let summaries = Summaries::open(&store).unwrap();
        let backups = Backups::open(&store, &backup_settings(dir.path())).unwrap();
        let state = AppState::new(settings, store, access, summaries, backups, CancellationToken::new());
        let app = app(state).unwrap();
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, Body::empty()), serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn the_service_tells_about_itself() {
        for path in ["/healthz", "/api/healthz"] {
            let (response, body) = send(Request::get(path)).await;
            assert_eq!(response.status(), 200);
            assert_eq!((&body["success"], &body["status"]), (&true.into(), &"alive".into()));
        }
        for path in ["/openapi.json", "/api/openapi.json"] {
            let (response, body) = send(Request::get(path)).await;
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(body["info"]["license"]["identifier"], "MIT");
            assert_eq!(body["paths"]["/healthz"]["get"]["tags"][0], "service");
            assert_eq!(body["paths"].get("/"), None, "static files are no part of the API");
        }
    }

    #[tokio::test]
    async fn nothing_is_there_unless_it_is_in_the_table() {
        for path in ["/nowhere", "/api", "/api/", "/api/style.css", "/style.css/", "//", "/%FF"] {
            let (response, body) = send(Request::get(path)).await;
            assert_eq!((response.status().as_u16(), &body["status"]), (404, &404.into()), "{path}");
        }
        let (response, body) = send(Request::post("/")).await;
        assert_eq!((response.status().as_u16(), &body["status"]), (405, &405.into()));
        assert_eq!(response.headers()["allow"], "GET,HEAD");
    }

    #[tokio::test]
    async fn pages_of_allowed_origins_may_call() {
        let (response, _) = send(Request::get("/healthz").header("origin", "https://app.example")).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
        let (response, _) = send(Request::get("/nowhere").header("origin", "https://app.example")).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
        let (response, _) = send(Request::get("/healthz").header("origin", "https://evil.example")).await;
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        let preflight = Request::options("/enterprise/acme")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "authorization,if-match");
        let (response, _) = send(preflight).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
    }
}

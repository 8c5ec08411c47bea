//! The HTTP side of the server as one router: the routes of the API, the pages, CORS, the outermost layer and the base
//! path.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::error::ApiError;
use super::guarded_router::GuardedRouter;
use super::request_id::X_REQUEST_ID;
use super::request_layer::RequestLayer;
use super::route_list::all_routes;
use super::state::AppState;
use super::{assets, base_path, openapi};
use crate::config::WebOrigin;

/// The API behind its guards, the pages, and the layers around all of them.
///
/// Fails only if the binary itself is broken, such as by a file that is missing from it.
pub fn router(state: AppState) -> Result<Router, ApiError> {
    let router = GuardedRouter::new(Arc::clone(&state.authenticator), state.shares.clone(), &state.settings);
    let (api, document) = all_routes(router).finish();
    let _ = state.document.set(openapi::asset(document)?);
    let mut app = api.merge(assets::routes()?);
    if !state.settings.cors_origin.is_empty() {
        app = app.layer(cors(&state.settings.cors_origin));
    }
    // Below a base path the host has other servers, too, and this one cannot promise TLS for all of it.
    let has_tls_host = state.is_https && state.settings.base_path.is_none();
    let layer = RequestLayer::new(state.clock.clone(), Arc::clone(&state.meters.routes), has_tls_host);
    let base = state.settings.base_path.clone();
    let app = app.layer(layer.clone()).with_state(state);
    Ok(match base {
        Some(base) => base_path::below(&base, app, layer),
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

    use super::*;
    use crate::access::Access;
    use crate::backups::Backups;
    use crate::config::{BackupSettings, HttpSettings, ServerSettings};
    use crate::http::auth::sample_access::sample_clock;
    use crate::http::options::HttpOptions;
    use crate::server::Server;
    use crate::store::{Mode, Store, StoreOptions};
    use crate::summaries::Summaries;

    async fn send(request: axum::http::request::Builder) -> (Response, Value) {
        let cors_origin = vec![WebOrigin::parse("https://app.example").unwrap()];
        let settings = HttpSettings { cors_origin, ..HttpSettings::default() };
        let options = HttpOptions { settings, ..HttpOptions::default() };
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "a test"), sample_clock()).unwrap();
        let access = Access::open(&store).unwrap();
        let server = Server::new(ServerSettings::default(), store.clock().now()).unwrap();
        let summaries = Summaries::open(&store).unwrap();
        let backups = Backups::open(&store, &BackupSettings::default()).unwrap();
        let state = AppState::new(options, server, store, access, summaries, backups, CancellationToken::new());
        let app = router(state).unwrap();
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

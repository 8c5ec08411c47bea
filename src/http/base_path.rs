//! Serving below a base path: a proxy shares one host among several servers and passes their paths on as they are.
//!
//! Everything that is found at `/…` is found at `/muster/…` instead. The path is taken off before routing, so that
//! routes, their labels in the metrics and what they answer are the same with it and without. Outside of it there are
//! only the two probes, for clients that bypass the proxy: a service manager, or a load balancer that requests the port
//! itself. The base path without the slash at its end, as people type it, is redirected to the dashboard.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::http::header::LOCATION;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use tower::Service;

use super::error::ApiError;
use super::request_layer::RequestLayer;
use crate::config::BasePath;

/// What is also found outside of the base path.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Puts a whole server below a base path.
pub(super) fn below(base: &BasePath, inside: Router, layer: RequestLayer) -> Router {
    let base_path = base.clone();
    let outside = Router::new().fallback(async move |uri: Uri| outside(&base_path, &uri)).layer(layer);
    Router::new().fallback_service(Below { base: base.clone(), inside, outside })
}

/// What is answered outside of the base path.
fn outside(base: &BasePath, uri: &Uri) -> Response {
    if uri.path() == base.as_str() {
        let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
        // Both are made of what a header may hold.
        if let Ok(location) = HeaderValue::try_from(format!("{base}/{query}")) {
            return (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response();
        }
    }
    ApiError::not_found_saying(format!("There is nothing at this path; everything is below {base}/")).into_response()
}

/// Decides where a request goes.
#[derive(Clone)]
struct Below {
    base: BasePath,
    inside: Router,
    outside: Router,
}

impl Service<Request> for Below {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routers are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if PROBES.contains(&request.uri().path()) {
            return self.inside.call(request);
        }
        match stripped(&self.base, request.uri()) {
            Some(uri) => {
                *request.uri_mut() = uri;
                self.inside.call(request)
            }
            None => self.outside.call(request),
        }
    }
}

/// The address without the base path; `None` where it is not below it.
fn stripped(base: &BasePath, uri: &Uri) -> Option<Uri> {
    let rest = base.strip(uri.path_and_query()?.as_str())?;
    let rest = PathAndQuery::try_from(rest).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_taken_off_and_all_else_stays() {
        let base = BasePath::parse("/muster").unwrap();
        let check = |uri: &str, expected: Option<&str>| {
            let stripped = stripped(&base, &uri.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(stripped.as_deref(), expected, "{uri}");
        };
        check("/muster/", Some("/"));
        check("/muster/enterprise/a%2Fb?limit=1&cursor=/muster/", Some("/enterprise/a%2Fb?limit=1&cursor=/muster/"));
        check("/muster/muster/", Some("/muster/"));
        check("http://host.example/muster/docs", Some("http://host.example/docs"));
        check("/muster", None);
        check("/muster?x=/muster/", None);
        check("/musters/", None);
        check("/", None);
        check("*", None);
    }
}

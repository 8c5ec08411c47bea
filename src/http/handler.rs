//! The router as the server calls it.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::Request;
use axum::routing::future::RouteFuture;
use tower::Service;

use crate::server::{BodyDrain, Handler};

/// Answers the requests of a server with a router.
#[derive(Clone)]
pub struct RouterHandler(pub Router);

impl Handler for RouterHandler {
    type Body = Body;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: Request<BodyDrain>) -> RouteFuture<Infallible> {
        // A body is boxed; most requests have none.
        let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        self.0.clone().call(request)
    }
}

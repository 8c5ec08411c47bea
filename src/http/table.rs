//! The route table: the only way to add a route, so that none can forget its check.
//!
//! Each route is entered with who may use it and ends up behind a [`Guard`]; at `/…` and the same at `/api/…`; and in
//! the OpenAPI document, once, with its security, its role, its path parameters and the problem response.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::auth::Gate;
use super::guard::{Access, Guard, Within};
use super::openapi;
use super::settings::HttpSettings;
use crate::domain::access::Role;

/// Under which every route is found a second time, for clients that expect it there.
const SECOND_ROOT: &str = "/api";

/// Routes with their checks, in the making.
pub struct RouteTable<S> {
    router: OpenApiRouter<S>,
    gate: Arc<Gate>,
    request_time_max: Duration,
}

impl<S: Clone + Send + Sync + 'static> RouteTable<S> {
    /// An empty table whose routes are guarded by this gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>, settings: &HttpSettings) -> Self {
        let router = OpenApiRouter::with_openapi(openapi::preface());
        Self { router, gate, request_time_max: settings.request_time_max }
    }

    /// Routes that need no token.
    #[must_use]
    pub fn public(self, routes: UtoipaMethodRouter<S>) -> Self {
        let time_max = Some(self.request_time_max);
        self.add(Access::Public, time_max, routes)
    }

    /// Routes that tokens with at least this role may use, within the limits of the token.
    #[must_use]
    pub fn may(self, role: Role, within: Within, routes: UtoipaMethodRouter<S>) -> Self {
        let time_max = Some(self.request_time_max);
        self.add(Access::Token(role, within), time_max, routes)
    }

    /// The same for routes that stream a body of any size in or out: the handler bounds its own time and size.
    #[must_use]
    pub fn may_stream(self, role: Role, within: Within, routes: UtoipaMethodRouter<S>) -> Self {
        self.add(Access::Token(role, within), None, routes)
    }

    fn add(mut self, access: Access, time_max: Option<Duration>, routes: UtoipaMethodRouter<S>) -> Self {
        let (schemas, mut paths, methods) = routes;
        // Only the methods themselves: what this path does not take is told to everyone alike.
        let methods = methods.route_layer(Guard { gate: Arc::clone(&self.gate), access, time_max });
        for (path, item) in &mut paths.paths {
            openapi::complete(path, item, access);
            self.router = self.router.route(&format!("{SECOND_ROOT}{path}"), methods.clone());
        }
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// The routes, and the document that describes them.
    #[must_use]
    pub fn finish(self) -> (Router<S>, OpenApi) {
        self.router.split_for_parts()
    }
}

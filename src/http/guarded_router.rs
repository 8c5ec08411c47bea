//! The only way to add a route: behind its guard, so that none can forget its check.
//!
//! Each route is entered with who may use it and ends up behind a [`Guard`]; at `/…` and the same at `/api/…`; and in
//! the OpenAPI document, once, with its security, its role, its path parameters and the problem response.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::api_root::SECOND_ROOT;
use super::auth::Authenticator;
use super::fair_shares::FairShares;
use super::guard::{Guard, RouteAccess, Within};
use super::openapi;
use crate::config::HttpSettings;
use crate::domain::access::Role;

/// Routes with their checks, in the making.
pub struct GuardedRouter<S> {
    router: OpenApiRouter<S>,
    authenticator: Arc<Authenticator>,
    shares: FairShares,
    request_timeout: Duration,
}

impl<S: Clone + Send + Sync + 'static> GuardedRouter<S> {
    /// A router without routes yet, whose routes ask this authenticator who is calling, and serve each in its share.
    #[must_use]
    pub fn new(authenticator: Arc<Authenticator>, shares: FairShares, settings: &HttpSettings) -> Self {
        let router = OpenApiRouter::with_openapi(openapi::preface(settings.base_path.as_ref()));
        Self { router, authenticator, shares, request_timeout: settings.request_timeout }
    }

    /// Routes that need no token.
    #[must_use]
    pub fn public(self, routes: UtoipaMethodRouter<S>) -> Self {
        let time_max = Some(self.request_timeout);
        self.add(RouteAccess::Public, time_max, routes)
    }

    /// Routes that tokens with at least this role may use, within the limits of the token.
    #[must_use]
    pub fn may(self, role: Role, within: Within, routes: UtoipaMethodRouter<S>) -> Self {
        let time_max = Some(self.request_timeout);
        self.add(RouteAccess::Token(role, within), time_max, routes)
    }

    /// The same for routes that stream a body of any size in or out: the handler bounds its own time and size.
    #[must_use]
    pub fn may_stream(self, role: Role, within: Within, routes: UtoipaMethodRouter<S>) -> Self {
        self.add(RouteAccess::Token(role, within), None, routes)
    }

    fn add(mut self, access: RouteAccess, time_max: Option<Duration>, routes: UtoipaMethodRouter<S>) -> Self {
        let (schemas, mut paths, methods) = routes;
        // Only the methods themselves: a method that this path does not take is answered 405 without a token, too.
        let (authenticator, shares) = (Arc::clone(&self.authenticator), self.shares.clone());
        let methods = methods.route_layer(Guard { authenticator, shares, access, time_max });
        for (path, item) in &mut paths.paths {
            openapi::complete(path, item, access);
            self.router = self.router.route(&format!("{SECOND_ROOT}{path}"), methods.clone());
        }
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// The routes, and the document that describes them.
    pub fn finish(self) -> (Router<S>, OpenApi) {
        self.router.split_for_parts()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, Response};
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;
    use utoipa_axum::routes;

    use super::*;
    use crate::http::auth::Caller;
    use crate::http::auth::sample_access::{SampleAccess, sample_clock};
    use crate::http::error::ApiError;
    use crate::http::extract::Json;
    use crate::http::fair_shares::Totals;
    use crate::http::options::HttpLimits;
    use crate::http::request_layer::RequestLayer;

    #[utoipa::path(get, path = "/open", responses((status = 200)))]
    async fn open() -> &'static str {
        "open"
    }

    #[utoipa::path(get, path = "/enterprise/{enterpriseId}", responses((status = 200)))]
    async fn read(caller: Caller) -> String {
        caller.name().to_owned()
    }

    /// Changes it
    ///
    /// Completely.
    #[utoipa::path(put, path = "/enterprise/{enterpriseId}", responses((status = 200)))]
    async fn change(Json(body): Json<Value>) -> String {
        body.to_string()
    }

    #[utoipa::path(get, path = "/everything", responses((status = 200)))]
    async fn everything() {}

    #[utoipa::path(get, path = "/own", responses((status = 200)))]
    async fn own(caller: Caller) -> String {
        format!("{:?}", caller.reach())
    }

    #[utoipa::path(get, path = "/careless", responses((status = 200)))]
    async fn careless(caller: Caller) -> String {
        caller.name().to_owned()
    }

    #[utoipa::path(get, path = "/misplaced", responses((status = 200)))]
    async fn misplaced() {}

    #[utoipa::path(get, path = "/slow", responses((status = 200)))]
    async fn slow() {
        std::future::pending::<()>().await;
    }

    struct Sample {
        access: SampleAccess,
        router: Router,
        document: OpenApi,
    }

    async fn sample() -> Sample {
        sample_with(HttpSettings::default()).await
    }

    async fn sample_with(settings: HttpSettings) -> Sample {
        let access = SampleAccess::new(&sample_clock()).await;
        let authenticator = Authenticator::new(access.access.clone(), &settings, false, sample_clock());
        let totals = Totals { reads: 4, reads_waiting: 8, writes_waiting: 8 };
        let shares = FairShares::new(&settings, HttpLimits::default(), totals, sample_clock());
        let (router, document) = GuardedRouter::new(Arc::new(authenticator), shares, &settings)
            .public(routes!(open))
            .public(routes!(careless))
            .public(routes!(slow))
            .may(Role::Viewer, Within::Enterprise, routes!(read))
            .may(Role::Manager, Within::Enterprise, routes!(change))
            .may(Role::Viewer, Within::Enterprise, routes!(misplaced))
            .may(Role::Viewer, Within::Reach, routes!(own))
            .may_stream(Role::Viewer, Within::Installation, routes!(everything))
            .finish();
        let router = router
            .layer(RequestLayer::new(sample_clock(), Arc::default(), false))
            .with_state(Arc::new(HttpSettings::default()));
        Sample { access, router, document }
    }

    impl Sample {
        async fn send(&self, method: &str, path: &str, token: &str) -> (Response<()>, String) {
            let mut request = Request::builder().method(method).uri(path).header("x-request-id", "r-1");
            if !token.is_empty() {
                request = request.header("authorization", format!("Bearer {}", self.access.secret(token)));
            }
            let request = request.body(Body::from("not JSON")).unwrap();
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            (Response::from_parts(parts, ()), body)
        }
    }

    #[tokio::test]
    async fn a_route_lets_through_what_its_entry_says() {
        let sample = sample().await;
        let check = async |method: &str, path: &str, token: &str, status: u16| {
            for path in [path.to_owned(), format!("/api{path}")] {
                let (response, body) = sample.send(method, &path, token).await;
                assert_eq!(response.status(), status, "{method} {path} by {token:?}: {body}");
            }
        };
        check("GET", "/open", "", 200).await;
        check("GET", "/enterprise/acme", "", 401).await;
        check("GET", "/enterprise/acme", "wrong", 401).await;
        check("GET", "/enterprise/acme", "viewer", 200).await;
        check("HEAD", "/enterprise/acme", "", 401).await;
        check("GET", "/enterprise/acme", "viewer@acme", 200).await;
        check("GET", "/enterprise/other", "viewer@acme", 404).await;
        check("GET", "/enterprise/a%20b", "viewer@acme", 404).await;
        check("GET", "/enterprise/%FF", "viewer@acme", 404).await;
        check("GET", "/everything", "viewer", 200).await;
        check("GET", "/everything", "admin@acme", 403).await;
        check("GET", "/own", "viewer@acme", 200).await;
    }

    #[tokio::test]
    async fn refusals_come_before_the_body_is_read() {
        let sample = sample().await;
        let check = async |token: &str, status: u16| {
            let (response, body) = sample.send("PUT", "/enterprise/acme", token).await;
            assert_eq!(response.status(), status, "{token:?}: {body}");
        };
        check("", 401).await;
        check("viewer", 403).await;
        check("manager@other", 404).await;
        check("manager", 415).await;
    }

    #[tokio::test]
    async fn outside_its_enterprise_a_token_reads_what_an_unknown_enterprise_answers() {
        let (_, body) = sample().await.send("GET", "/enterprise/other", "viewer@acme").await;
        let unknown = ApiError::not_found("Enterprise");
        let mut response = axum::response::IntoResponse::into_response(unknown.clone());
        unknown.write_into(&mut response, "r-1");
        assert_eq!(body.as_bytes(), response.into_body().collect().await.unwrap().to_bytes());
    }

    #[tokio::test]
    async fn a_careless_entry_fails_closed() {
        let sample = sample().await;
        assert_eq!(sample.send("GET", "/careless", "admin").await.0.status(), 500);
        assert_eq!(sample.send("GET", "/misplaced", "viewer@acme").await.0.status(), 500);
    }

    #[tokio::test]
    async fn slow_requests_are_ended_and_methods_are_listed() {
        let settings = HttpSettings { request_timeout: Duration::from_millis(1), ..HttpSettings::default() };
        let sample = sample_with(settings).await;
        let (response, _) = sample.send("GET", "/slow", "").await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        let (response, _) = sample.send("DELETE", "/enterprise/acme", "").await;
        assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"GET,HEAD,PUT".parse().unwrap()));
    }

    #[tokio::test]
    async fn the_document_says_what_each_route_takes() {
        let document = serde_json::to_value(sample().await.document).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"][1]["url"], "/api");
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.keys().all(|path| !path.starts_with("/api")), "each path is listed once");
        assert_eq!(paths["/open"]["get"]["security"], serde_json::json!([]));
        let change = &paths["/enterprise/{enterpriseId}"]["put"];
        assert_eq!(change["security"], serde_json::json!([{"token": []}, {"session": []}]));
        let needs = "Takes a token with the role `manager` or above. Its reach must cover the whole enterprise.";
        assert_eq!(change["description"], format!("Completely.\n\n{needs}"));
        assert_eq!(change["parameters"][0]["name"], "enterpriseId");
        assert_eq!(change["responses"]["401"]["$ref"], "#/components/responses/Unauthorized");
        assert_eq!(change["responses"]["503"]["$ref"], "#/components/responses/Unavailable");
        assert_eq!(change["responses"]["default"], serde_json::Value::Null, "every status is named");
        assert_eq!(change["responses"]["200"]["description"], "OK");
        assert!(document["components"]["responses"]["Unauthorized"].is_object());
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }
}

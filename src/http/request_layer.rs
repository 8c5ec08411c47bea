//! The outermost layer, around every request: its id, its line in the access log, its count, and the one place where
//! failures are written.
//!
//! A panic in a handler, an answer of another layer and a path that does not exist all leave as the same problem
//! document. The layer runs after routing and therefore knows the route's template.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::access_log::log_access;
use super::error::ApiError;
use super::request_id::{RequestId, RequestIds, X_REQUEST_ID};
use super::route_meters::{RouteMeter, RouteMeters};
use super::security_headers;
use crate::clock::Clock;
use crate::server::ClientAddress;

/// Puts the layer around routes.
#[derive(Clone)]
pub struct RequestLayer {
    clock: Clock,
    ids: Arc<RequestIds>,
    meters: Arc<RouteMeters>,
    /// Whether browsers reach the server by TLS.
    https: bool,
}

impl RequestLayer {
    /// A layer that takes the time from this clock and counts answers here, of a server that is reached by TLS or not.
    #[must_use]
    pub fn new(clock: Clock, meters: Arc<RouteMeters>, https: bool) -> Self {
        Self { clock, ids: Arc::new(RequestIds::new()), meters, https }
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService { route: Arc::new(LayeredRoute { layer: self.clone(), counters: OnceLock::new() }), inner }
    }
}

/// The layer around one route.
struct LayeredRoute {
    layer: RequestLayer,
    /// The route's template and counters, from its first request on.
    counters: OnceLock<(Option<MatchedPath>, Arc<RouteMeter>)>,
}

impl LayeredRoute {
    /// The template and the counters of the route that is inside. A router puts the layer around each of its routes,
    /// and around its fallback, so all requests through here have the same ones, and they are looked up once.
    fn counters(&self, request: &Request) -> &(Option<MatchedPath>, Arc<RouteMeter>) {
        self.counters.get_or_init(|| {
            let path = request.extensions().get::<MatchedPath>().cloned();
            let counters = self.layer.meters.route(path.as_ref());
            (path, counters)
        })
    }
}

/// A service inside the layer.
#[derive(Clone)]
pub struct RequestService<S> {
    route: Arc<LayeredRoute>,
    inner: S,
}

impl<S> Service<Request> for RequestService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let RequestLayer { clock, ids, .. } = &self.route.layer;
        let began = clock.instant();
        let id = request.headers().get(X_REQUEST_ID).and_then(RequestId::from_client);
        let id = id.unwrap_or_else(|| ids.next(clock.now()));
        // Only the request knows the route, and it goes inside.
        self.route.counters(&request);
        let (method, client) = (request.method().clone(), request.extensions().get().copied());
        let pending = PendingRequest { route: Arc::clone(&self.route), began, id, method, client };
        ResponseFuture { answer: AssertUnwindSafe(self.inner.call(request)).catch_unwind(), pending }
    }
}

pin_project! {
    /// An answer under way. A type of its own, so that it takes no more memory from the heap than what is inside.
    pub struct ResponseFuture<F> {
        #[pin]
        answer: CatchUnwind<AssertUnwindSafe<F>>,
        pending: PendingRequest,
    }
}

/// What the layer keeps of a request while it is answered.
struct PendingRequest {
    route: Arc<LayeredRoute>,
    began: Instant,
    id: RequestId,
    method: Method,
    client: Option<ClientAddress>,
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for ResponseFuture<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match ready!(this.answer.poll(context)) {
            Ok(Ok(response)) => response,
            Err(panic) => ApiError::internal(panic_message(panic.as_ref())).into_response(),
        };
        this.pending.complete(&mut response);
        Poll::Ready(Ok(response))
    }
}

impl PendingRequest {
    /// Writes what failed, counts and logs, and puts on the headers that every answer has.
    fn complete(&self, response: &mut Response) {
        let Self { route, began, id, method, client } = self;
        if let Some(error) = ApiError::of(response) {
            error.log(id.as_str());
            error.write_into(response, id.as_str());
        }
        let took = route.layer.clock.instant().saturating_duration_since(*began);
        if let Some((path, counters)) = route.counters.get() {
            counters.record(method, response.status(), took);
            log_access(method, path.as_ref(), response.status(), took, (id, *client));
        }
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        security_headers::complete(response, route.layer.https);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", message.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::domain::time::Timestamp;

    fn app(meters: Arc<RouteMeters>) -> Router {
        async fn boom() -> &'static str {
            panic!("the secret handshake")
        }
        Router::new()
            .route("/fine", get(async || "fine").delete(async || "gone"))
            .route("/boom", get(boom))
            .route("/refused", get(async || ApiError::conflict("Taken")))
            .route("/bare", get(async || (StatusCode::IM_A_TEAPOT, "plain text")))
            .layer(RequestLayer::new(Clock::manual(Timestamp::from_millis(1_763_800_000_000)), meters, false))
    }

    async fn send(method: Method, path: &str, id: Option<&str>) -> (Response<()>, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(id) = id {
            request = request.header(X_REQUEST_ID, id);
        }
        let response = app(Arc::default()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn every_answer_carries_an_id() {
        let (response, _) = send(Method::GET, "/fine", Some("from-proxy.1")).await;
        assert_eq!(response.headers()[X_REQUEST_ID], "from-proxy.1");
        let (response, _) = send(Method::GET, "/fine", Some("not usable")).await;
        assert_eq!(response.headers()[X_REQUEST_ID].len(), 13);
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }

    #[tokio::test]
    async fn every_failure_is_a_problem() {
        let check = async |method: Method, path: &str, status: u16, message: &str| {
            let (response, body) = send(method, path, Some("r-1")).await;
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
            assert_eq!(body["status"], status, "{path}");
            assert_eq!(body["message"], message, "{path}");
            assert_eq!(body["requestId"], "r-1", "{path}");
            response
        };
        check(Method::GET, "/refused", 409, "Taken").await;
        check(Method::GET, "/nowhere", 404, "There is nothing at this path").await;
        check(Method::GET, "/bare", 418, "I'm a teapot").await;
        let response = check(Method::PUT, "/fine", 405, "This path does not take this method; see Allow").await;
        assert_eq!(response.headers()["allow"], "GET,HEAD,DELETE");
        let detail = "Something went wrong on the server; its log has more under this request id";
        check(Method::GET, "/boom", 500, detail).await;
    }

    #[tokio::test]
    async fn every_answer_is_counted_once_and_under_its_route() {
        let meters = Arc::<RouteMeters>::default();
        let app = app(Arc::clone(&meters));
        let sent = [
            ("GET", "/fine"),
            ("GET", "/fine"),
            ("HEAD", "/fine"),
            ("PUT", "/fine"),
            ("GET", "/boom"),
            ("GET", "/refused"),
            ("GET", "/nowhere"),
            ("BREW", "/fine/nowhere"),
        ];
        for (method, path) in sent {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
        let mut counted = Vec::new();
        for (path, route) in meters.routes() {
            counted.extend(route.answers().map(|(method, status, count)| format!("{method} {path} {status} {count}")));
            let nanos = route.nanos();
            let durations: u64 = nanos.buckets.iter().map(|(_, count)| count).sum();
            assert_eq!(durations + nanos.above, route.answers().map(|(.., count)| count).sum::<u64>(), "{path}");
        }
        let expected = [
            "GET (none) 404 1",
            "other (none) 404 1",
            "GET /boom 500 1",
            "GET /fine 200 2",
            "HEAD /fine 200 1",
            "PUT /fine 405 1",
            "GET /refused 409 1",
        ];
        assert_eq!(counted, expected);
    }
}

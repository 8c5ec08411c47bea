//! What surrounds every request: its id, its line in the access log, its place in the counters, and the one place where
//! failures are written.
//!
//! The envelope is the outermost layer, so a panic in a handler, an answer of another layer and a path that does not
//! exist all leave as the same problem document. It runs after routing and therefore knows the route's template; the
//! access log has that template and never the query or a header, where secrets may be.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::field;

use super::error::ApiError;
use super::forwarded::ClientAddress;
use super::request_id::{RequestId, RequestIds, X_REQUEST_ID};
use super::route_meters::{NO_ROUTE, RouteMeter, RouteMeters};
use crate::clock::Clock;

/// What an answer that is no page tells browsers (OWASP REST Security Cheat Sheet): nothing in it runs or loads anything, and
/// nobody shows it in a frame or embeds it. Pages have policies of their own.
const DATA_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// How long a browser remembers to come by TLS alone (RFC 6797). It holds for the whole host, on all of its ports, so a month and
/// not the usual year: each visit renews it, and whoever gives TLS up waits it out.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=2592000");

/// Wraps routes into the envelope.
#[derive(Clone)]
pub struct Envelope {
    clock: Clock,
    ids: Arc<RequestIds>,
    meters: Arc<RouteMeters>,
    /// Whether browsers reach the server by TLS.
    https: bool,
}

impl Envelope {
    /// An envelope that tells time by this clock and counts answers here, of a server that is reached by TLS or not.
    #[must_use]
    pub fn new(clock: Clock, meters: Arc<RouteMeters>, https: bool) -> Self {
        Self { clock, ids: Arc::new(RequestIds::new()), meters, https }
    }
}

impl<S> Layer<S> for Envelope {
    type Service = Enveloped<S>;

    fn layer(&self, inner: S) -> Enveloped<S> {
        Enveloped { place: Arc::new(Place { envelope: self.clone(), route: OnceLock::new() }), inner }
    }
}

/// The envelope around one route.
struct Place {
    envelope: Envelope,
    /// The route's template and counters, once it was asked for something.
    route: OnceLock<(Option<MatchedPath>, Arc<RouteMeter>)>,
}

impl Place {
    /// The template and the counters of the route that is inside. A router wraps each of its routes by itself, and what
    /// stands for no route too, so whatever comes through here has the same ones, and nobody needs to look them up twice.
    fn route(&self, request: &Request) -> &(Option<MatchedPath>, Arc<RouteMeter>) {
        self.route.get_or_init(|| {
            let path = request.extensions().get::<MatchedPath>().cloned();
            let counters = self.envelope.meters.route(path.as_ref());
            (path, counters)
        })
    }
}

/// A service inside the envelope.
#[derive(Clone)]
pub struct Enveloped<S> {
    place: Arc<Place>,
    inner: S,
}

impl<S> Service<Request> for Enveloped<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Envelope { clock, ids, .. } = &self.place.envelope;
        let began = clock.instant();
        let id = request.headers().get(X_REQUEST_ID).and_then(RequestId::from_client);
        let id = id.unwrap_or_else(|| ids.next(clock.now()));
        // Only the request knows the route, and it goes inside.
        self.place.route(&request);
        let (method, client) = (request.method().clone(), request.extensions().get().copied());
        let asked = Asked { place: Arc::clone(&self.place), began, id, method, client };
        Answering { answer: AssertUnwindSafe(self.inner.call(request)).catch_unwind(), asked }
    }
}

pin_project! {
    /// An answer under way. A type of its own, so that it takes no more memory from the heap than what is inside.
    pub struct Answering<F> {
        #[pin]
        answer: CatchUnwind<AssertUnwindSafe<F>>,
        asked: Asked,
    }
}

/// What the envelope keeps of a request while it is answered.
struct Asked {
    place: Arc<Place>,
    began: Instant,
    id: RequestId,
    method: Method,
    client: Option<ClientAddress>,
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match ready!(this.answer.poll(context)) {
            Ok(Ok(response)) => response,
            Err(panic) => ApiError::internal(panic_message(panic.as_ref())).into_response(),
        };
        this.asked.complete(&mut response);
        Poll::Ready(Ok(response))
    }
}

impl Asked {
    /// Writes what failed, counts and logs, and puts on the headers that every answer has.
    fn complete(&self, response: &mut Response) {
        let Self { place, began, id, method, client } = self;
        if let Some(error) = ApiError::of(response) {
            error.log(id.as_str());
            error.write_into(response, id.as_str());
        }
        let took = place.envelope.clock.instant().saturating_duration_since(*began);
        if let Some((route, counters)) = place.route.get() {
            counters.record(method, response.status(), took);
            log_access(method, route.as_ref(), response.status(), took, (id, *client));
        }
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id.header());
        if place.envelope.https {
            headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
        }
        // A 304 renews the headers that the browser has kept, so it must not bring others (RFC 9111, section 3.2).
        if status != StatusCode::NOT_MODIFIED && !headers.contains_key(CONTENT_SECURITY_POLICY) {
            for (name, value) in &DATA_HEADERS {
                headers.insert(name, value.clone());
            }
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Contacts and new tokens have no place in a browser's cache; whoever knows better has said so.
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// One line for each request: at info if the server failed, else at debug, so that the default level costs nothing. The
/// filter `info,muster::access=debug` shows all.
fn log_access(
    method: &Method,
    route: Option<&MatchedPath>,
    status: StatusCode,
    took: Duration,
    (id, client): (&RequestId, Option<ClientAddress>),
) {
    let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (status, request_id) = (status.as_u16(), id.as_str());
    let address = client.map(|ClientAddress(address)| field::display(address));
    // 503 is what a busy server says to many; what is more than that has a line of its own, with its cause.
    if status >= 500 && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::info!(target: "muster::access", %method, route, status, micros, request_id, address);
    } else {
        tracing::debug!(target: "muster::access", %method, route, status, micros, request_id, address);
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
            .layer(Envelope::new(Clock::manual(Timestamp::from_millis(1_763_800_000_000)), meters, false))
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

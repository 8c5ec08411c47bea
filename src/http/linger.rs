//! Bodies that nobody reads to the end.
//!
//! A request that is refused early leaves a part of its body on the way. A server that closes the connection then makes
//! the client's system throw the answer away, and the client sees a reset where it should read why. So what is left is
//! taken in for a moment and forgotten, while the answer goes out.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Request;
use axum::http::header::EXPECT;
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// How long the rest of a body is taken in. A client that reads its answer while it sends stops by then.
const LINGER_TIME_MAX: Duration = Duration::from_secs(2);

/// How much of the rest of a body is taken in, in bytes.
const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The body of a request, of which a rest that nobody reads is taken in after the answer.
pub(super) struct Lingering {
    body: Option<Incoming>,
    arrival: Arrival,
    /// Whether the client waits to be told to send it. Then an answer without reading spares it the trouble.
    waits: bool,
}

/// Whether the body of a request has arrived whole; in the extensions of requests that have one.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrival(Arc<AtomicBool>);

impl Arrival {
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Lingering {
    /// Makes a request's body linger, if it has one.
    pub(super) fn wrap(mut request: Request<Incoming>) -> Request<axum::body::Body> {
        if request.body().is_end_stream() {
            return request.map(|_| axum::body::Body::empty());
        }
        let waits = request.headers().contains_key(EXPECT);
        let arrival = Arrival::default();
        request.extensions_mut().insert(arrival.clone());
        request.map(|body| axum::body::Body::new(Self { body: Some(body), arrival, waits }))
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(context));
        if body.is_end_stream() || frame.is_none() {
            self.arrival.0.store(true, Ordering::Relaxed);
        }
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !self.waits && !body.is_end_stream()) else { return };
        // Without a runtime the server is gone, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER_TIME_MAX, take_in(body)));
        }
    }
}

async fn take_in(mut body: Incoming) {
    let mut left = LINGER_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Buf::remaining));
        if left == 0 {
            return;
        }
    }
}

//! Reads the rest of a request body that no handler read to its end.
//!
//! A request that is refused early leaves a part of its body in transit. If the server then closes the connection, the
//! client's system discards the response, and the client sees a reset instead of the reason. So the rest is read and
//! discarded for a moment while the response goes out.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;

/// How long the rest of a body is read. A client that reads its response while it sends stops by then.
const BODY_DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// How much of the rest of a body is read, in bytes.
const BODY_DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The body of a request. When it is dropped, what was not read of it is read and discarded.
///
/// Most requests have no body: that costs no allocation.
#[derive(Debug)]
pub struct BodyDrain(Option<Unread>);

#[derive(Debug)]
struct Unread {
    body: Incoming,
    progress: BodyProgress,
    /// Whether the client waits for `100 Continue` before it sends the body. A response without reading spares it that.
    awaits_continue: bool,
}

/// Whether the body of a request has arrived whole; in the extensions of requests that have one.
#[derive(Clone, Debug, Default)]
pub struct BodyProgress(Arc<AtomicBool>);

impl BodyProgress {
    /// Whether it has arrived whole.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl BodyDrain {
    /// Wraps a request's body.
    pub(super) fn wrap(mut request: Request<Incoming>) -> Request<Self> {
        if request.body().is_end_stream() {
            return request.map(|_| Self(None));
        }
        let awaits_continue = request.headers().contains_key(EXPECT);
        let progress = BodyProgress::default();
        request.extensions_mut().insert(progress.clone());
        request.map(|body| Self(Some(Unread { body, progress, awaits_continue })))
    }
}

impl Body for BodyDrain {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(Unread { body, progress, awaits_continue }) = &mut self.0 else { return Poll::Ready(None) };
        *awaits_continue = false;
        let frame = ready!(Pin::new(&mut *body).poll_frame(context));
        if body.is_end_stream() || frame.is_none() {
            progress.0.store(true, Ordering::Relaxed);
        }
        if !matches!(frame, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|unread| unread.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |unread| unread.body.size_hint())
    }
}

impl Drop for BodyDrain {
    fn drop(&mut self) {
        let Some(Unread { body, awaits_continue, .. }) = self.0.take() else { return };
        if awaits_continue || body.is_end_stream() {
            return;
        }
        // Without a runtime the server is gone, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(BODY_DRAIN_TIME_MAX, drain(body)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut remaining = BODY_DRAIN_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        remaining = remaining.saturating_sub(frame.data_ref().map_or(0, Buf::remaining));
        if remaining == 0 {
            return;
        }
    }
}

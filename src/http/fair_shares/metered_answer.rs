//! An answer whose processor time is charged to its caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;
use pin_project_lite::pin_project;

use super::shares::Share;

/// Processor time that a mebibyte of an answer takes on its way out, without TLS.
const TIME_PER_MIB: Duration = Duration::from_micros(500);

pin_project! {
    /// A future whose running time, waiting excluded, is charged to a share when it ends.
    pub struct MeteredAnswer<F> {
        #[pin]
        answer: F,
        share: Arc<Share>,
        ran: Duration,
    }

    impl<F> PinnedDrop for MeteredAnswer<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.share.end_request(*this.ran);
        }
    }
}

impl<F> MeteredAnswer<F> {
    /// An answer that this share is charged with.
    #[must_use]
    pub fn new(share: Arc<Share>, answer: F) -> Self {
        Self { answer, share, ran: Duration::ZERO }
    }
}

impl<F, E> Future for MeteredAnswer<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let begun = this.share.thread_time();
        let polled = this.answer.poll(context);
        *this.ran += this.share.thread_time().saturating_sub(begun);
        if let Poll::Ready(Ok(response)) = &polled {
            let bytes = u32::try_from(response.body().size_hint().lower()).unwrap_or(u32::MAX);
            *this.ran += TIME_PER_MIB * bytes / (1 << 20);
        }
        polled
    }
}

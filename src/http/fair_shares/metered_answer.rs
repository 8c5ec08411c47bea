//! An answer whose processor time is charged to its caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::shares::Share;

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

impl<F: Future> MeteredAnswer<F> {
    /// An answer that this share is charged with.
    #[must_use]
    pub fn new(share: Arc<Share>, answer: F) -> Self {
        Self { answer, share, ran: Duration::ZERO }
    }
}

impl<F: Future> Future for MeteredAnswer<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let begun = this.share.now();
        let polled = this.answer.poll(context);
        *this.ran += this.share.now().saturating_duration_since(begun);
        polled
    }
}

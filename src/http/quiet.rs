//! A future that costs its task next to nothing while it has nothing to say.
//!
//! A connection waits for its next request and, beside it, for things that hardly ever happen: that the server stops, that
//! the client takes too long. Polling those at every turn takes locks that all connections share, once and more for each
//! request. A [`Quiet`] future has a waker of its own, so it is polled only when it was itself what woke the task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A future that is polled at first, and then only when it asked for it.
pub(super) struct Quiet<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What the future wakes.
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl<F: Future> Quiet<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { future: Box::pin(future), waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl<F: Future> Future for Quiet<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // In this order: whoever rings afterwards wakes the task that stands here.
        self.bell.task.register(context.waker());
        if !self.bell.rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.bell.rung.store(false, Ordering::Release);
        let Self { future, waker, .. } = &mut *self;
        future.as_mut().poll(&mut Context::from_waker(waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_it_asked_for_it_and_not_otherwise() {
        let (polls, event) = (AtomicUsize::new(0), Notify::new());
        let mut told = pin!(event.notified());
        let mut quiet = pin!(Quiet::new(poll_fn(|context| {
            polls.fetch_add(1, Ordering::SeqCst);
            told.as_mut().poll(context)
        })));
        for _ in 0..3 {
            let polled = poll_fn(|context| Poll::Ready(quiet.as_mut().poll(context))).await;
            assert!(polled.is_pending());
        }
        assert_eq!(polls.load(Ordering::SeqCst), 1);
        event.notify_one();
        quiet.await;
        assert_eq!(polls.load(Ordering::SeqCst), 2);
    }
}

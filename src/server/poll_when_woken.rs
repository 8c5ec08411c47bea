//! A future that is polled only when it was itself woken, not whenever its task is.
//!
//! A connection waits for its next request and also for events that hardly ever happen: the server stops, the client is
//! too slow. Polling those whenever the task runs would take locks that all connections share, several times for each
//! request. A [`PollWhenWoken`] future has a waker of its own, so its task can tell what woke it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Polls the future inside once, and then only after its own waker was called.
pub(super) struct PollWhenWoken<F> {
    future: Pin<Box<F>>,
    signal: Arc<WakeSignal>,
    waker: Waker,
}

/// Notes a wake-up of the future inside and wakes its task.
struct WakeSignal {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl<F: Future> PollWhenWoken<F> {
    pub(super) fn new(future: F) -> Self {
        let signal = Arc::new(WakeSignal { is_woken: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { future: Box::pin(future), waker: Waker::from(Arc::clone(&signal)), signal }
    }
}

impl<F: Future> Future for PollWhenWoken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Registered before the flag is read, so that a wake-up after the reading finds the task to wake.
        self.signal.task.register(context.waker());
        if !self.signal.is_woken.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.signal.is_woken.store(false, Ordering::Release);
        let Self { future, waker, .. } = &mut *self;
        future.as_mut().poll(&mut Context::from_waker(waker))
    }
}

impl Wake for WakeSignal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
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
    async fn it_is_polled_when_it_was_woken_and_not_otherwise() {
        let (polls, event) = (AtomicUsize::new(0), Notify::new());
        let mut notified = pin!(event.notified());
        let mut future = pin!(PollWhenWoken::new(poll_fn(|context| {
            polls.fetch_add(1, Ordering::SeqCst);
            notified.as_mut().poll(context)
        })));
        for _ in 0..3 {
            let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
            assert!(polled.is_pending());
        }
        assert_eq!(polls.load(Ordering::SeqCst), 1);
        event.notify_one();
        future.await;
        assert_eq!(polls.load(Ordering::SeqCst), 2);
    }
}

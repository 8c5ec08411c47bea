//! Writes that are queued in a chosen order, so that a test decides which of them share a commit group.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;

use futures_util::FutureExt;
use muster::store::{Store, StoreError, WriteTx};

/// A write that is queued, or was refused by the queue.
pub struct QueuedWrite<T>(State<T>);

enum State<T> {
    Waiting(Pin<Box<dyn Future<Output = Result<T, StoreError>>>>),
    Answered(Result<T, StoreError>),
}

impl<T: Send + 'static> QueuedWrite<T> {
    /// Queues a write without waiting for it. Dropping it abandons the write.
    pub fn write(store: &Store, work: impl FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static) -> Self {
        let store = store.clone();
        let mut write = Box::pin(async move { store.write(work).await });
        match write.as_mut().now_or_never() {
            Some(answer) => Self(State::Answered(answer)),
            None => Self(State::Waiting(write)),
        }
    }

    /// Whether the write was answered.
    pub fn is_answered(&mut self) -> bool {
        if let State::Waiting(write) = &mut self.0
            && let Some(answer) = write.as_mut().now_or_never()
        {
            self.0 = State::Answered(answer);
        }
        matches!(self.0, State::Answered(_))
    }

    /// Waits for the answer.
    pub fn answer(self) -> Result<T, StoreError> {
        match self.0 {
            State::Answered(answer) => answer,
            State::Waiting(write) => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(write),
        }
    }
}

/// Blocks the writer in a job of its own until it is opened: what is queued meanwhile forms the next group, in this
/// order.
pub struct WriterGate {
    open: mpsc::Sender<()>,
    job: QueuedWrite<()>,
}

impl WriterGate {
    /// Returns when the writer is blocked.
    pub fn close(store: &Store) -> Self {
        let (open, opened) = mpsc::channel();
        let (reached, blocked) = mpsc::channel();
        let job = QueuedWrite::write(store, move |_| {
            reached.send(()).unwrap();
            // A failed test drops the gate.
            let _ = opened.recv();
            Ok(())
        });
        blocked.recv().unwrap();
        Self { open, job }
    }

    /// Unblocks the writer, and waits until the gate's own job is done.
    pub fn open(self) {
        self.open.send(()).unwrap();
        self.job.answer().unwrap();
    }
}

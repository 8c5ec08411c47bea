//! Writes that wait in the queue, so that a test decides which of them share a group.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;

use futures_util::FutureExt;
use muster::store::{Store, StoreError, WriteTx};

/// A write that is in the queue, or was refused at its door.
pub struct Queued<T>(State<T>);

enum State<T> {
    Waiting(Pin<Box<dyn Future<Output = Result<T, StoreError>>>>),
    Answered(Result<T, StoreError>),
}

impl<T: Send + 'static> Queued<T> {
    /// Puts a write into the queue and does not wait for it. Dropping it abandons the write.
    pub fn write(store: &Store, work: impl FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static) -> Self {
        let store = store.clone();
        let mut write = Box::pin(async move { store.write(work).await });
        match write.as_mut().now_or_never() {
            Some(answer) => Self(State::Answered(answer)),
            None => Self(State::Waiting(write)),
        }
    }

    /// Whether the answer is there.
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

/// Stops the writer in a job of its own until it is opened: what is queued meanwhile is the next group, in this order.
pub struct Gate {
    open: mpsc::Sender<()>,
    job: Queued<()>,
}

impl Gate {
    /// Comes back when the writer stands.
    pub fn close(store: &Store) -> Self {
        let (open, opened) = mpsc::channel();
        let (reached, standing) = mpsc::channel();
        let job = Queued::write(store, move |_| {
            reached.send(()).unwrap();
            // The gate may be dropped by a test that fails.
            let _ = opened.recv();
            Ok(())
        });
        standing.recv().unwrap();
        Self { open, job }
    }

    /// Lets the writer go on, and waits until the gate's own job is done.
    pub fn open(self) {
        self.open.send(()).unwrap();
        self.job.answer().unwrap();
    }
}

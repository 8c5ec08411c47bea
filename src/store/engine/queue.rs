//! The bounded queue of write jobs, each with a deadline and a channel for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;
use super::turns::HeldTurn;
use super::tx::WriteTx;
use crate::clock::Clock;

/// A queued write.
pub(in crate::store) trait Job: Send {
    /// When the caller stops waiting.
    fn deadline(&self) -> Instant;
    /// Whether the caller has gone.
    fn is_abandoned(&self) -> bool;
    /// The turn of the client that it is done for.
    fn turn(&self) -> Option<&HeldTurn>;
    /// Does the work and keeps its result; an error rolls the work back.
    fn run(&mut self, tx: &WriteTx<'_>) -> Result<(), StoreError>;
    /// Answers: with the kept result if the group was committed, else with why not.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A job made of a closure and the channel to its caller.
struct ClosureJob<F, T> {
    deadline: Instant,
    work: Option<F>,
    result: Option<T>,
    turn: Option<HeldTurn>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for ClosureJob<F, T>
where
    F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn turn(&self) -> Option<&HeldTurn> {
        self.turn.as_ref()
    }

    fn run(&mut self, tx: &WriteTx<'_>) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Err(StoreError::Closed) };
        self.result = Some(work(tx)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, reply, turn, .. } = *self;
        // The next one may begin before this one is answered, so that it is in the next group.
        drop(turn);
        // The caller may have gone; the write stands all the same.
        let _ = reply.send(outcome.and_then(|()| result.ok_or(StoreError::Closed)));
    }
}

type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// The sending end of the queue. The writer works as long as one of these exists.
#[derive(Clone)]
pub(in crate::store) struct WriteQueue {
    sender: mpsc::Sender<Box<dyn Job>>,
    /// How many jobs were refused.
    refused: Arc<AtomicU64>,
    clock: Clock,
    time_max: Duration,
}

impl WriteQueue {
    /// A queue of at most `len_max` waiting jobs, and the writer's end of it.
    pub(in crate::store) fn new(
        len_max: usize,
        clock: Clock,
        time_max: Duration,
    ) -> (Self, mpsc::Receiver<Box<dyn Job>>) {
        let (sender, jobs) = mpsc::channel(len_max);
        (Self { sender, refused: Arc::default(), clock, time_max }, jobs)
    }

    /// Adds a job that holds this turn until it is done, or fails if the queue is full.
    pub(super) fn try_send<T, F>(&self, turn: Option<HeldTurn>, work: F) -> Result<Answer<T>, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = self.job(turn, work);
        self.sender.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                StoreError::QueueFull
            }
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        Ok(answer)
    }

    /// How many jobs wait, how many may, and how many were refused.
    pub(super) fn load(&self) -> (usize, usize, u64) {
        let len_max = self.sender.max_capacity();
        (len_max - self.sender.capacity(), len_max, self.refused.load(Ordering::Relaxed))
    }

    /// Waits until the queue has space, adds a job and waits for its answer.
    pub(in crate::store) fn write_blocking<T, F>(self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.write_blocking_in(None, work)
    }

    /// The same with a turn, which is held until the job is done.
    pub(super) fn write_blocking_in<T, F>(self, turn: Option<HeldTurn>, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = self.job(turn, work);
        self.sender.blocking_send(job).map_err(|_| StoreError::Closed)?;
        // A caller that waits does not keep the writer from closing.
        drop(self);
        answer.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    fn job<T, F>(&self, turn: Option<HeldTurn>, work: F) -> (Box<dyn Job>, Answer<T>)
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let deadline = self.clock.instant() + self.time_max;
        (Box::new(ClosureJob { deadline, work: Some(work), result: None, turn, reply }), answer)
    }

    /// The same queue for a thread that must not keep the writer from closing.
    pub(super) fn downgrade(&self) -> WeakWriteQueue {
        WeakWriteQueue {
            sender: self.sender.downgrade(),
            refused: Arc::clone(&self.refused),
            clock: self.clock.clone(),
            time_max: self.time_max,
        }
    }
}

/// A [`WriteQueue`] as long as the store is open.
#[derive(Clone)]
pub(in crate::store) struct WeakWriteQueue {
    sender: mpsc::WeakSender<Box<dyn Job>>,
    refused: Arc<AtomicU64>,
    clock: Clock,
    time_max: Duration,
}

impl WeakWriteQueue {
    /// The queue, unless the store has closed.
    pub(in crate::store) fn upgrade(&self) -> Result<WriteQueue, StoreError> {
        let sender = self.sender.upgrade().ok_or(StoreError::Closed)?;
        Ok(WriteQueue {
            sender,
            refused: Arc::clone(&self.refused),
            clock: self.clock.clone(),
            time_max: self.time_max,
        })
    }
}

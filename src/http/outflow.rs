//! What goes out over a connection, and how long the client lets it wait.
//!
//! A client that asks and does not read would hold its connection, and the answer, for ever. Here it is noticed where bytes
//! stop to go out, so it holds for every answer: a page of contacts, an export, an event stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;

/// Stands for a connection on which nothing waits to go out.
const FLOWING: u64 = u64::MAX;

/// How the bytes of one connection go out.
#[derive(Debug)]
pub(super) struct Outflow {
    clock: Clock,
    opened: Instant,
    /// Since when bytes wait for the client, in microseconds after `opened`, or [`FLOWING`].
    waiting_since: AtomicU64,
    /// How many went out since then.
    taken: AtomicU64,
    /// When the last byte that had to wait went out, in microseconds after `opened`.
    drained_at: AtomicU64,
}

impl Outflow {
    pub(super) fn new(clock: Clock) -> Self {
        let opened = clock.instant();
        let (waiting_since, taken, drained_at) = (AtomicU64::new(FLOWING), AtomicU64::new(0), AtomicU64::new(0));
        Self { clock, opened, waiting_since, taken, drained_at }
    }

    /// For how long nothing has waited to go out.
    pub(super) fn idle_for(&self) -> Duration {
        match self.waiting_since.load(Ordering::Relaxed) {
            FLOWING => {
                let drained_at = Duration::from_micros(self.drained_at.load(Ordering::Relaxed));
                self.open_for().saturating_sub(drained_at)
            }
            _ => Duration::ZERO,
        }
    }

    /// Ends when bytes have waited for longer than `idle_time_max` and the time that those which went meanwhile may take.
    pub(super) async fn overdue(&self, idle_time_max: Duration, bytes_per_second_min: u64) {
        loop {
            let left = match self.waiting_since.load(Ordering::Relaxed) {
                FLOWING => idle_time_max,
                since => {
                    let earned = Duration::from_secs(self.taken.load(Ordering::Relaxed) / bytes_per_second_min.max(1));
                    let waited = self.open_for().saturating_sub(Duration::from_micros(since));
                    (idle_time_max + earned).saturating_sub(waited)
                }
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn open_for(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.opened)
    }

    /// The client's side takes nothing just now.
    fn wait(&self) {
        if self.waiting_since.load(Ordering::Relaxed) == FLOWING {
            self.taken.store(0, Ordering::Relaxed);
            self.waiting_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.open_for().as_micros()).unwrap_or(FLOWING - 1)
    }

    fn took(&self, bytes: usize) {
        if self.waiting_since.load(Ordering::Relaxed) != FLOWING {
            self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// All that was there has gone out.
    fn drained(&self) {
        if self.waiting_since.load(Ordering::Relaxed) != FLOWING {
            self.drained_at.store(self.now(), Ordering::Relaxed);
            self.waiting_since.store(FLOWING, Ordering::Relaxed);
        }
    }
}

/// A stream whose outflow is watched. Only its own task writes to it, so the counters need no order.
pub(super) struct Watched<S> {
    stream: S,
    outflow: Arc<Outflow>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, outflow: Arc<Outflow>) -> Self {
        Self { stream, outflow }
    }

    fn watch(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.outflow.wait(),
            Poll::Ready(Ok(bytes)) => self.outflow.took(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // Whoever flushes has written all it had.
        self.outflow.drained();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;
    use crate::domain::time::Timestamp;

    const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
    const BYTES_PER_SECOND_MIN: u64 = 10;
    const PIPE_BYTES: usize = 100;

    struct Bench {
        clock: Clock,
        outflow: Arc<Outflow>,
        server: Watched<DuplexStream>,
        client: DuplexStream,
    }

    fn bench() -> Bench {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let outflow = Arc::new(Outflow::new(clock.clone()));
        let (server, client) = tokio::io::duplex(PIPE_BYTES);
        Bench { server: Watched::new(server, Arc::clone(&outflow)), clock, outflow, client }
    }

    impl Bench {
        #[track_caller]
        fn check(&self, is_overdue: bool) {
            let overdue = self.outflow.overdue(IDLE_TIME_MAX, BYTES_PER_SECOND_MIN).now_or_never();
            assert_eq!(overdue.is_some(), is_overdue);
        }

        /// Writes as much as goes out.
        fn write(&mut self, bytes: usize) {
            let _ = self.server.write_all(&vec![0; bytes]).now_or_never();
        }

        async fn read(&mut self, bytes: usize) {
            self.client.read_exact(&mut vec![0; bytes]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_overdue_and_one_that_has_all_is_not() {
        let mut bench = bench();
        bench.write(PIPE_BYTES);
        bench.clock.advance(2 * IDLE_TIME_MAX);
        bench.check(false);
        bench.write(1);
        bench.check(false);
        bench.clock.advance(IDLE_TIME_MAX);
        bench.check(true);
        bench.read(PIPE_BYTES).await;
        bench.write(PIPE_BYTES);
        bench.server.flush().await.unwrap();
        bench.check(false);
    }

    #[tokio::test]
    async fn a_client_that_reads_a_little_now_and_then_is_overdue_all_the_same() {
        let mut bench = bench();
        bench.write(PIPE_BYTES + 1);
        for _ in 0..2 {
            bench.clock.advance(Duration::from_secs(14));
            bench.read(1).await;
            bench.write(2);
            bench.check(false);
        }
        bench.clock.advance(Duration::from_secs(2));
        bench.check(true);
        // What it has read gives it time: ten bytes a second.
        bench.read(PIPE_BYTES).await;
        bench.write(PIPE_BYTES + 1);
        bench.check(false);
        bench.clock.advance(Duration::from_secs(9));
        bench.check(false);
        bench.clock.advance(Duration::from_secs(1));
        bench.check(true);
    }
}

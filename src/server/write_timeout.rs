//! The time limit for a client to read its response.
//!
//! A client that sends a request and does not read would hold its connection, and the response, for ever. This is
//! noticed where bytes no longer leave, so it holds for every response: a page of contacts, an export, an event stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;

/// No bytes wait to be written.
const NOTHING_PENDING: u64 = u64::MAX;

/// How long bytes of one connection have waited for the client to take them.
#[derive(Debug)]
pub(super) struct WriteTimeout {
    clock: Clock,
    opened: Instant,
    /// Since when bytes have waited, in microseconds after `opened`, or [`NOTHING_PENDING`].
    pending_since: AtomicU64,
    /// How many bytes were written since then.
    written: AtomicU64,
    /// When the last byte that had to wait was written, in microseconds after `opened`.
    flushed_at: AtomicU64,
}

impl WriteTimeout {
    pub(super) fn new(clock: Clock) -> Self {
        let opened = clock.instant();
        let (pending_since, written) = (AtomicU64::new(NOTHING_PENDING), AtomicU64::new(0));
        Self { clock, opened, pending_since, written, flushed_at: AtomicU64::new(0) }
    }

    /// For how long no bytes have waited.
    pub(super) fn idle_for(&self) -> Duration {
        match self.pending_since.load(Ordering::Relaxed) {
            NOTHING_PENDING => {
                let flushed_at = Duration::from_micros(self.flushed_at.load(Ordering::Relaxed));
                self.open_for().saturating_sub(flushed_at)
            }
            _ => Duration::ZERO,
        }
    }

    /// Ends when bytes have waited for longer than `idle_time_max` and the time that the bytes written meanwhile may
    /// take.
    pub(super) async fn expired(&self, idle_time_max: Duration, bytes_per_second_min: u64) {
        loop {
            let remaining = match self.pending_since.load(Ordering::Relaxed) {
                NOTHING_PENDING => idle_time_max,
                since => {
                    let written = self.written.load(Ordering::Relaxed);
                    let earned = Duration::from_secs(written / bytes_per_second_min.max(1));
                    let waited = self.open_for().saturating_sub(Duration::from_micros(since));
                    (idle_time_max + earned).saturating_sub(waited)
                }
            };
            if remaining.is_zero() {
                return;
            }
            tokio::time::sleep(remaining).await;
        }
    }

    fn open_for(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.opened)
    }

    /// The client takes nothing at the moment.
    fn blocked(&self) {
        if self.pending_since.load(Ordering::Relaxed) == NOTHING_PENDING {
            self.written.store(0, Ordering::Relaxed);
            self.pending_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.open_for().as_micros()).unwrap_or(NOTHING_PENDING - 1)
    }

    fn wrote(&self, bytes: usize) {
        if self.pending_since.load(Ordering::Relaxed) != NOTHING_PENDING {
            self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Everything has been written.
    fn flushed(&self) {
        if self.pending_since.load(Ordering::Relaxed) != NOTHING_PENDING {
            self.flushed_at.store(self.now(), Ordering::Relaxed);
            self.pending_since.store(NOTHING_PENDING, Ordering::Relaxed);
        }
    }
}

/// A stream that reports its writes to a [`WriteTimeout`]. Only its own task writes to it, so the counters need no
/// memory order.
pub(super) struct TimedStream<S> {
    stream: S,
    write_timeout: Arc<WriteTimeout>,
}

impl<S> TimedStream<S> {
    pub(super) fn new(stream: S, write_timeout: Arc<WriteTimeout>) -> Self {
        Self { stream, write_timeout }
    }

    fn report(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.write_timeout.blocked(),
            Poll::Ready(Ok(bytes)) => self.write_timeout.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.report(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.report(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // A flush follows the last write.
        self.write_timeout.flushed();
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

    struct Connection {
        clock: Clock,
        timeout: Arc<WriteTimeout>,
        server: TimedStream<DuplexStream>,
        client: DuplexStream,
    }

    fn connection() -> Connection {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let timeout = Arc::new(WriteTimeout::new(clock.clone()));
        let (server, client) = tokio::io::duplex(PIPE_BYTES);
        Connection { server: TimedStream::new(server, Arc::clone(&timeout)), clock, timeout, client }
    }

    impl Connection {
        #[track_caller]
        fn check(&self, is_expired: bool) {
            let expired = self.timeout.expired(IDLE_TIME_MAX, BYTES_PER_SECOND_MIN).now_or_never();
            assert_eq!(expired.is_some(), is_expired);
        }

        /// Writes as much as the client's side has room for.
        fn write(&mut self, bytes: usize) {
            let _ = self.server.write_all(&vec![0; bytes]).now_or_never();
        }

        async fn read(&mut self, bytes: usize) {
            self.client.read_exact(&mut vec![0; bytes]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_time_of_a_client_that_reads_nothing_expires_and_of_one_that_has_all_it_does_not() {
        let mut connection = connection();
        connection.write(PIPE_BYTES);
        connection.clock.advance(2 * IDLE_TIME_MAX);
        connection.check(false);
        connection.write(1);
        connection.check(false);
        connection.clock.advance(IDLE_TIME_MAX);
        connection.check(true);
        connection.read(PIPE_BYTES).await;
        connection.write(PIPE_BYTES);
        connection.server.flush().await.unwrap();
        connection.check(false);
    }

    #[tokio::test]
    async fn the_time_of_a_client_that_reads_a_little_now_and_then_expires_all_the_same() {
        let mut connection = connection();
        connection.write(PIPE_BYTES + 1);
        for _ in 0..2 {
            connection.clock.advance(Duration::from_secs(14));
            connection.read(1).await;
            connection.write(2);
            connection.check(false);
        }
        connection.clock.advance(Duration::from_secs(2));
        connection.check(true);
        // What it has read gives it time: ten bytes a second.
        connection.read(PIPE_BYTES).await;
        connection.write(PIPE_BYTES + 1);
        connection.check(false);
        connection.clock.advance(Duration::from_secs(9));
        connection.check(false);
        connection.clock.advance(Duration::from_secs(1));
        connection.check(true);
    }
}

//! The time limit for the header of a request.
//!
//! hyper has such a limit, but arms and disarms a timer for each request, which takes a lock that all connections
//! share, twice. Here each connection has one timer; when it fires, it looks how long the header has really been
//! awaited.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Frame, SizeHint};

use super::write_timeout::WriteTimeout;
use crate::clock::Clock;

/// A request is being answered, so no header is awaited.
const ANSWERING: u64 = u64::MAX;

/// How long one connection has waited for the header of its next request.
pub(super) struct HeaderTimeout {
    clock: Clock,
    opened: Instant,
    /// Microseconds after `opened`, or [`ANSWERING`].
    awaited_since: AtomicU64,
}

impl HeaderTimeout {
    /// Awaits the first header from now on.
    pub(super) fn new(clock: Clock) -> Self {
        Self { opened: clock.instant(), clock, awaited_since: AtomicU64::new(0) }
    }

    /// A header has arrived. The next one is awaited once the body of the response has been dropped.
    pub(super) fn header_received(&self) {
        self.awaited_since.store(ANSWERING, Ordering::Relaxed);
    }

    /// Ends when a header has been awaited for `time_max`. Time in which the client still reads the previous response
    /// does not count: the body is dropped long before its last byte has left.
    pub(super) async fn expired(&self, time_max: Duration, write_timeout: &WriteTimeout) {
        loop {
            let waited = match self.awaited_since.load(Ordering::Relaxed) {
                ANSWERING => Duration::ZERO,
                since => self.open_for().saturating_sub(Duration::from_micros(since)).min(write_timeout.idle_for()),
            };
            if waited >= time_max {
                return;
            }
            tokio::time::sleep(time_max.saturating_sub(waited)).await;
        }
    }

    fn open_for(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.opened)
    }

    fn await_next(&self) {
        let now = u64::try_from(self.open_for().as_micros()).unwrap_or(ANSWERING - 1);
        self.awaited_since.store(now, Ordering::Relaxed);
    }
}

/// The body of a response. When it is dropped, the header of the next request is awaited.
pub(super) struct ResponseBody<B> {
    pub(super) body: B,
    pub(super) header_timeout: Arc<HeaderTimeout>,
}

impl<B: Body + Unpin> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for ResponseBody<B> {
    fn drop(&mut self) {
        self.header_timeout.await_next();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;
    use http_body_util::Empty;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::super::write_timeout::TimedStream;
    use super::*;
    use crate::domain::time::Timestamp;

    const LIMIT: Duration = Duration::from_secs(10);

    fn response_body(header_timeout: &Arc<HeaderTimeout>) -> ResponseBody<Empty<Bytes>> {
        ResponseBody { body: Empty::new(), header_timeout: Arc::clone(header_timeout) }
    }

    #[tokio::test]
    async fn only_the_wait_for_a_header_counts() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let header = Arc::new(HeaderTimeout::new(clock.clone()));
        let write = WriteTimeout::new(clock.clone());
        let check = |expired: bool| assert_eq!(header.expired(LIMIT, &write).now_or_never().is_some(), expired);
        clock.advance(LIMIT / 2);
        check(false);
        clock.advance(LIMIT / 2);
        check(true);
        header.header_received();
        clock.advance(10 * LIMIT);
        check(false);
        drop(response_body(&header));
        check(false);
        clock.advance(LIMIT);
        check(true);
    }

    #[tokio::test]
    async fn a_client_that_still_reads_a_response_need_not_send_the_next_header() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let header = Arc::new(HeaderTimeout::new(clock.clone()));
        let write = Arc::new(WriteTimeout::new(clock.clone()));
        let (server, mut client) = duplex(1);
        let mut server = TimedStream::new(server, Arc::clone(&write));
        let check = |expired: bool| assert_eq!(header.expired(LIMIT, &write).now_or_never().is_some(), expired);
        header.header_received();
        // The body is in the connection's buffer, and the client takes its time.
        drop(response_body(&header));
        assert_eq!(server.write_all(b"ab").now_or_never().map(|written| written.is_ok()), None);
        clock.advance(2 * LIMIT);
        check(false);
        client.read_exact(&mut [0]).await.unwrap();
        server.write_all(b"b").await.unwrap();
        server.flush().await.unwrap();
        check(false);
        clock.advance(LIMIT);
        check(true);
    }
}

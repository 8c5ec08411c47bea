//! How long a connection has waited for the head of a request.
//!
//! hyper has such a limit, and arms and disarms a timer for each request, which means a lock that all connections share,
//! twice. Here each connection has one timer, which looks, when it fires, how long the wait really was.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::outflow::Outflow;
use crate::clock::Clock;

/// Stands for a request that is under way, so that no head is waited for.
const UNDER_WAY: u64 = u64::MAX;

/// The heads of one connection's requests.
pub(super) struct Heads {
    clock: Clock,
    opened: Instant,
    /// Microseconds after `opened`, or [`UNDER_WAY`].
    awaited_since: AtomicU64,
}

impl Heads {
    /// The first head is waited for from now on.
    pub(super) fn new(clock: Clock) -> Self {
        Self { opened: clock.instant(), clock, awaited_since: AtomicU64::new(0) }
    }

    /// A head has arrived. The next one is waited for when the answer's body has gone.
    pub(super) fn arrived(&self) {
        self.awaited_since.store(UNDER_WAY, Ordering::Relaxed);
    }

    /// Ends when a head has been waited for so long. Whoever still takes in the answer before is not waited for: its body has
    /// gone from here long before the last of it has gone out.
    pub(super) async fn overdue(&self, time_max: Duration, outflow: &Outflow) {
        loop {
            let waited = match self.awaited_since.load(Ordering::Relaxed) {
                UNDER_WAY => Duration::ZERO,
                since => self.open_for().saturating_sub(Duration::from_micros(since)).min(outflow.idle_for()),
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
        let now = u64::try_from(self.open_for().as_micros()).unwrap_or(UNDER_WAY - 1);
        self.awaited_since.store(now, Ordering::Relaxed);
    }
}

/// The body of an answer, after which the next head is waited for.
pub(super) struct AnswerBody {
    pub(super) body: Body,
    pub(super) heads: Arc<Heads>,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.heads.await_next();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::super::outflow::Watched;
    use super::*;
    use crate::domain::time::Timestamp;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn only_the_wait_for_a_head_counts() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let heads = Arc::new(Heads::new(clock.clone()));
        let outflow = Outflow::new(clock.clone());
        let check = |overdue: bool| assert_eq!(heads.overdue(LIMIT, &outflow).now_or_never().is_some(), overdue);
        clock.advance(LIMIT / 2);
        check(false);
        clock.advance(LIMIT / 2);
        check(true);
        heads.arrived();
        clock.advance(10 * LIMIT);
        check(false);
        drop(AnswerBody { body: Body::empty(), heads: Arc::clone(&heads) });
        check(false);
        clock.advance(LIMIT);
        check(true);
    }

    #[tokio::test]
    async fn whoever_still_takes_in_an_answer_is_not_waited_for() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let heads = Arc::new(Heads::new(clock.clone()));
        let outflow = Arc::new(Outflow::new(clock.clone()));
        let (server, mut client) = duplex(1);
        let mut server = Watched::new(server, Arc::clone(&outflow));
        let check = |overdue: bool| assert_eq!(heads.overdue(LIMIT, &outflow).now_or_never().is_some(), overdue);
        heads.arrived();
        // The body is in the connection's buffer, and the client takes its time.
        drop(AnswerBody { body: Body::empty(), heads: Arc::clone(&heads) });
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

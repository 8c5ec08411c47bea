//! The time limit for a transfer, an import or an export: how long it waits for its client, at a time and in all.

use std::time::Duration;

use crate::clock::Clock;

/// Time that a streamed request body may stand still before the request is ended, so that a stalled import frees what
/// it holds.
const UPLOAD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that a piece of a response may wait for the client to take it, for the same reason.
const DOWNLOAD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes a second that go one way or the other at least, once a transfer has waited for longer than its idle time: a
/// client that sends or takes a byte now and then would keep what the transfer holds for ever. Slower than any modem.
const TRANSFER_BYTES_PER_SECOND_MIN: u64 = 1_024;

/// How long the server waits for clients that send or read slowly. No setting changes them; tests do.
#[derive(Clone, Copy, Debug)]
pub struct TransferLimits {
    /// Time that a streamed request body may stand still.
    pub upload_idle_time_max: Duration,
    /// Time that a piece of a response may wait for the client to take it.
    pub download_idle_time_max: Duration,
    /// Least rate of a transfer that takes longer than these times.
    pub bytes_per_second_min: u64,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            upload_idle_time_max: UPLOAD_IDLE_TIME_MAX,
            download_idle_time_max: DOWNLOAD_IDLE_TIME_MAX,
            bytes_per_second_min: TRANSFER_BYTES_PER_SECOND_MIN,
        }
    }
}

/// The waiting time that one transfer has left. Only waiting for the client counts, never the server's own work, and
/// each transferred byte adds time.
#[derive(Debug)]
pub struct TransferTimeout {
    clock: Clock,
    idle_time_max: Duration,
    bytes_per_second_min: u64,
    waited: Duration,
    bytes: u64,
}

impl TransferTimeout {
    /// The timeout of a request body that is read as a stream.
    #[must_use]
    pub fn of_upload(limits: TransferLimits, clock: Clock) -> Self {
        Self::new(limits.upload_idle_time_max, limits.bytes_per_second_min, clock)
    }

    /// The timeout of a response that is written as a stream.
    #[must_use]
    pub fn of_download(limits: TransferLimits, clock: Clock) -> Self {
        Self::new(limits.download_idle_time_max, limits.bytes_per_second_min, clock)
    }

    fn new(idle_time_max: Duration, bytes_per_second_min: u64, clock: Clock) -> Self {
        let bytes_per_second_min = bytes_per_second_min.max(1);
        Self { clock, idle_time_max, bytes_per_second_min, waited: Duration::ZERO, bytes: 0 }
    }

    /// Waits for the client; `None` when it takes too long.
    pub async fn wait<T>(&mut self, client: impl Future<Output = T>) -> Option<T> {
        let began = self.clock.instant();
        let done = tokio::time::timeout(self.remaining(), client).await;
        self.waited += self.clock.instant().saturating_duration_since(began);
        done.ok()
    }

    /// Counts bytes that were sent or received.
    pub fn transferred(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// How long it waits for the next piece.
    fn remaining(&self) -> Duration {
        let earned = Duration::from_secs(self.bytes / self.bytes_per_second_min);
        self.idle_time_max.min((self.idle_time_max + earned).saturating_sub(self.waited))
    }

    /// The reason to give a client whose request body came too slowly.
    #[must_use]
    pub fn reason(&self) -> String {
        let (secs, rate) = (self.idle_time_max.as_secs(), self.bytes_per_second_min);
        format!("The body stood still for {secs} s, or came with fewer than {rate} bytes a second")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[tokio::test]
    async fn a_byte_now_and_then_does_not_last_for_ever_and_a_slow_line_does() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let idle_time_max = Duration::from_secs(30);
        let after = async |timeout: &mut TransferTimeout, secs: u64, bytes: usize| {
            let client = async { clock.advance(Duration::from_secs(secs)) };
            let came = timeout.wait(client).await.is_some();
            timeout.transferred(bytes);
            came && !timeout.remaining().is_zero()
        };
        let mut trickle = TransferTimeout::new(idle_time_max, 100, clock.clone());
        assert!(after(&mut trickle, 29, 1).await);
        assert!(!after(&mut trickle, 29, 1).await);
        let mut slow = TransferTimeout::new(idle_time_max, 100, clock.clone());
        for _ in 0..1_000 {
            assert!(after(&mut slow, 10, 1_000).await);
        }
        assert_eq!(slow.remaining(), idle_time_max);
    }
}

//! How long a transfer waits for its client: never for long at a time, and not for ever in sum.

use std::time::Duration;

use super::settings::HttpSettings;
use crate::clock::Clock;

/// What one transfer has left of its waiting time. Only waiting for the client counts, never the server's own work, and each
/// byte that goes over earns time.
#[derive(Debug)]
pub struct Patience {
    clock: Clock,
    idle_time_max: Duration,
    bytes_per_second_min: u64,
    waited: Duration,
    bytes: u64,
}

impl Patience {
    /// For a client that may keep a piece waiting for `idle_time_max`.
    #[must_use]
    pub fn new(idle_time_max: Duration, settings: &HttpSettings, clock: Clock) -> Self {
        let bytes_per_second_min = settings.transfer_bytes_per_second_min.max(1);
        Self { clock, idle_time_max, bytes_per_second_min, waited: Duration::ZERO, bytes: 0 }
    }

    /// Waits for the client; `None` when it takes too long.
    pub async fn wait<T>(&mut self, client: impl Future<Output = T>) -> Option<T> {
        let begun = self.clock.instant();
        let done = tokio::time::timeout(self.left(), client).await;
        self.waited += self.clock.instant().saturating_duration_since(begun);
        done.ok()
    }

    /// So many bytes have gone over.
    pub fn moved(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// How long it waits for the next piece.
    fn left(&self) -> Duration {
        let earned = Duration::from_secs(self.bytes / self.bytes_per_second_min);
        self.idle_time_max.min((self.idle_time_max + earned).saturating_sub(self.waited))
    }

    /// What becomes of a request whose client sent too slowly, in words.
    #[must_use]
    pub fn exhausted(&self) -> String {
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
        let settings = HttpSettings { transfer_bytes_per_second_min: 100, ..HttpSettings::default() };
        let idle_time_max = Duration::from_secs(30);
        let after = async |patience: &mut Patience, secs: u64, bytes: usize| {
            let client = async { clock.advance(Duration::from_secs(secs)) };
            let came = patience.wait(client).await.is_some();
            patience.moved(bytes);
            came && !patience.left().is_zero()
        };
        let mut trickle = Patience::new(idle_time_max, &settings, clock.clone());
        assert!(after(&mut trickle, 29, 1).await);
        assert!(!after(&mut trickle, 29, 1).await);
        let mut slow = Patience::new(idle_time_max, &settings, clock.clone());
        for _ in 0..1_000 {
            assert!(after(&mut slow, 10, 1_000).await);
        }
        assert_eq!(slow.left(), idle_time_max);
    }
}

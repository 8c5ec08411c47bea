//! Where failed sign-ins are counted and limited: how many unknown tokens, sessions and codes may be tried.
//!
//! Two bounds. One counts the failures of an address within a minute and refuses that address; a look-up counts from
//! when it is allowed, and is given back if it succeeds, so that concurrent guesses are bounded, too. The other counts
//! look-ups of all addresses within a second, so that guessing from a thousand addresses cannot occupy the database
//! either. Cached tokens are not limited, so clients that share an address with a guesser keep working.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::server::client_network;

/// Addresses that are remembered, the longest unused forgotten first. With its window each takes about 100 bytes.
const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

/// The span over which an address's failures are counted.
const FAILURE_WINDOW: Duration = Duration::from_mins(1);

/// The span over which everyone's look-ups are counted.
const LOOK_UP_WINDOW: Duration = Duration::from_secs(1);

/// Unknown tokens that are looked up in the database in a second, from all addresses together: it keeps guessing from
/// many addresses away from the read connections.
const TOKEN_LOOK_UPS_PER_SECOND_MAX: u32 = 100;

/// Counts failed sign-ins, and says which addresses have to wait.
pub struct FailedSignInLimit {
    clock: Clock,
    failures_max: u32,
    look_ups_max: u32,
    /// Guards counters only; nothing but arithmetic is ever done under it, so no request waits for another's look-up.
    counters: Mutex<SignInCounters>,
    refused: AtomicU64,
}

struct SignInCounters {
    failures: LruCache<IpAddr, Attempts>,
    look_ups: EventCount,
}

/// What an address has tried within its minute.
struct Attempts {
    /// All that was allowed, but for what has succeeded.
    allowed: EventCount,
    /// What is known to have failed.
    failed: u32,
}

/// A look-up that was allowed, and counts as failed unless it is [given back](FailedSignInLimit::succeeded).
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    network: IpAddr,
    /// The minute in which it counts.
    window: Instant,
}

/// Events since a moment.
#[derive(Clone, Copy)]
struct EventCount {
    began: Instant,
    count: u32,
}

impl EventCount {
    /// Starts anew if its span is over.
    fn roll(&mut self, now: Instant, span: Duration) {
        if now.saturating_duration_since(self.began) >= span {
            *self = Self { began: now, count: 0 };
        }
    }

    fn time_left(&self, now: Instant, span: Duration) -> Duration {
        span.saturating_sub(now.saturating_duration_since(self.began))
    }
}

impl FailedSignInLimit {
    /// A limit of this many failures of an address in a minute.
    #[must_use]
    pub fn new(failures_max: u32, clock: Clock) -> Self {
        Self::with_look_ups(failures_max, TOKEN_LOOK_UPS_PER_SECOND_MAX, clock)
    }

    fn with_look_ups(failures_max: u32, look_ups_max: u32, clock: Clock) -> Self {
        let look_ups = EventCount { began: clock.instant(), count: 0 };
        Self {
            clock,
            failures_max,
            look_ups_max,
            counters: Mutex::new(SignInCounters { failures: LruCache::new(ADDRESSES_MAX), look_ups }),
            refused: AtomicU64::new(0),
        }
    }

    /// How many failures an address may have in a minute.
    #[must_use]
    pub fn failures_max(&self) -> u32 {
        self.failures_max
    }

    /// How many look-ups were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether a token from this address may be looked up now, and if not, for how long not.
    pub fn allow(&self, address: IpAddr) -> Result<Attempt, Duration> {
        self.judge(address).inspect_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn judge(&self, address: IpAddr) -> Result<Attempt, Duration> {
        let (now, network) = (self.clock.instant(), client_network(address));
        // SignInCounters are right after every statement, so a panic elsewhere cannot have left them torn.
        let mut counters = self.counters.lock();
        let SignInCounters { failures, look_ups } = &mut *counters;
        let attempts = failures
            .get_or_insert_mut(network, || Attempts { allowed: EventCount { began: now, count: 0 }, failed: 0 });
        if attempts.allowed.time_left(now, FAILURE_WINDOW).is_zero() {
            *attempts = Attempts { allowed: EventCount { began: now, count: 0 }, failed: 0 };
        }
        if attempts.allowed.count >= self.failures_max {
            return Err(attempts.allowed.time_left(now, FAILURE_WINDOW));
        }
        look_ups.roll(now, LOOK_UP_WINDOW);
        if look_ups.count >= self.look_ups_max {
            return Err(look_ups.time_left(now, LOOK_UP_WINDOW));
        }
        look_ups.count += 1;
        attempts.allowed.count += 1;
        Ok(Attempt { network, window: attempts.allowed.began })
    }

    /// Gives back a look-up that found something, or could not be done.
    pub fn succeeded(&self, attempt: Attempt) {
        let mut counters = self.counters.lock();
        if let Some(attempts) = counters.attempts_of(attempt) {
            attempts.allowed.count = attempts.allowed.count.saturating_sub(1);
        }
    }

    /// Notes that the database did not know a token. Tells whether it was the last one that is allowed.
    pub fn failed(&self, attempt: Attempt) -> bool {
        let mut counters = self.counters.lock();
        let Some(attempts) = counters.attempts_of(attempt) else { return false };
        attempts.failed = attempts.failed.saturating_add(1);
        attempts.failed == self.failures_max
    }
}

impl SignInCounters {
    /// What counts in the minute of an attempt, unless that is over or forgotten.
    fn attempts_of(&mut self, attempt: Attempt) -> Option<&mut Attempts> {
        self.failures.get_mut(&attempt.network).filter(|attempts| attempts.allowed.began == attempt.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn limiter(failures: u32, look_ups: u32) -> (FailedSignInLimit, Clock) {
        let clock = Clock::manual(Timestamp::from_millis(1_763_800_000_000));
        (FailedSignInLimit::with_look_ups(failures, look_ups, clock.clone()), clock)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(limiter: &FailedSignInLimit, address: IpAddr) -> bool {
        limiter.failed(limiter.allow(address).unwrap())
    }

    fn wait(limiter: &FailedSignInLimit, address: IpAddr) -> Option<Duration> {
        limiter.allow(address).map(|attempt| limiter.succeeded(attempt)).err()
    }

    #[test]
    fn an_address_that_fails_too_often_waits_out_its_minute() {
        let (limiter, clock) = limiter(2, 1_000);
        let guesser = address("192.0.2.1");
        assert!(!fail(&limiter, guesser));
        clock.advance(Duration::from_secs(20));
        assert!(fail(&limiter, guesser), "the last one");
        assert_eq!(wait(&limiter, guesser), Some(Duration::from_secs(40)));
        assert_eq!(wait(&limiter, address("::ffff:192.0.2.1")), Some(Duration::from_secs(40)));
        assert_eq!(wait(&limiter, address("192.0.2.2")), None);
        clock.set_wall(Timestamp::from_millis(0));
        assert!(limiter.allow(guesser).is_err(), "the wall clock has no say");
        clock.advance(Duration::from_secs(40));
        assert_eq!(wait(&limiter, guesser), None);
    }

    #[test]
    fn look_ups_under_way_count_and_those_that_succeed_are_given_back() {
        let (limiter, clock) = limiter(2, 1_000);
        let home = address("192.0.2.1");
        let (first, second) = (limiter.allow(home).unwrap(), limiter.allow(home).unwrap());
        assert_eq!(wait(&limiter, home), Some(FAILURE_WINDOW));
        limiter.succeeded(first);
        assert!(!fail(&limiter, home));
        assert_eq!(wait(&limiter, home), Some(FAILURE_WINDOW));
        clock.advance(FAILURE_WINDOW);
        let (third, _) = (limiter.allow(home).unwrap(), limiter.allow(home).unwrap());
        limiter.succeeded(second);
        assert_eq!(wait(&limiter, home), Some(FAILURE_WINDOW), "what is of another minute gives nothing back");
        limiter.succeeded(third);
        assert_eq!(wait(&limiter, home), None);
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one() {
        let (limiter, _) = limiter(1, 1_000);
        fail(&limiter, address("2001:db8:0:1::1"));
        assert!(limiter.allow(address("2001:db8:0:1:ffff::2")).is_err());
        assert_eq!(wait(&limiter, address("2001:db8:0:2::1")), None);
    }

    #[test]
    fn look_ups_of_all_addresses_together_are_bounded() {
        let (limiter, clock) = limiter(1_000, 3);
        for host in 1..=3 {
            assert_eq!(wait(&limiter, IpAddr::from([192, 0, 2, host])), None);
        }
        assert_eq!(wait(&limiter, address("192.0.2.4")), Some(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(wait(&limiter, address("192.0.2.4")), None);
    }

    #[test]
    fn memory_of_addresses_is_bounded() {
        let (limiter, _) = limiter(1, u32::MAX);
        for number in 0..10_000_u32 {
            fail(&limiter, IpAddr::from(number.to_be_bytes()));
        }
        assert_eq!(limiter.counters.lock().failures.len(), ADDRESSES_MAX.get());
    }
}

//! Time as a value: a wall clock for timestamps, a monotonic clock for durations.
//!
//! No other file reads the time of the operating system, so a test that sets this clock controls all time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::time::Timestamp;

/// One moment, by the wall clock and by the monotonic one.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic time.
    pub instant: Instant,
    /// Wall-clock time.
    pub wall: Timestamp,
}

/// A source of wall-clock and monotonic time. Cloning is cheap, and all clones share one time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    wall_millis: AtomicI64,
    elapsed_micros: AtomicI64,
    origin: Instant,
}

impl Clock {
    /// The operating system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stays at `start` until a test moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Manual {
            wall_millis: AtomicI64::new(start.millis()),
            elapsed_micros: AtomicI64::new(0),
            origin: Instant::now(),
        })))
    }

    /// Wall-clock time. It may jump, so durations must be measured with [`instant`](Self::instant).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual(manual) => Timestamp::from_millis(manual.wall_millis.load(Ordering::SeqCst)),
        }
    }

    /// Monotonic time: only differences are meaningful, and they are never negative.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(manual) => {
                let elapsed = manual.elapsed_micros.load(Ordering::SeqCst);
                manual.origin + Duration::from_micros(u64::try_from(elapsed).unwrap_or(0))
            }
        }
    }

    /// Processor time that this thread has used: only differences are meaningful. A manual clock uses none.
    #[must_use]
    pub fn thread_time(&self) -> Duration {
        match &self.0 {
            Source::System => {
                let time = clock_gettime(ClockId::ThreadCPUTime);
                Duration::try_from(time).unwrap_or_default()
            }
            Source::Manual(_) => Duration::ZERO,
        }
    }

    /// Both times at once.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { instant: self.instant(), wall: self.now() }
    }

    /// Moves the wall-clock and the monotonic time of a manual clock forward; a system clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall_millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
            manual.elapsed_micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Sets only the wall-clock time of a manual clock, as an administrator or NTP does; a system clock ignores it.
    pub fn set_wall(&self, to: Timestamp) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall_millis.store(to.millis(), Ordering::SeqCst);
        }
    }
}

//! Time as a value: the wall clock for what people read, a monotonic clock for how long things take.
//!
//! Nothing else in Muster asks the operating system for the time, so a test that sets this clock has set time itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// One moment, by the wall clock and by the monotonic one.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic time.
    pub instant: Instant,
    /// Wall-clock time.
    pub wall: Timestamp,
}

/// A source of wall-clock and monotonic time; cloning it is cheap and every clone tells the same time.
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

    /// A clock that stands at `start` until a test moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Manual {
            wall_millis: AtomicI64::new(start.millis()),
            elapsed_micros: AtomicI64::new(0),
            origin: Instant::now(),
        })))
    }

    /// Wall-clock time. It may jump; never subtract two of these to learn how long something took.
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

    /// Monotonic time: only differences of it mean anything, and they are never negative.
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

    /// Both times at once.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { instant: self.instant(), wall: self.now() }
    }

    /// Moves a manual clock forward, both its faces; a system clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall_millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
            manual.elapsed_micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// Makes the wall clock of a manual clock jump, as an administrator or NTP does; monotonic time stands still.
    pub fn set_wall(&self, to: Timestamp) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall_millis.store(to.millis(), Ordering::SeqCst);
        }
    }
}

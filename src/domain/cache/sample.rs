//! What the cache counted in a span of time: one minute, or the sum of several.

use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::duration_buckets::DurationBuckets;
use crate::domain::time::Timestamp;

/// Minutes of an hour.
pub const HOUR_MINUTES: i64 = 60;

/// Minutes of a day.
pub const DAY_MINUTES: i64 = 24 * HOUR_MINUTES;

/// Milliseconds of a minute.
const MINUTE_MILLIS: i64 = 60_000;

/// A minute by the wall clock in UTC, counted from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(i64);

impl Minute {
    /// A minute by its number.
    #[must_use]
    pub const fn from_number(minutes_since_epoch: i64) -> Self {
        Self(minutes_since_epoch)
    }

    /// The minute that contains a moment.
    #[must_use]
    pub const fn of(moment: Timestamp) -> Self {
        Self(moment.millis().div_euclid(MINUTE_MILLIS))
    }

    /// Minutes since 1970.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// When it begins.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(MINUTE_MILLIS))
    }

    /// Milliseconds left in this minute after a moment, at least one.
    #[must_use]
    pub const fn rest(moment: Timestamp) -> u64 {
        MINUTE_MILLIS.abs_diff(moment.millis().rem_euclid(MINUTE_MILLIS))
    }

    /// The minute so many minutes later, or earlier.
    #[must_use]
    pub const fn plus(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(minutes))
    }

    /// The first minute of the step of so many minutes that contains it; steps are counted from 1970.
    #[must_use]
    pub const fn floor(self, step_minutes: i64) -> Self {
        Self(self.0 - self.0.rem_euclid(step_minutes))
    }
}

/// What requests and loads amounted to. What each counts is said where it is counted (`cache::Stats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestCounters {
    /// Answered from a fresh entry.
    #[schema(example = 950)]
    pub hits: u64,
    /// Not answered from a fresh entry.
    #[schema(example = 50)]
    pub misses: u64,
    /// The part of the misses that joined a load.
    #[schema(example = 12)]
    pub coalesced: u64,
    /// The part of the misses that was a 304 without a load.
    #[schema(example = 3)]
    pub revalidated: u64,
    /// The part of the misses that was served an overdue entry because the load failed.
    #[schema(example = 0)]
    pub stale: u64,
    /// Loads that ended.
    #[schema(example = 35)]
    pub loads: u64,
    /// The part of the loads that failed.
    #[schema(example = 0)]
    pub load_failures: u64,
    /// Clears of more than one entry, and times when everything went because anything might have changed.
    #[schema(example = 1)]
    pub mass_invalidations: u64,
}

impl RequestCounters {
    /// The part of all requests that was answered from a fresh entry; `None` when there was no request.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio is read by people")]
    pub fn hit_ratio(&self) -> Option<f64> {
        let requests = self.hits.saturating_add(self.misses);
        (requests > 0).then(|| self.hits as f64 / requests as f64)
    }
}

/// Entries that went, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemovalCounters {
    /// Past their time; counted once, when swept.
    #[schema(example = 4)]
    pub expired: u64,
    /// A load brought the same key anew.
    #[schema(example = 9)]
    pub replaced: u64,
    /// The least recently used of too many.
    #[schema(example = 0)]
    pub size: u64,
    /// The least recently used of too many bytes.
    #[schema(example = 0)]
    pub bytes: u64,
    /// A write changed what they show.
    #[schema(example = 21)]
    pub invalidated: u64,
    /// Somebody asked for it.
    #[schema(example = 2)]
    pub cleared: u64,
}

/// What the cache held at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CacheGauges {
    /// Fresh entries.
    pub entries: u64,
    /// Entries that are not fresh any more and wait for the sweep.
    pub expired_entries: u64,
    /// Bytes of all entries.
    pub bytes: u64,
    /// Memory of the process, where the system tells it.
    #[serde(default)]
    pub rss_bytes: Option<u64>,
}

/// What was counted in a span of time, and what the cache held at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheSample {
    /// Requests and loads.
    pub requests: RequestCounters,
    /// Removed entries.
    pub removals: RemovalCounters,
    /// Load time that hits saved.
    pub saved: Duration,
    /// How long hits took.
    pub hit_durations: DurationBuckets,
    /// How long loads took.
    pub load_durations: DurationBuckets,
    /// What the cache held; `None` when it was not sampled.
    pub gauges: Option<CacheGauges>,
}

impl CacheSample {
    /// Whether nothing was counted.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        *self == Self { gauges: self.gauges, ..Self::default() }
    }
}

/// Adds a later sample.
impl AddAssign<&CacheSample> for CacheSample {
    fn add_assign(&mut self, later: &CacheSample) {
        self.requests += later.requests;
        self.removals += later.removals;
        self.saved = self.saved.saturating_add(later.saved);
        self.hit_durations = self.hit_durations.merged(&later.hit_durations);
        self.load_durations = self.load_durations.merged(&later.load_durations);
        self.gauges = later.gauges.or(self.gauges);
    }
}

impl AddAssign for RequestCounters {
    fn add_assign(&mut self, other: Self) {
        self.hits = self.hits.saturating_add(other.hits);
        self.misses = self.misses.saturating_add(other.misses);
        self.coalesced = self.coalesced.saturating_add(other.coalesced);
        self.revalidated = self.revalidated.saturating_add(other.revalidated);
        self.stale = self.stale.saturating_add(other.stale);
        self.loads = self.loads.saturating_add(other.loads);
        self.load_failures = self.load_failures.saturating_add(other.load_failures);
        self.mass_invalidations = self.mass_invalidations.saturating_add(other.mass_invalidations);
    }
}

impl AddAssign for RemovalCounters {
    fn add_assign(&mut self, other: Self) {
        self.expired = self.expired.saturating_add(other.expired);
        self.replaced = self.replaced.saturating_add(other.replaced);
        self.size = self.size.saturating_add(other.size);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.invalidated = self.invalidated.saturating_add(other.invalidated);
        self.cleared = self.cleared.saturating_add(other.cleared);
    }
}

/// A span of time up to now, of which the numbers are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Window {
    /// The last hour, by minutes.
    #[default]
    #[serde(rename = "1h")]
    Hour,
    /// The last day, by ten minutes.
    #[serde(rename = "24h")]
    Day,
    /// The last week, by hours.
    #[serde(rename = "7d")]
    Week,
    /// The last thirty days, by four hours.
    #[serde(rename = "30d")]
    Month,
}

impl Window {
    /// Every window.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// How long it is, in minutes.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        match self {
            Self::Hour => HOUR_MINUTES,
            Self::Day => DAY_MINUTES,
            Self::Week => 7 * DAY_MINUTES,
            Self::Month => 30 * DAY_MINUTES,
        }
    }

    /// How long each of its steps is, in minutes. Sixty to 180 steps: as many points as a chart can show.
    #[must_use]
    pub const fn step_minutes(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 10,
            Self::Week => HOUR_MINUTES,
            Self::Month => 4 * HOUR_MINUTES,
        }
    }

    /// Its first minute, if `now` is in its last step: whole steps, of which the last is still running.
    #[must_use]
    pub const fn first_minute(self, now: Minute) -> Minute {
        now.floor(self.step_minutes()).plus(self.step_minutes() - self.minutes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_of_whole_steps_up_to_the_running_one() {
        let now = Minute::of(Timestamp::parse("2026-11-22T07:31:37.860Z").unwrap());
        let check = |window: Window, first: &str| {
            assert_eq!(window.first_minute(now).start().to_string(), first, "{window:?}");
            assert_eq!(window.minutes() % window.step_minutes(), 0);
        };
        check(Window::Hour, "2026-11-22T06:32:00.000Z");
        check(Window::Day, "2026-11-21T07:40:00.000Z");
        check(Window::Week, "2026-11-15T08:00:00.000Z");
        check(Window::Month, "2026-10-23T08:00:00.000Z");
    }

    #[test]
    fn a_moment_before_1970_has_its_minute_too() {
        assert_eq!(Minute::of(Timestamp::from_millis(-1)), Minute::from_number(-1));
        assert_eq!(Minute::from_number(-1).floor(10), Minute::from_number(-10));
    }

    #[test]
    fn samples_add_up_and_the_later_says_what_the_cache_held() {
        let gauges = |entries| Some(CacheGauges { entries, ..CacheGauges::default() });
        let mut sum = CacheSample { gauges: gauges(1), ..CacheSample::default() };
        assert!(sum.is_quiet());
        let durations = DurationBuckets::of([(Duration::from_nanos(7), 1)]);
        let minute = CacheSample {
            requests: RequestCounters { hits: 3, misses: 1, ..RequestCounters::default() },
            removals: RemovalCounters { size: 2, ..RemovalCounters::default() },
            saved: Duration::from_millis(5),
            hit_durations: durations.clone(),
            load_durations: DurationBuckets::default(),
            gauges: gauges(2),
        };
        sum += &minute;
        assert_eq!(sum, minute);
        sum += &CacheSample { gauges: None, ..minute.clone() };
        assert_eq!((sum.requests.hits, sum.removals.size, sum.saved), (6, 4, Duration::from_millis(10)));
        assert_eq!((sum.hit_durations, sum.gauges), (durations.merged(&durations), gauges(2)));
        assert_eq!(sum.requests.hit_ratio(), Some(0.75));
        assert_eq!(RequestCounters::default().hit_ratio(), None);
    }
}

//! The table of the fields that can be set: the name in JSON, the range, and the place in the configuration.
//! The defaults are in `CacheConfiguration::default`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::configuration::CacheConfiguration;
use crate::domain::number::whole_number;

/// Shortest duration that can be set: below it a cache is no cache.
pub const DURATION_MIN: Duration = Duration::from_secs(1);

/// Longest duration that can be set: 30 days. An entry ends with its day anyway.
pub const DURATION_MAX: Duration = Duration::from_hours(30 * 24);

/// Most entries that can be allowed. Clears, sweeps and lists iterate over all of them under the cache's lock, which
/// takes some milliseconds for so many.
pub const ENTRIES_MAX: u64 = 100_000;

/// Fewest bytes that can be allowed: 1 KiB. Less holds not even an empty entry.
pub const BYTES_MIN: u64 = 1024;

/// Most bytes that can be allowed: 64 GiB. More than machines of this kind have, so it is a slip of the finger.
pub const BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Highest limit of activity. Writes are counted exactly up to somewhat more than this, and an enterprise with so many
/// in an hour is of high activity by any measure.
pub const WRITES_MAX: u64 = 50_000;

/// Highest target of invalidations in an hour: as many as there can be writes.
pub const INVALIDATIONS_MAX: f64 = 50_000.0;

/// Highest target of a hit's duration, in milliseconds: a minute.
pub const HIT_MILLIS_MAX: f64 = 60_000.0;

/// A field that can be set.
#[derive(Debug)]
pub struct FieldRange {
    /// Its name in JSON, with a dot between an object and a field of it.
    pub name: &'static str,
    kind: Kind,
}

/// What a field can be set to, and its place in the configuration.
#[derive(Debug)]
enum Kind {
    /// A duration from [`DURATION_MIN`] to [`DURATION_MAX`].
    Ttl(Place<Duration>),
    /// The same, or zero.
    TtlOrZero(Place<Duration>),
    /// A whole number.
    Whole(RangeInclusive<u64>, Place<dyn WholeNumber>),
    /// A number above zero and at most this.
    AboveZero(f64, Place<f64>),
}

/// Where something is in the configuration.
pub(super) type Place<T> = fn(&mut CacheConfiguration) -> &mut T;

/// A whole number of any width.
pub(super) trait WholeNumber {
    /// Sets it to this number, or to the highest that it can hold.
    fn set(&mut self, number: u64);
}

/// Every field, in the order in which they are shown.
pub static FIELDS: [FieldRange; 14] = [
    ttl("ttlSettings.enterprise", |it| &mut it.ttl.enterprise),
    ttl("ttlSettings.department", |it| &mut it.ttl.department),
    ttl("ttlSettings.default", |it| &mut it.ttl.default),
    ttl("ttlSettings.highActivity", |it| &mut it.ttl.high_activity),
    ttl("ttlSettings.lowActivity", |it| &mut it.ttl.low_activity),
    whole("maxCacheSize", 1..=ENTRIES_MAX, |it| &mut it.entries_max),
    whole("maxCacheBytes", BYTES_MIN..=BYTES_MAX, |it| &mut it.bytes_max),
    ttl_or_zero("staleIfError", |it| &mut it.stale_if_error),
    whole("activity.highPerHour", 1..=WRITES_MAX, |it| &mut it.activity.high_per_hour),
    whole("activity.lowPerDay", 0..=WRITES_MAX, |it| &mut it.activity.low_per_day),
    above_zero("targets.hitRate", 1.0, |it| &mut it.targets.hit_rate),
    above_zero("targets.hitMillis", HIT_MILLIS_MAX, |it| &mut it.targets.hit_millis),
    whole("targets.memoryBytes", BYTES_MIN..=BYTES_MAX, |it| &mut it.targets.memory_bytes),
    above_zero("targets.invalidationsPerHour", INVALIDATIONS_MAX, |it| &mut it.targets.invalidations_per_hour),
];

/// Second names of fields.
const SECOND_NAMES: [(&str, &str); 1] = [("defaultTTL", "ttlSettings.default")];

const fn ttl(name: &'static str, place: Place<Duration>) -> FieldRange {
    FieldRange { name, kind: Kind::Ttl(place) }
}

const fn ttl_or_zero(name: &'static str, place: Place<Duration>) -> FieldRange {
    FieldRange { name, kind: Kind::TtlOrZero(place) }
}

const fn whole(name: &'static str, range: RangeInclusive<u64>, place: Place<dyn WholeNumber>) -> FieldRange {
    FieldRange { name, kind: Kind::Whole(range, place) }
}

const fn above_zero(name: &'static str, max: f64, place: Place<f64>) -> FieldRange {
    FieldRange { name, kind: Kind::AboveZero(max, place) }
}

/// A value that is meant for a field, as it was sent or stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Given {
    /// None: the field stays as it is.
    #[default]
    Absent,
    /// A duration, zero included.
    Duration(Duration),
    /// A number.
    Number(f64),
    /// Something of another type than the field.
    Other,
}

impl Given {
    /// A duration of so many milliseconds.
    #[must_use]
    pub fn millis(millis: f64) -> Self {
        if millis < 0.0 {
            return Self::Other;
        }
        // What is too long for a duration at all is out of range, too.
        let duration = Duration::try_from_secs_f64(millis / 1e3).unwrap_or(Duration::MAX);
        // A number above zero must not round to zero, which means something else.
        Self::Duration(if millis > 0.0 { duration.max(Duration::from_nanos(1)) } else { duration })
    }
}

/// A value that a field can have, and its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Assignment {
    Duration(Place<Duration>, Duration),
    Whole(Place<dyn WholeNumber>, u64),
    Number(Place<f64>, f64),
}

impl Assignment {
    /// Whether both set the same value.
    pub(super) fn is_same_value(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Duration(_, one), Self::Duration(_, other)) => one == other,
            (Self::Whole(_, one), Self::Whole(_, other)) => one == other,
            (Self::Number(_, one), Self::Number(_, other)) => one.to_bits() == other.to_bits(),
            _ => false,
        }
    }

    pub(super) fn apply(self, configuration: &mut CacheConfiguration) {
        match self {
            Self::Duration(place, duration) => *place(configuration) = duration,
            Self::Whole(place, number) => place(configuration).set(number),
            Self::Number(place, number) => *place(configuration) = number,
        }
    }
}

impl FieldRange {
    /// The field with this name, or with this second name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        let name = SECOND_NAMES.iter().find(|(second, _)| *second == name).map_or(name, |(_, first)| first);
        FIELDS.iter().find(|field| field.name == name)
    }

    /// Whether it is a TTL, which clients know by another sentence than other fields.
    pub(super) fn is_ttl(&self) -> bool {
        matches!(self.kind, Kind::Ttl(_))
    }

    /// Whether it takes durations, and no other numbers.
    #[must_use]
    pub fn is_duration(&self) -> bool {
        matches!(self.kind, Kind::Ttl(_) | Kind::TtlOrZero(_))
    }

    /// What a number that is stored for it means.
    pub(super) fn stored(&self, number: f64) -> Given {
        if self.is_duration() { Given::millis(number) } else { Given::Number(number) }
    }

    /// Judges a value that is not absent. If the field cannot have it, says what it can have.
    pub(super) fn check(&self, given: Given) -> Result<Assignment, String> {
        match (&self.kind, given) {
            (Kind::TtlOrZero(place), Given::Duration(Duration::ZERO)) => {
                Ok(Assignment::Duration(*place, Duration::ZERO))
            }
            (Kind::Ttl(_), Given::Duration(Duration::ZERO)) => Err("must be a positive number".to_owned()),
            (Kind::Ttl(place) | Kind::TtlOrZero(place), Given::Duration(duration))
                if (DURATION_MIN..=DURATION_MAX).contains(&duration) =>
            {
                Ok(Assignment::Duration(*place, rounded(duration)))
            }
            (Kind::Ttl(_), Given::Duration(_)) => Err(format!("must be {}", durations())),
            (Kind::Ttl(_), _) => Err("must be a positive number".to_owned()),
            (Kind::TtlOrZero(_), _) => Err(format!("must be 0 or {}", durations())),
            (Kind::Whole(range, place), given) => {
                let number = if let Given::Number(number) = given { whole_number(number) } else { None };
                let number = number.filter(|number| range.contains(number));
                let number = number.map(|number| Assignment::Whole(*place, number));
                number.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
            }
            (Kind::AboveZero(max, place), Given::Number(number)) if number > 0.0 && number <= *max => {
                Ok(Assignment::Number(*place, number))
            }
            (Kind::AboveZero(max, _), _) => Err(format!("must be a number above 0 and at most {max}")),
        }
    }
}

/// A duration in whole milliseconds.
fn rounded(duration: Duration) -> Duration {
    // Below 30 days a millisecond is far above what a float rounds away.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 30 days")]
    Duration::from_millis((duration.as_secs_f64() * 1e3).round() as u64)
}

/// The range of durations in words.
fn durations() -> String {
    format!("from {} to {}", humantime::format_duration(DURATION_MIN), humantime::format_duration(DURATION_MAX))
}

impl WholeNumber for usize {
    fn set(&mut self, number: u64) {
        *self = Self::try_from(number).unwrap_or(Self::MAX);
    }
}

impl WholeNumber for u32 {
    fn set(&mut self, number: u64) {
        *self = Self::try_from(number).unwrap_or(Self::MAX);
    }
}

impl WholeNumber for u64 {
    fn set(&mut self, number: u64) {
        *self = number;
    }
}

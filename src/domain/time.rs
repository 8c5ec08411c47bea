//! Points in time and UTC days, as the database keeps them and as the API writes them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Milliseconds of one UTC day. Unix time has no leap seconds, so every day has as many.
pub const DAY_MILLIS: i64 = 86_400_000;

/// The latest timestamp that Muster accepts from outside: 9999-12-31T23:59:59.999Z, the end of RFC 3339's range.
pub const TIMESTAMP_MAX: Timestamp = Timestamp(253_402_300_799_999);

/// Milliseconds since 1970-01-01T00:00:00Z; written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A point in time from Unix milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Unix milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The UTC day that contains this moment.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_MILLIS))
    }

    /// Reads an RFC 3339 timestamp with any offset; `None` for anything else and for moments before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let millis = text.trim().parse::<jiff::Timestamp>().ok()?.as_millisecond();
        (0..=TIMESTAMP_MAX.0).contains(&millis).then_some(Self(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A UTC day, counted from 1970-01-01; written `2026-11-22`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// A day from its distance to 1970-01-01.
    #[must_use]
    pub const fn from_number(days_since_epoch: i64) -> Self {
        Self(days_since_epoch)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The day `days` before this one.
    #[must_use]
    pub const fn minus(self, days: i64) -> Self {
        Self(self.0 - days)
    }

    /// The calendar month that contains this day.
    #[must_use]
    pub fn month(self) -> Month {
        let date = self.date();
        Month { year: date.year(), month: date.month() }
    }

    fn date(self) -> jiff::civil::Date {
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = i32::try_from(self.0).unwrap_or(i32::MAX);
        epoch.saturating_add(jiff::Span::new().try_days(days).unwrap_or_default())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A calendar month in UTC; written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month `months` before this one.
    #[must_use]
    pub fn minus(self, months: i16) -> Self {
        let since_year_zero = self.year * 12 + i16::from(self.month) - 1 - months;
        let month = i8::try_from(since_year_zero.rem_euclid(12)).unwrap_or(0) + 1;
        Self { year: since_year_zero.div_euclid(12), month }
    }

    /// The month's first day.
    #[must_use]
    pub fn first_day(self) -> Day {
        let date = jiff::civil::date(self.year, self.month, 1);
        let span = date.since(jiff::civil::date(1970, 1, 1)).unwrap_or_default();
        Day(i64::from(span.get_days()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_in_utc_with_milliseconds() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        let parsed = Timestamp::parse("2026-11-22T08:31:37.86+01:00").unwrap();
        assert_eq!(parsed.to_string(), "2026-11-22T07:31:37.860Z");
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59Z"), None);
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn days_and_months_follow_the_calendar() {
        let day = Timestamp::parse("2024-03-01T00:00:00Z").unwrap().day();
        assert_eq!(day.to_string(), "2024-03-01");
        assert_eq!(day.minus(1).to_string(), "2024-02-29");
        let month = day.month();
        assert_eq!(month.to_string(), "2024-03");
        assert_eq!(month.minus(3).to_string(), "2023-12");
        assert_eq!(month.minus(24).first_day().to_string(), "2022-03-01");
        assert_eq!(month.first_day(), day);
    }
}

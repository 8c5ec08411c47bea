//! The distribution of creation times: growth over the years, few at weekends and in holidays, many at fairs.

use super::random::{Random, Weighted};
use super::topics::{TOPIC_DAY, TOPIC_WEEK};
use crate::domain::time::{DAY_MILLIS, Day, Timestamp};

/// Months that the data span, including the current one: the range of a summary's charts.
const MONTHS: i16 = 24;

/// The ratio of the collection rate at the end to that at the beginning.
const GROWTH: f64 = 3.5;

/// Weights of Monday to Sunday.
const WEEK: [f64; 7] = [0.9, 1.15, 1.25, 1.2, 0.8, 0.14, 0.07];

const HOUR_MILLIS: f64 = 3_600_000.0;

/// The days up to now with their weights.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    first: Day,
    now: Timestamp,
    days: Weighted,
}

impl Calendar {
    pub(super) fn until(seed: u64, now: Timestamp) -> Self {
        let today = now.day();
        let first = today.month().minus(MONTHS - 1).first_day();
        let span = today.number() - first.number();
        let days = Weighted::new((0..=span).map(|number| {
            let day = Day::from_number(first.number() + number);
            let weight = weight(seed, day, ratio(number, span.max(1)));
            if day == today { weight * ratio(now.millis() - start_of(today), DAY_MILLIS) } else { weight }
        }));
        Self { first, now, days }
    }

    /// The beginning of the first day: no contact is older.
    pub(super) fn start(&self) -> Timestamp {
        Timestamp::from_millis(start_of(self.first))
    }

    /// The time at which this fraction of all contacts was collected; it grows with the fraction.
    #[expect(clippy::cast_possible_truncation, reason = "a fraction of a day in milliseconds")]
    pub(super) fn moment(&self, fraction: f64) -> Timestamp {
        let (number, within) = self.days.locate(fraction);
        let day = Day::from_number(self.first.number() + i64::try_from(number).unwrap_or(0));
        let start = start_of(day);
        if day == self.now.day() {
            let passed = self.now.millis() - start;
            let millis = (within * ratio(passed, 1)) as i64;
            return Timestamp::from_millis(start + millis.min((passed - 1).max(0)));
        }
        // Contacts are collected from 7:30 to 19:30, most of them around the middle of the day.
        let bent = within + (within * std::f64::consts::TAU).sin() / 12.0;
        Timestamp::from_millis(start + (HOUR_MILLIS * (7.5 + 12.0 * bent)) as i64)
    }
}

fn start_of(day: Day) -> i64 {
    day.number() * DAY_MILLIS
}

#[expect(clippy::cast_precision_loss, reason = "days and milliseconds are far below 2^52")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

fn weight(seed: u64, day: Day, progress: f64) -> f64 {
    let mut random = Random::of(seed, TOPIC_DAY, day.number().cast_unsigned());
    // 1970-01-01 was a Thursday.
    let weekday = usize::try_from((day.number() + 3).rem_euclid(7)).unwrap_or(0);
    let date = day.to_string();
    let season = match date.get(5..).unwrap_or_default() {
        "12-24" | "12-25" | "12-26" | "12-31" | "01-01" => 0.1,
        holiday if holiday.starts_with("08") => 0.55,
        _ => 1.0,
    };
    // One week in nine has a fair from Tuesday to Thursday.
    let week = (day.number() + 3).div_euclid(7);
    let fair = Random::of(seed, TOPIC_WEEK, week.cast_unsigned()).below(9) == 0 && (1..=3).contains(&weekday);
    let noise = 0.7 + 0.6 * random.fraction();
    GROWTH.powf(progress) * WEEK[weekday] * season * noise * if fair { 2.6 } else { 1.0 }
}

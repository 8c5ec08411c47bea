//! What somebody wants changed: any part of the configuration, all of it or nothing.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{
    BYTES_MAX, BYTES_MIN, CacheConfiguration, DURATION_MAX, DURATION_MIN, ENTRIES_MAX, HIT_MILLIS_MAX, WRITES_MAX,
};
use crate::domain::FieldError;
use crate::domain::number::whole_number;

/// The fields that somebody wants changed, as they were sent. Fields that are not known are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigurationPatch {
    #[serde(deserialize_with = "given")]
    ttl_settings: Option<Map<String, Value>>,
    #[serde(deserialize_with = "given")]
    max_cache_size: Option<Value>,
    #[serde(deserialize_with = "given")]
    max_cache_bytes: Option<Value>,
    #[serde(rename = "defaultTTL", deserialize_with = "given")]
    default_ttl: Option<Value>,
    #[serde(deserialize_with = "given")]
    stale_if_error: Option<Value>,
    #[serde(deserialize_with = "given")]
    activity: Option<Map<String, Value>>,
    #[serde(deserialize_with = "given")]
    targets: Option<Map<String, Value>>,
}

/// A field that may be absent and must not be null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Some fields with values that can be set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigurationChange {
    enterprise: Option<Duration>,
    department: Option<Duration>,
    default: Option<Duration>,
    high_activity: Option<Duration>,
    low_activity: Option<Duration>,
    entries_max: Option<usize>,
    bytes_max: Option<usize>,
    stale_if_error: Option<Duration>,
    high_per_hour: Option<u32>,
    low_per_day: Option<u32>,
    hit_rate: Option<f64>,
    hit_millis: Option<f64>,
    memory_bytes: Option<u64>,
    invalidations_per_hour: Option<f64>,
}

/// Why a patch is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// What is wrong with the first field, in a sentence that clients know, and how many more there are.
    pub sentence: String,
    /// Every field that is wrong.
    pub errors: Vec<FieldError>,
}

impl ConfigurationPatch {
    /// The change, if every value in it can be set.
    pub fn check(self) -> Result<ConfigurationChange, Refusal> {
        let mut check = Check::default();
        let mut ttl = self.ttl_settings.unwrap_or_default();
        let mut activity = self.activity.unwrap_or_default();
        let mut targets = self.targets.unwrap_or_default();
        let writes = u64::from(WRITES_MAX);
        let mut of_kind = |kind: &str| check.ttl(&format!("ttlSettings.{kind}"), kind, ttl.remove(kind));
        let mut change = ConfigurationChange {
            enterprise: of_kind("enterprise"),
            department: of_kind("department"),
            default: of_kind("default"),
            high_activity: of_kind("highActivity"),
            low_activity: of_kind("lowActivity"),
            entries_max: check.whole("maxCacheSize", self.max_cache_size, 1..=ENTRIES_MAX),
            bytes_max: check.whole("maxCacheBytes", self.max_cache_bytes, BYTES_MIN..=BYTES_MAX),
            stale_if_error: check.duration_or_zero("staleIfError", self.stale_if_error),
            high_per_hour: check.whole("activity.highPerHour", activity.remove("highPerHour"), 1..=writes),
            low_per_day: check.whole("activity.lowPerDay", activity.remove("lowPerDay"), 0..=writes),
            hit_rate: check.number("targets.hitRate", targets.remove("hitRate"), 1.0),
            hit_millis: check.number("targets.hitMillis", targets.remove("hitMillis"), HIT_MILLIS_MAX),
            memory_bytes: check.whole("targets.memoryBytes", targets.remove("memoryBytes"), BYTES_MIN..=BYTES_MAX),
            invalidations_per_hour: check.number(
                "targets.invalidationsPerHour",
                targets.remove("invalidationsPerHour"),
                f64::from(WRITES_MAX),
            ),
        };
        let alias = check.ttl("defaultTTL", "defaultTTL", self.default_ttl);
        match (change.default, alias) {
            (Some(one), Some(other)) if one != other => {
                check.refuse("defaultTTL", "must equal ttlSettings.default where both are given");
            }
            (one, other) => change.default = one.or(other),
        }
        check.finish(change)
    }
}

impl ConfigurationChange {
    /// A configuration after this change.
    #[must_use]
    pub fn apply_to(&self, configuration: &CacheConfiguration) -> CacheConfiguration {
        fn set<T: Copy>(field: &mut T, value: Option<T>) {
            *field = value.unwrap_or(*field);
        }
        let mut after = configuration.clone();
        set(&mut after.ttl.enterprise, self.enterprise);
        set(&mut after.ttl.department, self.department);
        set(&mut after.ttl.default, self.default);
        set(&mut after.ttl.high_activity, self.high_activity);
        set(&mut after.ttl.low_activity, self.low_activity);
        set(&mut after.entries_max, self.entries_max);
        set(&mut after.bytes_max, self.bytes_max);
        set(&mut after.stale_if_error, self.stale_if_error);
        set(&mut after.activity.high_per_hour, self.high_per_hour);
        set(&mut after.activity.low_per_day, self.low_per_day);
        set(&mut after.targets.hit_rate, self.hit_rate);
        set(&mut after.targets.hit_millis, self.hit_millis);
        set(&mut after.targets.memory_bytes, self.memory_bytes);
        set(&mut after.targets.invalidations_per_hour, self.invalidations_per_hour);
        after
    }
}

impl CacheConfiguration {
    /// Reads a configuration as its [shape](CacheConfiguration::shape) was written; what it lacks is as by default.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in a sentence.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let patch: ConfigurationPatch = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let change = patch.check().map_err(|refusal| refusal.sentence)?;
        Ok(change.apply_to(&Self::default()))
    }
}

/// What is wrong with a duration.
enum WrongDuration {
    /// It is none, or not above zero.
    NotPositive,
    OutOfRange,
}

/// Collects what is wrong with a patch: for each field the sentence that clients read, and the field itself.
#[derive(Default)]
struct Check(Vec<(String, FieldError)>);

impl Check {
    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        let error = FieldError::new(field, message);
        self.0.push((error.to_string(), error));
    }

    /// A TTL, which clients know by its kind.
    fn ttl(&mut self, field: &str, kind: &str, value: Option<Value>) -> Option<Duration> {
        let message = match duration(&value?) {
            Ok(duration) => return Some(duration),
            Err(WrongDuration::NotPositive) => "must be a positive number".to_owned(),
            Err(WrongDuration::OutOfRange) => format!("must be {}", range_in_words()),
        };
        let sentence = format!("Invalid TTL value for {kind}: {message}");
        self.0.push((sentence, FieldError::new(field, message)));
        None
    }

    fn duration_or_zero(&mut self, field: &str, value: Option<Value>) -> Option<Duration> {
        let value = value?;
        let is_zero = match &value {
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => humantime::parse_duration(text.trim()).is_ok_and(|duration| duration.is_zero()),
            _ => false,
        };
        if is_zero {
            return Some(Duration::ZERO);
        }
        let duration = duration(&value).ok();
        if duration.is_none() {
            self.refuse(field, format!("must be 0 or {}", range_in_words()));
        }
        duration
    }

    fn whole<T: TryFrom<u64>>(&mut self, field: &str, value: Option<Value>, range: RangeInclusive<u64>) -> Option<T> {
        let value = value?;
        let number = value.as_u64().or_else(|| value.as_f64().and_then(whole_number));
        let number = number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.refuse(field, format!("must be a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// A number above zero.
    fn number(&mut self, field: &str, value: Option<Value>, max: f64) -> Option<f64> {
        let number = value?.as_f64().filter(|number| *number > 0.0 && *number <= max);
        if number.is_none() {
            self.refuse(field, format!("must be a number above 0 and at most {max}"));
        }
        number
    }

    fn finish(self, change: ConfigurationChange) -> Result<ConfigurationChange, Refusal> {
        let (mut sentences, errors): (Vec<String>, Vec<FieldError>) = self.0.into_iter().unzip();
        match errors.len() {
            0 => Ok(change),
            1 => Err(Refusal { sentence: sentences.swap_remove(0), errors }),
            several => Err(Refusal { sentence: format!("{} (and {} more)", sentences[0], several - 1), errors }),
        }
    }
}

/// A duration that can be set, in whole milliseconds: a number of them, or a text such as `2h 30m`.
fn duration(value: &Value) -> Result<Duration, WrongDuration> {
    let duration = match value {
        Value::Number(number) => match number.as_f64() {
            // What is too long for a duration at all is out of range, too.
            Some(millis) if millis > 0.0 => Duration::try_from_secs_f64(millis / 1e3).unwrap_or(Duration::MAX),
            _ => return Err(WrongDuration::NotPositive),
        },
        Value::String(text) => match humantime::parse_duration(text.trim()) {
            Ok(duration) if !duration.is_zero() => duration,
            _ => return Err(WrongDuration::NotPositive),
        },
        _ => return Err(WrongDuration::NotPositive),
    };
    if !(DURATION_MIN..=DURATION_MAX).contains(&duration) {
        return Err(WrongDuration::OutOfRange);
    }
    // Below 30 days a millisecond is far above what a float rounds away.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 30 days")]
    Ok(Duration::from_millis((duration.as_secs_f64() * 1e3).round() as u64))
}

fn range_in_words() -> String {
    format!("from {} to {}", humantime::format_duration(DURATION_MIN), humantime::format_duration(DURATION_MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(patch: Value) -> Result<Value, String> {
        let patch: ConfigurationPatch = serde_json::from_value(patch).map_err(|error| error.to_string())?;
        let change = patch.check().map_err(|refusal| refusal.sentence)?;
        Ok(json!(change.apply_to(&CacheConfiguration::default()).shape()))
    }

    fn defaults() -> Value {
        json!({
            "ttlSettings": {"enterprise": 3_600_000, "department": 1_800_000, "default": 1_800_000,
                "highActivity": 900_000, "lowActivity": 7_200_000},
            "maxCacheSize": 1_000, "maxCacheBytes": 67_108_864, "defaultTTL": 1_800_000, "staleIfError": 600_000,
            "activity": {"highPerHour": 60, "lowPerDay": 1},
            "targets": {"hitRate": 0.8, "hitMillis": 100, "memoryBytes": 104_857_600, "invalidationsPerHour": 5}
        })
    }

    #[test]
    fn any_part_can_be_changed_and_the_rest_stays() {
        let check = |patch: Value, changed: &[(&str, Value)]| {
            let mut expected = defaults();
            for (pointer, value) in changed {
                *expected.pointer_mut(pointer).unwrap() = value.clone();
            }
            assert_eq!(patched(patch.clone()), Ok(expected), "{patch}");
        };
        check(json!({}), &[]);
        check(json!({"unknown": 7, "ttlSettings": {"other": "x"}, "activity": {}, "targets": {"x": null}}), &[]);
        check(json!({"ttlSettings": {"enterprise": 5_000}}), &[("/ttlSettings/enterprise", json!(5_000))]);
        check(json!({"ttlSettings": {"department": " 2h 30m "}}), &[("/ttlSettings/department", json!(9_000_000))]);
        check(json!({"ttlSettings": {"highActivity": 1000.0}}), &[("/ttlSettings/highActivity", json!(1_000))]);
        check(
            json!({"ttlSettings": {"lowActivity": "30d"}}),
            &[("/ttlSettings/lowActivity", json!(2_592_000_000_u64))],
        );
        check(json!({"ttlSettings": {"enterprise": 1000.6}}), &[("/ttlSettings/enterprise", json!(1_001))]);
        let default = [("/ttlSettings/default", json!(60_000)), ("/defaultTTL", json!(60_000))];
        check(json!({"ttlSettings": {"default": "1m"}}), &default);
        check(json!({"defaultTTL": "1m"}), &default);
        check(json!({"defaultTTL": "1m", "ttlSettings": {"default": 60_000}}), &default);
        check(json!({"staleIfError": 0}), &[("/staleIfError", json!(0))]);
        check(json!({"staleIfError": "0s"}), &[("/staleIfError", json!(0))]);
        check(
            json!({"maxCacheSize": 1, "maxCacheBytes": 1_048_576}),
            &[("/maxCacheSize", json!(1)), ("/maxCacheBytes", json!(1_048_576))],
        );
        check(
            json!({"activity": {"highPerHour": 1, "lowPerDay": 0}}),
            &[("/activity/highPerHour", json!(1)), ("/activity/lowPerDay", json!(0))],
        );
        check(
            json!({"targets": {"hitRate": 1, "hitMillis": 0.5, "memoryBytes": 2_048, "invalidationsPerHour": 2.5}}),
            &[
                ("/targets/hitRate", json!(1)),
                ("/targets/hitMillis", json!(0.5)),
                ("/targets/memoryBytes", json!(2_048)),
                ("/targets/invalidationsPerHour", json!(2.5)),
            ],
        );
    }

    #[test]
    fn what_cannot_be_set_is_refused_by_name() {
        let check = |patch: Value, expected: &str| assert_eq!(patched(patch.clone()), Err(expected.into()), "{patch}");
        for wrong in [json!(0), json!(-1), json!(-0.5), json!("0s"), json!("soon"), json!(""), json!("3600000")] {
            let sentence = "Invalid TTL value for enterprise: must be a positive number";
            check(json!({"ttlSettings": {"enterprise": wrong}}), sentence);
        }
        for wrong in [json!(null), json!(true), json!([1]), json!({})] {
            let sentence = "Invalid TTL value for lowActivity: must be a positive number";
            check(json!({"ttlSettings": {"lowActivity": wrong}}), sentence);
            check(json!({"defaultTTL": wrong}), "Invalid TTL value for defaultTTL: must be a positive number");
        }
        for wrong in [json!(999), json!("999ms"), json!(2_592_000_001_u64), json!("31d"), json!(1e300), json!(u64::MAX)]
        {
            let sentence = "Invalid TTL value for default: must be from 1s to 30days";
            check(json!({"ttlSettings": {"default": wrong}}), sentence);
            check(json!({"staleIfError": wrong}), "staleIfError: must be 0 or from 1s to 30days");
        }
        for wrong in [json!(-1), json!("later"), json!(null), json!(false)] {
            check(json!({"staleIfError": wrong}), "staleIfError: must be 0 or from 1s to 30days");
        }
        check(
            json!({"defaultTTL": "1m", "ttlSettings": {"default": "2m"}}),
            "defaultTTL: must equal ttlSettings.default where both are given",
        );
        for wrong in [json!(0), json!(100_001), json!(1.5), json!("9"), json!(null), json!(-3)] {
            check(json!({"maxCacheSize": wrong}), "maxCacheSize: must be a whole number from 1 to 100000");
        }
        let bytes = "must be a whole number from 1024 to 68719476736";
        check(json!({"maxCacheBytes": 1_023}), &format!("maxCacheBytes: {bytes}"));
        check(json!({"targets": {"memoryBytes": "1MB"}}), &format!("targets.memoryBytes: {bytes}"));
        let high = "activity.highPerHour: must be a whole number from 1 to 50000";
        check(json!({"activity": {"highPerHour": 0}}), high);
        let low = "activity.lowPerDay: must be a whole number from 0 to 50000";
        check(json!({"activity": {"lowPerDay": -1}}), low);
        for wrong in [json!(0), json!(1.01), json!(80), json!("80%"), json!(null)] {
            check(json!({"targets": {"hitRate": wrong}}), "targets.hitRate: must be a number above 0 and at most 1");
        }
        let millis = "targets.hitMillis: must be a number above 0 and at most 60000";
        check(json!({"targets": {"hitMillis": 60_001}}), millis);
        let invalidations = "targets.invalidationsPerHour: must be a number above 0 and at most 50000";
        check(json!({"targets": {"invalidationsPerHour": -5}}), invalidations);
        check(
            json!({"ttlSettings": {"enterprise": 0, "department": "x"}, "maxCacheSize": 0}),
            "Invalid TTL value for enterprise: must be a positive number (and 2 more)",
        );
    }

    #[test]
    fn a_configuration_is_read_as_it_was_written_and_by_other_binaries_too() {
        let written = json!({"ttlSettings": {"enterprise": "3h"}, "targets": {"hitRate": 0.95}, "staleIfError": 0});
        let patch: ConfigurationPatch = serde_json::from_value(written).unwrap();
        let configuration = patch.check().unwrap().apply_to(&CacheConfiguration::default());
        let json = serde_json::to_string(&configuration.shape()).unwrap();
        assert_eq!(CacheConfiguration::from_json(&json), Ok(configuration));
        let older = r#"{"ttlSettings":{"enterprise":1000}}"#;
        assert_eq!(CacheConfiguration::from_json(older).unwrap().entries_max, 1_000);
        let newer = json.replacen('{', r#"{"shards":[1],"#, 1);
        assert!(CacheConfiguration::from_json(&newer).is_ok());
        for unreadable in ["", r#"{"ttlSettings":7}"#, r#"{"maxCacheSize":"unlimited"}"#] {
            assert!(CacheConfiguration::from_json(unreadable).is_err(), "{unreadable}");
        }
    }
}

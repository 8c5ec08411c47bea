//! The body of a change of the cache's configuration: any of its fields, each as it was sent.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::cache_configuration::{ConfigurationChange, DURATION_MAX, DURATION_MIN, Given, Refusal};
use crate::http::extract::span_schema;

/// What is wanted of the configuration; what is absent stays as it is.
// A value of the wrong type is kept as `Given::Other`, so that every field that is wrong is named in one answer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheConfigurationPatch)]
pub struct ConfigurationPatch {
    /// How long entries live: each from 1 s to 30 d.
    #[serde(default)]
    ttl_settings: TtlPatch,
    /// Entries at most.
    #[serde(default)]
    #[schema(value_type = u64, minimum = 1, maximum = 100_000)]
    max_cache_size: Number,
    /// Bytes at most.
    #[serde(default)]
    #[schema(value_type = u64, minimum = 1_024, maximum = 68_719_476_736_u64)]
    max_cache_bytes: Number,
    /// The same as `ttlSettings.default`; both may be given if they are equal.
    #[serde(rename = "defaultTTL", default)]
    default_ttl: CacheSpan,
    /// How long an entry may stand in while the database cannot be read: from 1 s to 30 d, or 0 for never.
    #[serde(default)]
    stale_if_error: CacheSpanOrZero,
    /// Which enterprises are of high and of low activity.
    #[serde(default)]
    activity: ActivityPatch,
    /// What is aimed at.
    #[serde(default)]
    targets: TargetsPatch,
}

/// TTLs to be changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TtlSettingsPatch)]
struct TtlPatch {
    #[serde(default)]
    enterprise: CacheSpan,
    #[serde(default)]
    department: CacheSpan,
    #[serde(default)]
    default: CacheSpan,
    #[serde(default)]
    high_activity: CacheSpan,
    #[serde(default)]
    low_activity: CacheSpan,
}

/// Limits of activity to be changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivityLimitsPatch)]
struct ActivityPatch {
    #[serde(default)]
    #[schema(value_type = u32, minimum = 1, maximum = 50_000)]
    high_per_hour: Number,
    #[serde(default)]
    #[schema(value_type = u32, minimum = 0, maximum = 50_000)]
    low_per_day: Number,
}

/// Targets to be changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheTargetsPatch)]
struct TargetsPatch {
    #[serde(default)]
    #[schema(value_type = f64, exclusive_minimum = 0, maximum = 1)]
    hit_rate: Number,
    #[serde(default)]
    #[schema(value_type = f64, exclusive_minimum = 0, maximum = 60_000)]
    hit_millis: Number,
    #[serde(default)]
    #[schema(value_type = u64, minimum = 1_024, maximum = 68_719_476_736_u64)]
    memory_bytes: Number,
    #[serde(default)]
    #[schema(value_type = f64, exclusive_minimum = 0, maximum = 50_000)]
    invalidations_per_hour: Number,
}

impl ConfigurationPatch {
    /// The change, if every value in it can be set.
    pub fn check(self) -> Result<ConfigurationChange, Refusal> {
        ConfigurationChange::check(self.values())
    }

    /// What is given for each field, by the names of the domain.
    fn values(self) -> [(&'static str, Given); 15] {
        let Self { ttl_settings: ttl, activity, targets, .. } = self;
        [
            ("ttlSettings.enterprise", ttl.enterprise.0),
            ("ttlSettings.department", ttl.department.0),
            ("ttlSettings.default", ttl.default.0),
            ("ttlSettings.highActivity", ttl.high_activity.0),
            ("ttlSettings.lowActivity", ttl.low_activity.0),
            ("maxCacheSize", self.max_cache_size.0),
            ("maxCacheBytes", self.max_cache_bytes.0),
            ("staleIfError", self.stale_if_error.0),
            ("activity.highPerHour", activity.high_per_hour.0),
            ("activity.lowPerDay", activity.low_per_day.0),
            ("targets.hitRate", targets.hit_rate.0),
            ("targets.hitMillis", targets.hit_millis.0),
            ("targets.memoryBytes", targets.memory_bytes.0),
            ("targets.invalidationsPerHour", targets.invalidations_per_hour.0),
            ("defaultTTL", self.default_ttl.0),
        ]
    }
}

/// A number, if one was sent.
#[derive(Clone, Copy, Debug, Default)]
struct Number(Given);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Value::deserialize(deserializer)?.as_f64();
        Ok(Self(number.map_or(Given::Other, Given::Number)))
    }
}

/// How long an entry of the cache lives, if a duration was sent.
#[derive(Clone, Copy, Debug, Default)]
struct CacheSpan(Given);

impl<'de> Deserialize<'de> for CacheSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        span(deserializer).map(Self)
    }
}

impl PartialSchema for CacheSpan {
    fn schema() -> RefOr<Schema> {
        span_schema(DURATION_MIN, DURATION_MAX).into()
    }
}

impl ToSchema for CacheSpan {}

/// The same, or zero.
#[derive(Clone, Copy, Debug, Default)]
struct CacheSpanOrZero(Given);

impl<'de> Deserialize<'de> for CacheSpanOrZero {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        span(deserializer).map(Self)
    }
}

impl PartialSchema for CacheSpanOrZero {
    fn schema() -> RefOr<Schema> {
        let zero = ObjectBuilder::new().schema_type(Type::Integer).description(Some("Never")).enum_values(Some([0]));
        span_schema(DURATION_MIN, DURATION_MAX).item(zero).into()
    }
}

impl ToSchema for CacheSpanOrZero {}

/// A number of milliseconds, or a text such as `2h 30m`.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Given, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64().map_or(Given::Other, Given::millis),
        Value::String(text) => humantime::parse_duration(text.trim()).map_or(Given::Other, Given::Duration),
        _ => Given::Other,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::PartialSchema;

    use super::*;
    use crate::domain::cache_configuration::{CacheConfiguration, FIELDS};

    fn patched(patch: Value) -> Result<Value, String> {
        let patch: ConfigurationPatch = serde_json::from_value(patch).map_err(|error| error.to_string())?;
        let change = patch.check().map_err(|refusal| refusal.sentence)?;
        Ok(json!(change.apply_to(&CacheConfiguration::default()).to_json()))
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
    fn a_number_above_zero_does_not_round_to_zero() {
        for field in ["staleIfError", "defaultTTL"] {
            let refused = patched(json!({ field: 2.5e-42 })).unwrap_err();
            assert!(refused.contains("from 1s to 30days"), "{field}: {refused}");
        }
        assert!(patched(json!({"staleIfError": 0.0})).is_ok());
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

    /// The bounds of each number that the document names.
    fn documented(schema: &Value, within: &str) -> Vec<(String, f64, f64)> {
        let bound = |property: &Value, name: &str| property[name].as_f64();
        let properties = schema["properties"].as_object().unwrap().iter();
        let bounds = properties.filter_map(|(name, property)| {
            let min = bound(property, "minimum").or(bound(property, "exclusiveMinimum"))?;
            Some((format!("{within}{name}"), min, bound(property, "maximum")?))
        });
        bounds.collect()
    }

    #[test]
    fn the_documented_bounds_are_those_of_the_domain() {
        let schemas = [
            (json!(ConfigurationPatch::schema()), ""),
            (json!(ActivityPatch::schema()), "activity."),
            (json!(TargetsPatch::schema()), "targets."),
        ];
        let documented: Vec<_> = schemas.iter().flat_map(|(schema, within)| documented(schema, within)).collect();
        let numbers = FIELDS.iter().filter(|field| !field.is_duration()).count();
        assert_eq!(documented.len(), numbers);
        for (name, min, max) in documented {
            let is_taken = |number: f64| ConfigurationChange::check([(name.as_str(), Given::Number(number))]).is_ok();
            // Zero is a bound that numbers must be above, unless it can be set.
            assert!(is_taken(max) && !is_taken(max + 1.0) && !is_taken(min - 1.0), "{name}: {min} to {max}");
            assert!(is_taken(min) || (min == 0.0 && is_taken(f64::MIN_POSITIVE)), "{name}: {min} to {max}");
        }
    }

    #[test]
    fn each_field_of_the_domain_is_a_field_of_the_patch() {
        let patch = ConfigurationPatch::default();
        let names: Vec<&str> = patch.values().map(|(name, _)| name).into();
        let fields: Vec<&str> = FIELDS.iter().map(|field| field.name).chain(["defaultTTL"]).collect();
        assert_eq!(names, fields);
    }
}

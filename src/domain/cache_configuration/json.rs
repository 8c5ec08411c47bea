//! The configuration in JSON, as the API shows it and the database keeps it.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::change::ConfigurationChange;
use super::configuration::{ActivityLimits, CacheConfiguration, Targets, Ttls};
use super::ranges::{FIELDS, FieldRange, Given};

/// The cache's configuration; durations in milliseconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CacheConfiguration)]
pub struct ConfigurationJson {
    /// How long entries live, in milliseconds.
    ttl_settings: Ttls<u64>,
    /// Entries at most.
    #[schema(example = 1_000)]
    max_cache_size: u64,
    /// Bytes at most: keys, bodies in all their forms, bookkeeping.
    #[schema(example = 67_108_864)]
    max_cache_bytes: u64,
    /// The same as `ttlSettings.default`.
    #[serde(rename = "defaultTTL")]
    #[schema(example = 1_800_000)]
    default_ttl: u64,
    /// How long an entry may be served after its TTL or its day while the database cannot be read; 0 for never.
    #[schema(example = 600_000)]
    stale_if_error: u64,
    activity: ActivityLimits,
    targets: Targets,
}

impl CacheConfiguration {
    /// The configuration as the API shows it and the database keeps it.
    #[must_use]
    pub fn to_json(&self) -> ConfigurationJson {
        ConfigurationJson {
            ttl_settings: self.ttl_millis(),
            max_cache_size: self.entries_max as u64,
            max_cache_bytes: self.bytes_max as u64,
            default_ttl: millis(&self.ttl.default),
            stale_if_error: millis(&self.stale_if_error),
            activity: self.activity,
            targets: self.targets,
        }
    }

    /// How long entries live, in milliseconds.
    #[must_use]
    pub fn ttl_millis(&self) -> Ttls<u64> {
        self.ttl.map(millis)
    }

    /// Reads a configuration in the format of [`to_json`](Self::to_json). Missing fields have their defaults, unknown
    /// ones are ignored.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in a sentence.
    pub fn from_json(json: &Value) -> Result<Self, String> {
        let values: Result<Vec<_>, String> =
            FIELDS.iter().map(|field| Ok((field.name, stored_value(json, field)?))).collect();
        let change = ConfigurationChange::check(values?).map_err(|refusal| refusal.sentence)?;
        Ok(change.apply_to(&Self::default()))
    }
}

/// The value of a field, absent if it or an object around it is.
fn stored_value(json: &Value, field: &FieldRange) -> Result<Given, String> {
    let mut value = json;
    let mut within = "the configuration";
    for name in field.name.split('.') {
        let fields = value.as_object().ok_or_else(|| format!("{within} must be an object"))?;
        let Some(inner) = fields.get(name) else { return Ok(Given::Absent) };
        (value, within) = (inner, name);
    }
    Ok(value.as_f64().map_or(Given::Other, |number| field.stored(number)))
}

fn millis(duration: &Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names of everything that is no object itself.
    fn leaves(json: &Value, within: &str) -> Vec<String> {
        let Value::Object(fields) = json else { return vec![within.to_owned()] };
        let name = |field: &str| if within.is_empty() { field.to_owned() } else { format!("{within}.{field}") };
        fields.iter().flat_map(|(field, value)| leaves(value, &name(field))).collect()
    }

    #[test]
    fn every_field_that_is_written_is_in_the_table_of_fields_and_no_other() {
        let written = leaves(&json!(CacheConfiguration::default().to_json()), "");
        let mut named: Vec<&str> = FIELDS.iter().map(|field| field.name).chain(["defaultTTL"]).collect();
        named.sort_unstable();
        let mut written: Vec<&str> = written.iter().map(String::as_str).collect();
        written.sort_unstable();
        assert_eq!(written, named);
    }

    #[test]
    fn a_configuration_is_read_as_it_was_written_and_by_other_binaries_too() {
        let mut configuration =
            CacheConfiguration { entries_max: 7, stale_if_error: Duration::ZERO, ..Default::default() };
        configuration.ttl.enterprise = Duration::from_millis(10_800_001);
        configuration.targets.hit_rate = 0.95;
        let json = json!(configuration.to_json());
        assert_eq!(CacheConfiguration::from_json(&json), Ok(configuration));
        let older = json!({"ttlSettings": {"enterprise": 1_000}});
        assert_eq!(CacheConfiguration::from_json(&older).unwrap().entries_max, 1_000);
        let mut newer = json.clone();
        newer["shards"] = json!([1]);
        assert!(CacheConfiguration::from_json(&newer).is_ok());
        let check = |unreadable: Value, reason: &str| {
            assert_eq!(CacheConfiguration::from_json(&unreadable), Err(reason.to_owned()));
        };
        check(json!("no JSON"), "the configuration must be an object");
        check(json!({"ttlSettings": 7}), "ttlSettings must be an object");
        let entries = "maxCacheSize: must be a whole number from 1 to 100000";
        check(json!({"maxCacheSize": "unlimited"}), entries);
        check(json!({"maxCacheSize": 0}), entries);
    }
}

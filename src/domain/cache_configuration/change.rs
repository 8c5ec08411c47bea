//! A change of the configuration: values for some of its fields, each of them judged by the table of fields.

use super::configuration::CacheConfiguration;
use super::ranges::{Assignment, FieldRange, Given};
use crate::domain::FieldError;

/// Values for some fields, each of them within its range.
#[derive(Clone, Debug, Default)]
pub struct ConfigurationChange(Vec<Assignment>);

/// Why a change is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    /// What is wrong with the first field, in a sentence that clients know, and how many more there are.
    pub sentence: String,
    /// Every field that is wrong.
    pub errors: Vec<FieldError>,
}

impl ConfigurationChange {
    /// The change to these values, by the names of their fields, if every one of them can be set.
    pub fn check<'a>(values: impl IntoIterator<Item = (&'a str, Given)>) -> Result<Self, Refusal> {
        let mut accepted: Vec<(&FieldRange, Assignment)> = Vec::new();
        let mut refused = Vec::new();
        for (name, given) in values.into_iter().filter(|(_, given)| *given != Given::Absent) {
            let error = |message: String| FieldError::new(name, message);
            let Some(field) = FieldRange::named(name) else {
                let error = error("is no field of the configuration".to_owned());
                refused.push((error.to_string(), error));
                continue;
            };
            let under_another_name = accepted.iter().find(|(other, _)| other.name == field.name);
            match (field.check(given).map_err(error), under_another_name) {
                (Err(error), _) if field.is_ttl() => refused.push((ttl_sentence(&error), error)),
                (Err(error), _) => refused.push((error.to_string(), error)),
                (Ok(assignment), Some((_, before))) if !assignment.is_same_value(before) => {
                    let error = error(format!("must equal {} where both are given", field.name));
                    refused.push((error.to_string(), error));
                }
                (Ok(assignment), _) => accepted.push((field, assignment)),
            }
        }
        match Refusal::of(refused) {
            Some(refusal) => Err(refusal),
            None => Ok(Self(accepted.into_iter().map(|(_, assignment)| assignment).collect())),
        }
    }

    /// A configuration after this change.
    #[must_use]
    pub fn apply_to(&self, configuration: &CacheConfiguration) -> CacheConfiguration {
        let mut after = configuration.clone();
        for assignment in &self.0 {
            assignment.apply(&mut after);
        }
        after
    }
}

impl Refusal {
    /// Of the fields that are wrong, each with its sentence; `None` when none is.
    fn of(refused: Vec<(String, FieldError)>) -> Option<Self> {
        let (mut sentences, errors): (Vec<String>, Vec<FieldError>) = refused.into_iter().unzip();
        match errors.len() {
            0 => None,
            1 => Some(Self { sentence: sentences.swap_remove(0), errors }),
            several => Some(Self { sentence: format!("{} (and {} more)", sentences[0], several - 1), errors }),
        }
    }
}

/// The sentence that existing clients know for a TTL, which names its kind alone.
fn ttl_sentence(error: &FieldError) -> String {
    let kind = error.field.rsplit('.').next().unwrap_or(&error.field);
    format!("Invalid TTL value for {kind}: {}", error.message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_field_with_two_names_is_set_by_either_and_by_both_if_they_agree() {
        let default = |values: &[(&str, Duration)]| {
            let values = values.iter().map(|(name, duration)| (*name, Given::Duration(*duration)));
            let change = ConfigurationChange::check(values).map_err(|refusal| refusal.sentence)?;
            Ok(change.apply_to(&CacheConfiguration::default()).ttl.default)
        };
        let (first, second) = ("ttlSettings.default", "defaultTTL");
        assert_eq!(default(&[(first, MINUTE)]), Ok(MINUTE));
        assert_eq!(default(&[(second, MINUTE)]), Ok(MINUTE));
        assert_eq!(default(&[(first, MINUTE), (second, MINUTE)]), Ok(MINUTE));
        let refused: Result<Duration, String> = default(&[(first, MINUTE), (second, 2 * MINUTE)]);
        assert_eq!(refused.unwrap_err(), "defaultTTL: must equal ttlSettings.default where both are given");
    }

    #[test]
    fn a_change_is_refused_for_every_field_that_is_wrong() {
        let values = [
            ("ttlSettings.lowActivity", Given::Other),
            ("entries", Given::Number(1.0)),
            ("maxCacheSize", Given::Absent),
        ];
        let Refusal { sentence, errors } = ConfigurationChange::check(values).unwrap_err();
        assert_eq!(sentence, "Invalid TTL value for lowActivity: must be a positive number (and 1 more)");
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let expected =
            ["ttlSettings.lowActivity: must be a positive number", "entries: is no field of the configuration"];
        assert_eq!(errors, expected);
    }
}

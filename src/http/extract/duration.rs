//! Spans of time in bodies.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};

/// Numbers with units, each as long and as short as people write them.
const SPAN: &str = concat!(
    r"^\s*([0-9]{1,12}(\.[0-9]{1,9})?\s*(nanos|nsec|ns|usec|us|\u00b5s|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|",
    r"hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|M|years?|yrs?|y)\s*)+$"
);

/// A span of time: a number of milliseconds, or a text such as `90d` or `2h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor).map(Self)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of milliseconds or a duration such as \"90d\" or \"2h 30m\"")
    }

    fn visit_u64<E: Error>(self, millis: u64) -> Result<Duration, E> {
        Ok(Duration::from_millis(millis))
    }

    fn visit_i64<E: Error>(self, millis: i64) -> Result<Duration, E> {
        let millis = u64::try_from(millis).map_err(|_| E::invalid_value(Unexpected::Signed(millis), &self))?;
        Ok(Duration::from_millis(millis))
    }

    fn visit_f64<E: Error>(self, millis: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(millis / 1e3).map_err(|_| E::invalid_value(Unexpected::Float(millis), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        humantime::parse_duration(text.trim()).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// The schema of a span of time within these bounds: a number of milliseconds or a text.
#[must_use]
pub fn span_schema(min: Duration, max: Duration) -> OneOfBuilder {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).ok();
    let number = ObjectBuilder::new().schema_type(Type::Number).description(Some("Milliseconds"));
    let number = number.minimum(millis(min)).maximum(millis(max));
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some("Such as `30d` or `2h 30m`"));
    let text = text.pattern(Some(SPAN));
    OneOfBuilder::new().item(text.examples(["30d", "2h 30m"])).item(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_milliseconds_or_words() {
        let check = |json: &str, millis: Option<u64>| {
            let span = serde_json::from_str::<Span>(json).ok();
            assert_eq!(span, millis.map(|millis| Span(Duration::from_millis(millis))), "{json}");
        };
        check("1500", Some(1_500));
        check("1500.0", Some(1_500));
        check(r#""2h 30m""#, Some(9_000_000));
        check(r#"" 90d ""#, Some(7_776_000_000));
        for wrong in ["-1", "-0.5", "1e300", r#""""#, r#""soon""#, r#""-1s""#, "null", "true", "[1]"] {
            check(wrong, None);
        }
    }
}

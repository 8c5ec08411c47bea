//! Invariants of durations in settings and in JSON bodies for arbitrary input.

use std::time::Duration;

use muster::config::{Config, Environment, Flags};
use muster::http::extract::Span;

/// The required data directory; it is never opened.
const DATA_DIR: &str = "/nonexistent/muster";

/// Settings of durations with the shortest and the longest duration that each accepts.
const SETTINGS: [(&str, Duration, Duration); 2] =
    [("request-timeout", Duration::from_secs(1), HOUR), ("shutdown-drain", Duration::ZERO, HOUR)];

const HOUR: Duration = Duration::from_hours(1);

/// A parsed duration is within its bounds, and its displayed form parses to the same duration.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for (key, min, max) in SETTINGS {
        let Ok((duration, shown)) = read(key, &text) else { continue };
        assert!((min..=max).contains(&duration), "{key}: {text:?} is {duration:?}");
        assert_eq!(read(key, &shown), Ok((duration, shown.clone())), "{key}: {text:?} is shown as {shown:?}");
    }
    check_span(&text);
}

/// A setting's duration and how `muster config` shows it.
fn read(key: &'static str, text: &str) -> Result<(Duration, String), String> {
    let mut flags = Flags::default();
    flags.set("data-dir", vec![DATA_DIR.to_owned()]);
    flags.set(key, vec![text.to_owned()]);
    let config = Config::load(&flags, None, &Environment::default()).map_err(|error| error.to_string())?;
    let duration = if key == "shutdown-drain" { config.server.shutdown_drain } else { config.http.request_timeout };
    let line = config.report().into_iter().find(|line| line.key == key).and_then(|line| line.value);
    let shown = line.as_ref().and_then(|value| value.as_str()).ok_or("a duration is shown as a text")?;
    Ok((duration, shown.to_owned()))
}

/// The same in a JSON body, also for the duration as a number of milliseconds.
fn check_span(text: &str) {
    let json = serde_json::Value::from(text);
    let Ok(Span(duration)) = serde_json::from_value(json) else { return };
    let shown = humantime::format_duration(duration).to_string();
    let again: Result<Span, _> = serde_json::from_value(serde_json::Value::from(shown.as_str()));
    assert_eq!(again.ok(), Some(Span(duration)), "{text:?} is shown as {shown:?}");
    // The milliseconds of longer durations do not fit into a number of a JSON body.
    let Ok(millis) = u64::try_from(duration.as_millis()) else { return };
    let whole: Result<Span, _> = serde_json::from_value(serde_json::Value::from(millis));
    assert_eq!(whole.ok(), Some(Span(Duration::from_millis(millis))), "{text:?} is {millis} ms");
}

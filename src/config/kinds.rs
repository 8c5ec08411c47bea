//! The kinds of values that settings have, one type each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::parsing::{Form, Parser};

/// A path.
pub(super) struct Path;

impl Parser for Path {
    type Item = PathBuf;
    const FORM: Form = Form::Text;

    fn allowed(&self) -> String {
        "a path".to_owned()
    }

    fn parse(&self, text: &str) -> Option<PathBuf> {
        (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
    }

    fn show(path: &PathBuf) -> Value {
        Value::String(path.to_string_lossy().into_owned())
    }
}

/// An IP address with a port.
pub(super) struct Address;

impl Parser for Address {
    type Item = SocketAddr;
    const FORM: Form = Form::Text;

    fn allowed(&self) -> String {
        "an IP address and a port such as 127.0.0.1:8383, 0.0.0.0:80 or [::1]:8383".to_owned()
    }

    fn parse(&self, text: &str) -> Option<SocketAddr> {
        text.parse().ok()
    }

    fn show(address: &SocketAddr) -> Value {
        Value::String(address.to_string())
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// One of the log's formats.
pub(super) struct LogFormats;

impl Parser for LogFormats {
    type Item = LogFormat;
    const FORM: Form = Form::Text;

    fn allowed(&self) -> String {
        "text or json".to_owned()
    }

    fn parse(&self, text: &str) -> Option<LogFormat> {
        match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }

    fn show(format: &LogFormat) -> Value {
        let text = match format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        Value::String(text.to_owned())
    }
}

/// A filter of the log.
pub(super) struct LogFilter;

impl Parser for LogFilter {
    type Item = String;
    const FORM: Form = Form::Text;

    fn allowed(&self) -> String {
        "error, warn, info, debug, trace, off, or a filter such as info,muster::store=debug".to_owned()
    }

    /// `tracing` takes a lone word for a module's name, so that a misspelt level would silence everything else. Here a
    /// word without `=` must be a level.
    fn parse(&self, text: &str) -> Option<String> {
        let directive_valid = |directive: &str| directive.contains('=') || directive.parse::<LevelFilter>().is_ok();
        let valid = text.split(',').map(str::trim).all(directive_valid) && EnvFilter::builder().parse(text).is_ok();
        (valid && !text.trim().is_empty()).then(|| text.to_owned())
    }

    fn show(filter: &String) -> Value {
        Value::String(filter.clone())
    }
}

/// A duration within bounds, both included.
pub(super) struct Durations {
    /// The shortest.
    pub(super) min: Duration,
    /// The longest.
    pub(super) max: Duration,
}

impl Parser for Durations {
    type Item = Duration;
    const FORM: Form = Form::Text;

    fn allowed(&self) -> String {
        let (min, max) = (humantime::format_duration(self.min), humantime::format_duration(self.max));
        format!("a duration such as 30s or \"2h 30m\", from {min} to {max}")
    }

    fn parse(&self, text: &str) -> Option<Duration> {
        humantime::parse_duration(text).ok().filter(|duration| (self.min..=self.max).contains(duration))
    }

    fn show(duration: &Duration) -> Value {
        Value::String(humantime::format_duration(*duration).to_string())
    }
}

/// A duration within bounds, or `off` for none.
pub(super) struct DurationsOrOff(pub(super) Durations);

/// What stands for no duration.
const OFF: &str = "off";

impl Parser for DurationsOrOff {
    type Item = Option<Duration>;
    const FORM: Form = Form::Text;

    fn allowed(&self) -> String {
        format!("{OFF} or {}", Parser::allowed(&self.0))
    }

    fn parse(&self, text: &str) -> Option<Option<Duration>> {
        if text == OFF { Some(None) } else { self.0.parse(text).map(Some) }
    }

    fn show(duration: &Option<Duration>) -> Value {
        duration.as_ref().map_or_else(|| Value::String(OFF.to_owned()), <Durations as Parser>::show)
    }
}

/// A number of bytes within bounds, both included.
pub(super) struct Bytes {
    /// The smallest.
    pub(super) min: u64,
    /// The largest.
    pub(super) max: u64,
}

const BYTE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

impl Parser for Bytes {
    type Item = usize;
    const FORM: Form = Form::TextOrInteger;

    fn allowed(&self) -> String {
        let (min, max) = (format_bytes(self.min), format_bytes(self.max));
        format!("a number of bytes such as 1048576 or 1MiB, from {min} to {max}")
    }

    fn parse(&self, text: &str) -> Option<usize> {
        let digits_len = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits_len);
        let unit = unit.trim_start();
        let factor = if unit.is_empty() {
            1
        } else {
            BYTE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)?
        };
        let bytes = number.parse::<u64>().ok()?.checked_mul(factor)?;
        usize::try_from(bytes).ok().filter(|_| (self.min..=self.max).contains(&bytes))
    }

    fn show(bytes: &usize) -> Value {
        Value::String(format_bytes(*bytes as u64))
    }
}

fn format_bytes(bytes: u64) -> String {
    let (name, factor) = BYTE_UNITS[..3]
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .copied()
        .unwrap_or(("B", 1));
    format!("{}{name}", bytes / factor)
}

/// A whole number within bounds, both included.
pub(super) struct Count {
    /// The least.
    pub(super) min: usize,
    /// The most.
    pub(super) max: usize,
}

impl Parser for Count {
    type Item = usize;
    const FORM: Form = Form::Integer;

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn parse(&self, text: &str) -> Option<usize> {
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|count| digits_only && (self.min..=self.max).contains(count))
    }

    fn show(count: &usize) -> Value {
        Value::Integer(i64::try_from(*count).unwrap_or(i64::MAX))
    }
}

/// A number of connections that read, or `auto`.
pub(super) struct Readers;

/// Most connections that read; beyond it they only wait for each other.
const READERS_MAX: usize = 64;

impl Parser for Readers {
    type Item = usize;
    const FORM: Form = Form::TextOrInteger;

    fn allowed(&self) -> String {
        format!("auto or a whole number from 1 to {READERS_MAX}")
    }

    fn parse(&self, text: &str) -> Option<usize> {
        if text == "auto" {
            let cores = std::thread::available_parallelism().map_or(2, usize::from);
            return Some(cores.clamp(2, 8));
        }
        Count { min: 1, max: READERS_MAX }.parse(text)
    }

    fn show(readers: &usize) -> Value {
        <Count as Parser>::show(readers)
    }
}

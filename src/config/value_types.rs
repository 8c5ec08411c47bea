//! The types of values that settings have, a parser for each.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::value_parser::{TomlType, ValueParser};

/// A path of any kind.
pub(super) struct PathParser;

impl ValueParser for PathParser {
    type Value = PathBuf;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        "a path".to_owned()
    }

    fn parse(&self, text: &str) -> Option<PathBuf> {
        (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
    }

    fn show(&self, path: &PathBuf) -> Value {
        Value::String(path.to_string_lossy().into_owned())
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
pub(super) struct LogFormatParser;

impl ValueParser for LogFormatParser {
    type Value = LogFormat;
    const TOML: TomlType = TomlType::String;

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

    fn show(&self, format: &LogFormat) -> Value {
        let text = match format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        Value::String(text.to_owned())
    }
}

/// What is done or not done.
pub(super) struct Switch;

const ON: &str = "on";

impl ValueParser for Switch {
    type Value = bool;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        format!("{ON} or {OFF}")
    }

    fn parse(&self, text: &str) -> Option<bool> {
        match text {
            ON => Some(true),
            OFF => Some(false),
            _ => None,
        }
    }

    fn show(&self, is_on: &bool) -> Value {
        Value::String(if *is_on { ON } else { OFF }.to_owned())
    }
}

/// A filter of the log.
pub(super) struct LogFilterParser;

impl ValueParser for LogFilterParser {
    type Value = String;
    const TOML: TomlType = TomlType::String;

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

    fn show(&self, filter: &String) -> Value {
        Value::String(filter.clone())
    }
}

/// A duration within bounds, both included.
pub(super) struct DurationRange {
    /// The shortest.
    pub(super) min: Duration,
    /// The longest.
    pub(super) max: Duration,
}

impl ValueParser for DurationRange {
    type Value = Duration;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        let (min, max) = (humantime::format_duration(self.min), humantime::format_duration(self.max));
        format!("a duration such as 30s or \"2h 30m\", from {min} to {max}")
    }

    fn parse(&self, text: &str) -> Option<Duration> {
        humantime::parse_duration(text).ok().filter(|duration| (self.min..=self.max).contains(duration))
    }

    fn show(&self, duration: &Duration) -> Value {
        Value::String(humantime::format_duration(*duration).to_string())
    }
}

/// A duration within bounds, or `off` for none.
pub(super) struct DurationOrOff(pub(super) DurationRange);

/// What stands for no duration, and for what is not done.
const OFF: &str = "off";

impl ValueParser for DurationOrOff {
    type Value = Option<Duration>;
    const TOML: TomlType = TomlType::String;

    fn allowed(&self) -> String {
        format!("{OFF} or {}", ValueParser::allowed(&self.0))
    }

    fn parse(&self, text: &str) -> Option<Option<Duration>> {
        if text == OFF { Some(None) } else { self.0.parse(text).map(Some) }
    }

    fn show(&self, duration: &Option<Duration>) -> Value {
        duration.as_ref().map_or_else(|| Value::String(OFF.to_owned()), |duration| ValueParser::show(&self.0, duration))
    }
}

/// A number of bytes within bounds, both included.
pub(super) struct ByteRange {
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

impl ValueParser for ByteRange {
    type Value = usize;
    const TOML: TomlType = TomlType::StringOrInteger;

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

    fn show(&self, bytes: &usize) -> Value {
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
pub(super) struct IntegerRange<N> {
    /// The smallest.
    pub(super) min: N,
    /// The largest.
    pub(super) max: N,
}

impl<N: Copy + Display + FromStr + PartialOrd + TryInto<i64>> ValueParser for IntegerRange<N> {
    type Value = N;
    const TOML: TomlType = TomlType::Integer;

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn parse(&self, text: &str) -> Option<N> {
        let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits_only && (self.min..=self.max).contains(number))
    }

    fn show(&self, number: &N) -> Value {
        Value::Integer((*number).try_into().unwrap_or(i64::MAX))
    }
}

/// A number of connections that read, or `auto`.
pub(super) struct ReadersParser;

/// What stands for a number that follows from the machine.
const AUTO: &str = "auto";

/// Numbers of read connections that can be set. Beyond the largest they only wait for each other.
const READER_NUMBERS: IntegerRange<u32> = IntegerRange { min: 1, max: 64 };

/// The bounds of `auto`, which is one connection per processor core: four at least, so that a caller at full tilt, which
/// gets a quarter of them, leaves some to others; eight at most, since a read takes well under a millisecond and a few serve any number of
/// clients.
const AUTO_READER_NUMBERS: RangeInclusive<usize> = 4..=8;

impl ValueParser for ReadersParser {
    type Value = u32;
    const TOML: TomlType = TomlType::StringOrInteger;

    fn allowed(&self) -> String {
        format!("{AUTO} or {}", ValueParser::allowed(&READER_NUMBERS))
    }

    fn parse(&self, text: &str) -> Option<u32> {
        if text == AUTO {
            let (min, max) = AUTO_READER_NUMBERS.into_inner();
            let cores = std::thread::available_parallelism().map_or(min, usize::from);
            return u32::try_from(cores.clamp(min, max)).ok();
        }
        READER_NUMBERS.parse(text)
    }

    fn show(&self, readers: &u32) -> Value {
        ValueParser::show(&READER_NUMBERS, readers)
    }
}

//! Data about the process itself: the log (`tracing` to standard error, as text or JSON, including panics), the build
//! ([`LONG_VERSION`]), the memory ([`resident_bytes`]), and histograms ([`Buckets`]).
//!
//! Whoever logs never waits for whoever reads standard error: a thread writes (`log_writer`). Messages of commands go
//! through it, too ([`message`]), so that they stay in order with the log.
//!
//! Standard output is for the output of commands only. Secrets must never be logged; code that logs a request or a setting
//! is responsible for that.

mod buckets;
mod log_writer;
mod process;

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, TelemetrySettings};

use self::log_writer::{LogWriter, LostLine};

pub use self::buckets::{Buckets, Counted};
pub use self::process::resident_bytes;

pub const LONG_VERSION: &str = env!("LONG_VERSION");

/// The commit of the build; see `build.rs`.
pub const BUILT_FROM: &str = env!("BUILT_FROM");

/// How long a server that ends waits until its log is written. A reader that is at work needs microseconds, and one that
/// is not must not keep the server from ending.
const FLUSH_TIME_MAX: Duration = Duration::from_millis(500);

/// The way to standard error, once the log is open.
static WRITER: OnceLock<LogWriter> = OnceLock::new();

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log level is not a valid filter.
    #[error("the log level is not a filter")]
    Filter(#[from] ParseError),
    /// The process has a log already.
    #[error("the log is open already")]
    Open(#[from] SetGlobalDefaultError),
    /// Standard error cannot be used, or the thread that writes to it cannot be started.
    #[error("standard error has no writer")]
    Writer(#[from] io::Error),
}

/// Opens the process's log on standard error and sends panics there.
pub fn init(settings: &TelemetrySettings, colour_allowed: bool) -> Result<(), TelemetryError> {
    let colour = colour_allowed && io::stderr().is_terminal();
    // A descriptor of its own: the one of the library is locked while it is written, and a stalled reader holds that.
    let output = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let writer = LogWriter::start(output, lost_line(settings.clone(), colour))?;
    let writer = WRITER.get_or_init(|| writer);
    tracing::subscriber::set_global_default(subscriber(settings, colour, writer.clone())?)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Writes a message to standard error that is not of the log, behind what was logged before. Whoever writes it does not
/// wait; see [`flush`] and [`flush_all`].
pub fn message(text: &str) {
    match WRITER.get() {
        Some(writer) => writer.message(text),
        // A closed standard error is no failure.
        None => drop(io::stderr().write_all(text.as_bytes())),
    }
}

/// Waits for a moment until what was logged is written: before a server ends.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush(FLUSH_TIME_MAX);
    }
}

/// Waits until what was logged is written, however long that takes: before a command ends, and before it asks something.
pub fn flush_all() {
    if let Some(writer) = WRITER.get() {
        writer.flush_all();
    }
}

/// Lines of the log that were lost because standard error was not read in time, or could not be written.
#[must_use]
pub fn log_lines_lost() -> u64 {
    WRITER.get().map_or(0, LogWriter::lines_lost)
}

/// Makes the line of the log that says how many are missing before it.
fn lost_line(settings: TelemetrySettings, colour: bool) -> LostLine {
    Box::new(move |lines| {
        let line = Line::default();
        if let Ok(subscriber) = subscriber(&settings, colour, line.clone()) {
            tracing::subscriber::with_default(subscriber, || {
                tracing::warn!(lines, "lines of the log were lost, because standard error was not read in time");
            });
        }
        std::mem::take(&mut *line.0.lock())
    })
}

/// A line in memory.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<Vec<u8>>>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Line {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A subscriber that writes the log to `writer`.
fn subscriber<W>(
    settings: &TelemetrySettings,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(&settings.log_level)?)
        .with_ansi(colour)
        // Otherwise a failed write is reported with a macro that panics when it cannot write either.
        .log_internal_errors(false)
        .with_writer(writer);
    Ok(match settings.log {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(backtrace));
    tracing::error!(
        location,
        thread = thread.name().unwrap_or("unnamed"),
        backtrace,
        "panic: {}",
        panic_message(panic.payload())
    );
}

/// The message of a panic; `panic!` makes only payloads of these two text types.
fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log with these settings of one message at level info and one at level debug.
    fn log(log: LogFormat, log_level: &str, colour: bool) -> String {
        let settings = TelemetrySettings { log, log_level: log_level.to_owned() };
        let written = Line::default();
        let subscriber = subscriber(&settings, colour, written.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(port = 8383, "listening");
            tracing::debug!("details");
        });
        let bytes = written.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_text_format_has_level_message_and_fields() {
        let text = log(LogFormat::Text, "info", false);
        assert!(text.contains("INFO") && text.contains("listening") && text.contains("port=8383"), "{text}");
        assert!(!text.contains("details") && !text.contains('\u{1b}'), "{text}");
        assert!(log(LogFormat::Text, "info", true).contains('\u{1b}'));
    }

    #[test]
    fn json_is_one_object_per_line() {
        let text = log(LogFormat::Json, "info,muster=debug", false);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "listening");
        assert_eq!(lines[0]["port"], 8383);
        assert_eq!(lines[1]["level"], "DEBUG");
    }

    #[test]
    fn nothing_is_written_below_the_level() {
        assert_eq!(log(LogFormat::Text, "off", false), "");
    }

    #[test]
    fn lost_lines_are_told_in_the_format_of_the_log() {
        let settings = TelemetrySettings { log: LogFormat::Json, log_level: "info".to_owned() };
        let line: serde_json::Value = serde_json::from_slice(&lost_line(settings, false)(7)).unwrap();
        assert_eq!((&line["level"], &line["lines"]), (&"WARN".into(), &7.into()));
    }

    #[test]
    fn a_panic_is_logged_with_its_message() {
        let check = |payload: &(dyn Any + Send), message: &str| assert_eq!(panic_message(payload), message);
        check(&"literal", "literal");
        check(&"formatted".to_owned(), "formatted");
        check(&7_u8, "(no message)");
    }
}

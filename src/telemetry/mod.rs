//! Data about the process itself: the log (`tracing` to standard error, as text or JSON, including panics), the build
//! ([`LONG_VERSION`]), the memory ([`resident_bytes`]), and histograms ([`Buckets`]).
//!
//! Standard output is for the output of commands only. Secrets must never be logged; code that logs a request or a setting
//! is responsible for that.

mod buckets;
mod process;

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, TelemetrySettings};

pub use self::buckets::{Buckets, Counted};
pub use self::process::resident_bytes;

pub const LONG_VERSION: &str = env!("LONG_VERSION");

/// The commit of the build; see `build.rs`.
pub const BUILT_FROM: &str = env!("BUILT_FROM");

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log level is not a valid filter.
    #[error("the log level is not a filter")]
    Filter(#[from] ParseError),
    /// The process has a log already.
    #[error("the log is open already")]
    Open(#[from] SetGlobalDefaultError),
}

/// Opens the process's log on standard error and sends panics there.
pub fn init(settings: &TelemetrySettings, colour_allowed: bool) -> Result<(), TelemetryError> {
    let colour = colour_allowed && io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(settings, colour, io::stderr)?)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
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
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The log with these settings of one message at level info and one at level debug.
    fn log(log: LogFormat, log_level: &str, colour: bool) -> String {
        let settings = TelemetrySettings { log, log_level: log_level.to_owned() };
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(&settings, colour, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(port = 8383, "listening");
            tracing::debug!("details");
        });
        let bytes = written.0.lock().unwrap().clone();
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
    fn a_panic_is_logged_with_its_message() {
        let check = |payload: &(dyn Any + Send), message: &str| assert_eq!(panic_message(payload), message);
        check(&"literal", "literal");
        check(&"formatted".to_owned(), "formatted");
        check(&7_u8, "(no message)");
    }
}

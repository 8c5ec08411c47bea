//! How a command ends when it does not end well.

use std::error::Error;
use std::fmt;
use std::io;

use crate::config::ConfigError;

/// What to do about a file that may not become larger.
const FILE_SIZE_ADVICE: &str = "; raise the limit for the size of files (ulimit -f, LimitFSIZE= of a systemd unit)";

/// Why a command did not do what it was asked for; written as one line, its causes joined by colons.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    message: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureKind {
    Usage,
    Failed,
    /// Standard output was closed by its reader.
    OutputClosed,
    /// Standard output cannot be written.
    OutputLost,
}

impl Failure {
    /// What was asked for makes no sense: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Usage, message: message.into(), cause: None }
    }

    /// What was asked for could not be done: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Failed, message: message.into(), cause: None }
    }

    /// The same, with the error that is the cause of it.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Standard output could not be written: what the command was asked for is lost.
    #[must_use]
    pub fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            let message = "standard output was closed before all of it was written".to_owned();
            return Self { kind: FailureKind::OutputClosed, message, cause: None };
        }
        let message = "standard output cannot be written".to_owned();
        Self { kind: FailureKind::OutputLost, message, cause: Some(error.into()) }
    }

    /// The same failure with what follows from it.
    #[must_use]
    pub fn so(self, consequence: &str) -> Self {
        Self::failed(format!("{self}; {consequence}"))
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            FailureKind::OutputClosed | FailureKind::OutputLost | FailureKind::Failed => 1,
            FailureKind::Usage => 2,
        }
    }

    /// Whether standard output cannot be written, or not any longer.
    #[must_use]
    pub fn is_output_lost(&self) -> bool {
        matches!(self.kind, FailureKind::OutputClosed | FailureKind::OutputLost)
    }

    /// Whether the reader of standard output closed it. One who reads a list for people has perhaps seen enough
    /// (`muster token list | head -1`).
    #[must_use]
    pub fn is_output_closed(&self) -> bool {
        self.kind == FailureKind::OutputClosed
    }
}

impl From<ConfigError> for Failure {
    /// Settings are part of what was asked for, wherever they are written.
    fn from(error: ConfigError) -> Self {
        Self {
            kind: FailureKind::Usage,
            message: error.to_string(),
            cause: error.source().map(|cause| cause.to_string().into()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.message.clone();
        let mut cause: Option<&dyn Error> = self.cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors have their cause in their own text, which reads better than a chain.
            if !line.contains(&text) {
                line.push_str(": ");
                line.push_str(&text);
            }
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::FileTooLarge) {
                line.push_str(FILE_SIZE_ADVICE);
            }
            cause = error.source();
        }
        let words: Vec<&str> = line.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect();
        f.write_str(&words.join(" "))
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the database cannot be opened")]
    struct Middle(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("x.pem cannot be read ({source}); name another")]
    struct SaysItsCause {
        source: io::Error,
    }

    #[test]
    fn a_failure_is_one_line_with_its_causes() {
        let check = |failure: Failure, line: &str, code: u8, closed: bool| {
            let (text, is_closed) = (failure.to_string(), failure.is_output_closed());
            assert_eq!((text.as_str(), failure.exit_code(), is_closed), (line, code, closed));
        };
        check(Failure::usage("no owner"), "no owner", 2, false);
        let cause = Middle(io::Error::other("line one\n  line two"));
        check(
            Failure::failed("check failed").because(cause),
            "check failed: the database cannot be opened: line one line two",
            1,
            false,
        );
        let cause = SaysItsCause { source: io::Error::other("no such file") };
        let line = "TLS cannot be set up: x.pem cannot be read (no such file); name another";
        check(Failure::failed("TLS cannot be set up").because(cause), line, 1, false);
        let closed = "standard output was closed before all of it was written";
        check(Failure::output(io::ErrorKind::BrokenPipe.into()), closed, 1, true);
        let consequence = format!("{closed}; the token is gone");
        check(Failure::output(io::ErrorKind::BrokenPipe.into()).so("the token is gone"), &consequence, 1, false);
        let too_large = io::Error::new(io::ErrorKind::FileTooLarge, "it is too large");
        let line = format!("no file: it is too large{FILE_SIZE_ADVICE}");
        check(Failure::failed("no file").because(too_large), &line, 1, false);
        check(Failure::output(io::Error::other("disk full")), "standard output cannot be written: disk full", 1, false);
    }
}

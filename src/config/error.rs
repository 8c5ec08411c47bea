//! Why the settings cannot be used.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;

/// Why the settings cannot be used: one sentence that names origin, key, value and what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that the setting cannot have.
    #[error("{key} in {origin} is {value}, but must be {allowed}")]
    Value {
        /// The setting's key.
        key: &'static str,
        /// Where the value comes from.
        origin: Origin,
        /// The value, in quotes where it is a text.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A setting that means nothing without another one.
    #[error("{key} in {origin} needs {missing}, too")]
    Alone {
        /// The setting's key.
        key: &'static str,
        /// Where its value comes from.
        origin: Origin,
        /// The key of the other one.
        missing: &'static str,
    },
    /// A value that is not even text.
    #[error("{variable} in the environment is not valid UTF-8")]
    NotUnicode {
        /// The variable's name.
        variable: String,
    },
    /// A settings file that cannot be read.
    #[error("the settings file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A settings file that is not TOML.
    #[error("line {line} of the settings file {} is not valid TOML: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

//! The cache's configuration.
//!
//! The handlers are in `read` and `change`. `patch` is the body of a change, `if_match` the header that limits a change to
//! one version, `current_answer` the current configuration in responses.

mod change;
mod current_answer;
mod if_match;
mod patch;
mod read;

pub use self::change::*;
pub use self::read::*;

//! Restoring: a backup replaces the database in one atomic step.
//!
//! Everything that can fail is done to a copy of the backup beside the database; then one rename replaces the database.
//! A log of the old database must never be beside the new one, since SQLite would apply its pages to the new one. So
//! the old database is brought into a single file first, and held under an exclusive lock until it has lost its name.
//!
//! - `steps`: the sequence, from the lock to the rename; `error`, `outcome`: its results;
//! - `candidate`: the copy of the backup, verified and prepared;
//! - `replaced`: the old database, brought into a single file, and what the new one needs to know of it.

mod candidate;
mod error;
mod outcome;
mod replaced;
mod steps;

pub(in crate::store) use candidate::is_leftover;
pub use error::RestoreError;
pub use outcome::{Before, Restored};
pub(in crate::store) use replaced::remove_aliases;
pub use steps::{RESTORE_STEPS, Restore, RestoreStep, StepObserver};

//! Restoring: a backup in the place of the database, in one step that is done whole or not at all.
//!
//! Everything that can fail happens to a copy of the backup beside the database; then one rename puts it in its place. What
//! must never happen is that a log of the old database stands beside the new one, since SQLite would take it for the new
//! one's and write the old pages into it. So the old database is brought into a single file first, and held under an
//! exclusive lock from then until it has lost its name.
//!
//! - `steps`: the sequence, from the lock to the rename; `error`, `outcome`: why it failed, or what came of it;
//! - `candidate`: the copy of the backup, verified and made ready;
//! - `replaced`: the old database, brought to rest, and what is to be learnt from it.

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

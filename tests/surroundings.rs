//! Where Muster runs: a log that nobody reads, limits of the system, output that gets lost, and unusual paths.

mod backup_folder;
mod limits;
mod lost_output;
mod paths;
mod unread_log;

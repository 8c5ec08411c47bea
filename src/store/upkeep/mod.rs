//! Administration of an installation: purges, the audit log, the cache's history, backup and restore.
//!
//! - `maintenance`: the thread that continues purges, deletes what has expired and resumes service after trouble;
//! - `purge`: destroying an enterprise, department or employee in small steps;
//! - `audit`, `audit_action`, `actor`: the audit log, what acts are called in it, and who acts;
//! - `cache_configuration`: what administrators have tuned, version by version; `cache_samples`: what the cache
//!   counted;
//! - `backup`, `restore`: the whole database into one file, and back; `rollback`: one that became an older state of
//!   itself while it was served.

pub(super) mod actor;
pub(super) mod audit;
pub(super) mod audit_action;
pub(super) mod backup;
pub(super) mod cache_configuration;
pub(super) mod cache_samples;
pub(super) mod maintenance;
pub(super) mod purge;
pub(super) mod restore;
pub(super) mod rollback;

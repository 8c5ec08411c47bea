//! The store: facts, rollups and revisions in SQLite. The only module that names rusqlite or r2d2.
//!
//! One thread owns the one writing connection; reads run on pooled connections that cannot write. A write that has been
//! answered is on disk, and every subscriber of the change feed has been notified of it.
//!
//! - `schema.sql` at the top of the repository: tables, rollups, triggers;
//! - `engine`: opening, connections, transactions, the writer, the change feed;
//! - `facts`: enterprises, departments, employees and their contacts;
//! - `rollups`: what the facts amount to, and the proof that the sums are right;
//! - `access`: tokens, signed-in browsers, and retries made harmless;
//! - `upkeep`: purges, the audit log, the cache's history, backup and restore.

mod access;
mod engine;
mod facts;
mod rollups;
mod upkeep;

pub use access::access_list::{AccessList, StoredSession, StoredToken};
pub use access::idempotency::{IdempotentRequest, StoredAnswer};
pub use access::sessions::{NewSession, NewSignInLink, StoredSignInLink};
pub use access::tokens::NewToken;
pub use engine::changes::{Publication, Subscriber};
pub use engine::data_dir::{DATABASE_FILE, database_path, is_locked};
pub use engine::error::{OpenError, StoreError, Subject, TurnKind};
pub use engine::figures::StoreFigures;
pub use engine::lock_file::{LOCK_FILE, RunningServer, describe_server, described_server, note_reload};
pub use engine::migrate::{SCHEMA, SCHEMA_VERSION};
pub use engine::options::{Mode, StoreOptions};
pub use engine::store::Store;
pub use engine::turns::{HeldTurn, Turn, Turns, on_behalf_of};
pub use engine::tx::{ReadTx, WriteTx};
pub use engine::usable_dir::{check_usable, may_start_now, refuse_files_of_others, try_to_write};
pub use engine::watcher::WATCH_INTERVAL;
pub use facts::contacts::ContactExport;
pub use facts::import::{ImportChunk, ImportOutcome, ImportRow, ImportedRow, MayCreate};
pub use facts::import_owner::{DepartmentName, EmployeeName, OwnerRefusal, OwnerRow};
pub use facts::new_owners::{NewOwnersBound, RehearsedOwners};
pub use rollups::check::{CheckReport, Difference};
pub use rollups::summaries::ScopeRevision;
pub use upkeep::actor::Actor;
pub use upkeep::audit::{AuditEntry, AuditFilter, AuditRecord};
pub use upkeep::audit_action::AuditAction;
pub use upkeep::backup::{
    BackupError, BackupMade, BackupObserver, BackupProgress, BackupRecord, BackupRequest, BackupStage,
    KEPT_FILE_BYTES_MAX, KEPT_FILE_TABLE, KeptFile, KeptFiles, KeptKind, LoggedBackup, Pace, back_up, record_backup,
    remove_leftovers, unobserved,
};
pub use upkeep::cache_configuration::StoredConfiguration;
pub use upkeep::cache_samples::SamplePage;
pub use upkeep::purge::Purged;
pub use upkeep::restore::{Before, RESTORE_STEPS, Restore, RestoreError, RestoreStep, Restored, StepObserver};

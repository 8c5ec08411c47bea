//! The backups that the audit log records: their history, so that the age of the last good one survives a restart.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::params;
use serde_json::{Value, json};

use super::copy::BackupMade;
use super::error::BackupError;
use crate::clock::Clock;
use crate::domain::backup::RowCounts;
use crate::domain::time::Timestamp;
use crate::store::engine::error::StoreError;
use crate::store::engine::tx::ReadTx;
use crate::store::upkeep::actor::Actor;
use crate::store::upkeep::audit::{self, AuditEntry};
use crate::store::upkeep::audit_action::AuditAction;

/// A good backup as the audit log records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRecord {
    /// The path at which it was made.
    pub path: String,
    pub bytes: u64,
    pub rows: RowCounts,
    /// The moment of its snapshot.
    pub at: Timestamp,
    pub took_millis: u64,
    pub by: String,
}

/// A good backup and the id of its audit entry. Later ones have higher ids, whatever the clock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedBackup {
    pub id: i64,
    pub record: BackupRecord,
}

impl ReadTx<'_> {
    /// The newest good backup; with a folder, the newest that was made in it or in one of its subfolders, since each
    /// installation has its own.
    pub fn last_backup(&self, folder: Option<&str>) -> Result<Option<LoggedBackup>, StoreError> {
        // The rest of the path after the folder and a slash has at most one slash. There are as many rows as
        // administrators' acts.
        const SQL: &str = "SELECT target, actor, at, after, id FROM audit
             WHERE action = ?1
               AND (?2 IS NULL OR (substr(target, 1, length(?2) + 1) = ?2 || '/'
                                   AND substr(target, length(?2) + 2) NOT LIKE '%/%/%'))
             ORDER BY id DESC LIMIT 1";
        // The root itself ends with the slash that is appended to others.
        let folder = folder.map(|folder| folder.trim_end_matches('/'));
        self.first(SQL, params![AuditAction::BackupCreate.as_str(), folder], |row| {
            let after: Option<String> = row.get(3)?;
            let after: Value = after.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let number = |field: &str| after.get(field).and_then(Value::as_u64).unwrap_or(0);
            let rows = after.get("rows").cloned().and_then(|rows| serde_json::from_value(rows).ok());
            let at = after.get("at").and_then(Value::as_str).and_then(Timestamp::parse);
            let record = BackupRecord {
                path: row.get(0)?,
                bytes: number("bytes"),
                rows: rows.unwrap_or_default(),
                at: at.unwrap_or(Timestamp::from_millis(row.get(2)?)),
                took_millis: number("tookMillis"),
                by: row.get(1)?,
            };
            Ok(LoggedBackup { id: row.get(4)?, record })
        })
    }

    /// The files of all good backups that this database records, whether they still exist or not.
    pub fn backups_made(&self) -> Result<HashSet<String>, StoreError> {
        const SQL: &str = "SELECT DISTINCT target FROM audit WHERE action = ?1";
        let files = self.all(SQL, [AuditAction::BackupCreate.as_str()], |row| Ok(row.get(0)?))?;
        Ok(files.into_iter().collect())
    }
}

impl BackupMade {
    /// Its entry in the audit log.
    #[must_use]
    pub fn audit_entry(&self) -> AuditEntry {
        let kept = self.kept.iter().map(|(kind, path)| json!({"kind": kind.as_str(), "path": path}));
        let after = json!({
            "bytes": self.bytes, "rows": self.rows, "schemaVersion": self.schema_version,
            "at": self.at, "tookMillis": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "installation": self.installation,
            "kept": kept.collect::<Value>(),
        });
        AuditEntry::of(AuditAction::BackupCreate, self.path.display().to_string()).after(after)
    }
}

/// Records a backup that a command made in the audit log of the database.
pub fn record_backup(data_dir: &Path, actor: &Actor, made: &BackupMade, clock: &Clock) -> Result<(), BackupError> {
    Ok(audit::record(data_dir, actor, &made.audit_entry(), clock.now())?)
}

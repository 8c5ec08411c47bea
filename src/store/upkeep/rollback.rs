//! A database that is an older state of itself, as a client's entity tag shows while it is served.

use serde_json::json;

use super::actor::Actor;
use super::audit::AuditEntry;
use super::audit_action::AuditAction;
use crate::store::engine::data_dir::DATABASE_FILE;
use crate::store::engine::error::StoreError;
use crate::store::engine::renewal::{self, Seen};
use crate::store::engine::tx::WriteTx;

impl WriteTx<'_> {
    /// Begins a new history, if the present one is this and has not got as far as this revision, which a client has seen.
    /// Ends every session, since those are of another time, too. Returns whether it did.
    pub fn renew_if_behind(&self, epoch: &str, revision: i64) -> Result<bool, StoreError> {
        if self.epoch()? != epoch || self.revision()? >= revision {
            return Ok(false);
        }
        renewal::renew(self.connection, Some(Seen { revision, access_version: 0, contact_id: 0 }))?;
        let sessions = renewal::end_sessions(self.connection)?;
        let reason = "a client has seen a later state of it: it was rolled back";
        let after = json!({"reason": reason, "revisionSeen": revision, "sessionsEnded": sessions});
        self.audit(
            &Actor::of_program("request"),
            &AuditEntry::of(AuditAction::DatabaseRenew, DATABASE_FILE).after(after),
        )?;
        tracing::warn!(
            revision_seen = revision,
            sessions_ended = sessions,
            "{DATABASE_FILE} is an older state of itself, as a client's entity tag shows: revisions and entity tags begin anew"
        );
        Ok(true)
    }
}

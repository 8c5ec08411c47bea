//! Enterprises: finding, listing, creating, renaming, archiving and restoring them.

use rusqlite::{Row, params};

use crate::domain::access::Reach;
use crate::domain::directory::{Enterprise, Name};
use crate::domain::ids::EnterpriseId;
use crate::domain::made_ids::ids_from_name;
use crate::domain::page::{NameCursor, Page, PageRequest};
use crate::domain::sharing::Sharing;
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::{NameList, exists, id_from_database, null_test, timestamp};
use crate::store::engine::tx::{ReadTx, WriteTx};
use crate::store::upkeep::purge::PurgeSubject;

pub(in crate::store) struct EnterpriseRow {
    pub(in crate::store) row: i64,
    pub(in crate::store) archived: bool,
}

const COLUMNS: &str = "public_id, name, created_at, updated_at, archived_at, sharing";

impl ReadTx<'_> {
    /// A visible enterprise.
    pub fn enterprise(&self, id: &EnterpriseId) -> Result<Enterprise, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM enterprise WHERE public_id = ?1 AND archived_at IS NULL");
        self.first(&sql, [id.as_str()], read_enterprise)?.ok_or(StoreError::NotFound(Subject::Enterprise))
    }

    /// The enterprises within reach, ordered by name: the visible ones, or the archived ones.
    pub fn enterprises(
        &self,
        reach: &Reach,
        archived: bool,
        request: &PageRequest<NameCursor>,
    ) -> Result<Page<Enterprise, NameCursor>, StoreError> {
        let own = reach.enterprise().map(EnterpriseId::as_str);
        let filter = format!("archived_at {} AND (?1 IS NULL OR public_id = ?1)", null_test(archived));
        let list = NameList { columns: COLUMNS, from: "enterprise", filter: &filter };
        let total = self.one(&format!("SELECT count(*) FROM enterprise WHERE {filter}"), [own], |row| row.get(0))?;
        list.page(self, own, request, total, read_enterprise, |enterprise| (&enterprise.name, enterprise.id.as_str()))
    }

    /// The row of a visible enterprise.
    pub(in crate::store) fn enterprise_row(&self, id: &EnterpriseId) -> Result<i64, StoreError> {
        let found = self.any_enterprise_row(id)?;
        if found.archived { Err(StoreError::NotFound(Subject::Enterprise)) } else { Ok(found.row) }
    }

    /// The row of an enterprise, archived or not.
    pub(in crate::store) fn any_enterprise_row(&self, id: &EnterpriseId) -> Result<EnterpriseRow, StoreError> {
        const SQL: &str = "SELECT id, archived_at IS NOT NULL FROM enterprise WHERE public_id = ?1";
        self.first(SQL, [id.as_str()], |row| Ok(EnterpriseRow { row: row.get(0)?, archived: row.get(1)? }))?
            .ok_or(StoreError::NotFound(Subject::Enterprise))
    }
}

impl WriteTx<'_> {
    /// Creates an enterprise; without an id, one is made from the name. Two names may lead to the same id, and then the
    /// second gets another one; the same name twice is a conflict.
    pub fn create_enterprise(&self, id: Option<EnterpriseId>, name: &Name) -> Result<Enterprise, StoreError> {
        const SQL: &str = "INSERT INTO enterprise (id, public_id, name, name_folded, created_at, updated_at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?5)";
        let id = match id {
            Some(id) => id,
            None => self.enterprise_id_for(name)?,
        };
        if exists(self.any_enterprise_row(&id))? {
            return Err(StoreError::Conflict(format!("an enterprise with the id {id} exists already")));
        }
        let scope = self.scope_row(id.as_str(), "")?;
        let now = self.now().millis();
        self.execute(SQL, params![scope, id.as_str(), name.as_str(), name.folded(), now])?;
        self.enterprise(&id)
    }

    /// The id for a new enterprise of this name; that of one with the same name, which it conflicts with.
    fn enterprise_id_for(&self, name: &Name) -> Result<EnterpriseId, StoreError> {
        const NAME: &str = "SELECT name_folded FROM enterprise WHERE public_id = ?1";
        let id = self.free_id(ids_from_name(name.as_str()), |id| {
            let taken: Option<String> = self.first(NAME, [id], |row| Ok(row.get(0)?))?;
            Ok(taken.is_some_and(|taken| taken != name.folded()))
        })?;
        id_from_database(id)
    }

    /// Renames a visible enterprise.
    pub fn rename_enterprise(&self, id: &EnterpriseId, name: &Name) -> Result<Enterprise, StoreError> {
        const SQL: &str = "UPDATE enterprise SET name = ?2, name_folded = ?3, updated_at = ?4
                            WHERE id = ?1 AND name <> ?2";
        let row = self.enterprise_row(id)?;
        self.execute(SQL, params![row, name.as_str(), name.folded(), self.now().millis()])?;
        self.enterprise(id)
    }

    /// Sets what the tokens of a visible enterprise's employees read of colleagues.
    pub fn set_sharing(&self, id: &EnterpriseId, sharing: Sharing) -> Result<Enterprise, StoreError> {
        const SQL: &str = "UPDATE enterprise SET sharing = ?2, updated_at = ?3 WHERE id = ?1 AND sharing <> ?2";
        let row = self.enterprise_row(id)?;
        self.execute(SQL, params![row, sharing.as_str(), self.now().millis()])?;
        self.enterprise(id)
    }

    /// Archives an enterprise and with it all that belongs to it. Its rollups do not change.
    pub fn archive_enterprise(&self, id: &EnterpriseId) -> Result<(), StoreError> {
        let row = self.enterprise_row(id)?;
        self.execute("UPDATE enterprise SET archived_at = ?2 WHERE id = ?1", params![row, self.now().millis()])?;
        Ok(())
    }

    /// Restores an archived enterprise; does nothing to a visible one.
    pub fn restore_enterprise(&self, id: &EnterpriseId) -> Result<Enterprise, StoreError> {
        let found = self.any_enterprise_row(id)?;
        if found.archived {
            self.refuse_while_purged(PurgeSubject::Enterprise, found.row)?;
            self.execute("UPDATE enterprise SET archived_at = NULL WHERE id = ?1", [found.row])?;
        }
        self.enterprise(id)
    }

    /// The scope of these public ids: a new row, or the tombstone that a purged namesake left.
    pub(super) fn scope_row(&self, enterprise: &str, department: &str) -> Result<i64, StoreError> {
        const INSERT: &str = "INSERT INTO scope (enterprise, department) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        const SELECT: &str = "SELECT id FROM scope WHERE enterprise = ?1 AND department = ?2";
        self.execute(INSERT, [enterprise, department])?;
        self.one(SELECT, [enterprise, department], |row| row.get(0))
    }
}

fn read_enterprise(row: &Row<'_>) -> Result<Enterprise, StoreError> {
    let sharing: String = row.get(5)?;
    Ok(Enterprise {
        id: id_from_database(row.get(0)?)?,
        name: row.get(1)?,
        sharing: Sharing::parse(&sharing).ok_or_else(|| StoreError::Corrupt(format!("sharing {sharing:?}")))?,
        created_at: timestamp(row, 2)?,
        updated_at: timestamp(row, 3)?,
        archived_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
    })
}

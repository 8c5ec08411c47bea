//! The cache's configuration: every version that administrators have stored.

use rusqlite::{Row, params};
use serde_json::Value;

use super::actor::Actor;
use crate::domain::cache_configuration::CacheConfiguration;
use crate::domain::page::{Page, PageRequest, RowCursor};
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::timestamp;
use crate::store::engine::tx::{ReadTx, WriteTx};

/// One version of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredConfiguration {
    /// Its number, counted from 1.
    pub version: u64,
    pub at: Timestamp,
    /// Who made it, as [`Actor`] is written.
    pub actor: String,
    /// The address that it was made from, or `local`.
    pub address: String,
    /// The whole configuration as JSON, as the binary that stored it wrote it.
    pub json: Value,
}

impl StoredConfiguration {
    ///
    /// # Errors
    ///
    /// What this binary cannot read, as a sentence.
    pub fn configuration(&self) -> Result<CacheConfiguration, String> {
        CacheConfiguration::from_json(&self.json)
    }
}

const COLUMNS: &str = "version, at, actor, address, configuration";

impl ReadTx<'_> {
    /// The newest configuration; none before the first change.
    pub fn newest_cache_configuration(&self) -> Result<Option<StoredConfiguration>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM cache_configuration ORDER BY version DESC LIMIT 1");
        self.first(&sql, [], read_configuration)
    }

    /// One version of the configuration.
    pub fn cache_configuration(&self, version: u64) -> Result<StoredConfiguration, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM cache_configuration WHERE version = ?1");
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        self.first(&sql, [version], read_configuration)?.ok_or(StoreError::NotFound(Subject::ConfigurationVersion))
    }

    /// The versions of the configuration, newest first.
    pub fn cache_configurations(
        &self,
        request: &PageRequest<RowCursor>,
    ) -> Result<Page<StoredConfiguration, RowCursor>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM cache_configuration WHERE version < ?1 ORDER BY version DESC LIMIT ?2 OFFSET ?3"
        );
        let total = self.one("SELECT count(*) FROM cache_configuration", [], |row| row.get(0))?;
        let (before, offset) = request.seek(RowCursor::NEWEST);
        let items = self.all(&sql, params![before.row, request.rows_to_read(), offset], read_configuration)?;
        let row = |stored: &StoredConfiguration| i64::try_from(stored.version).unwrap_or(i64::MAX);
        Ok(Page::of(items, total, request, |stored| RowCursor { row: row(stored) }))
    }
}

impl WriteTx<'_> {
    /// Stores a configuration as the newest version.
    pub fn append_cache_configuration(
        &self,
        actor: &Actor,
        configuration: &CacheConfiguration,
    ) -> Result<StoredConfiguration, StoreError> {
        const SQL: &str = "INSERT INTO cache_configuration (version, at, actor, address, configuration)
            SELECT coalesce(max(version), 0) + 1, ?1, ?2, ?3, ?4 FROM cache_configuration";
        let json = serde_json::to_string(&configuration.to_json())
            .map_err(|error| StoreError::Corrupt(format!("a configuration cannot be written: {error}")))?;
        self.execute(SQL, params![self.now().millis(), actor.to_string(), actor.address, json])?;
        self.newest_cache_configuration()?.ok_or(StoreError::NotFound(Subject::ConfigurationVersion))
    }
}

fn read_configuration(row: &Row<'_>) -> Result<StoredConfiguration, StoreError> {
    let json: String = row.get(4)?;
    Ok(StoredConfiguration {
        version: row.get(0)?,
        at: timestamp(row, 1)?,
        actor: row.get(2)?,
        address: row.get(3)?,
        // What is not JSON is kept as a string, which no configuration is.
        json: serde_json::from_str(&json).unwrap_or(Value::String(json)),
    })
}

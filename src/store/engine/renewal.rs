//! A new history for a database whose counters may have been handed out before: a new epoch, and revisions above all
//! that clients may have seen. An entity tag or a position from before can then never be taken for a current one.

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::migrate::schema_version;

/// By how much the counter is increased where it is not known how far clients have seen it: further than any
/// installation gets, and within the range of a client's numbers.
const REVISION_LEAP: i64 = 1 << 40;

/// What is known of the history that clients have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Seen {
    pub(in crate::store) revision: i64,
    pub(in crate::store) access_version: i64,
    /// The highest contact id.
    pub(in crate::store) contact_id: i64,
}

/// How far the scopes' counts of draws go on beyond those of the file, so that none is counted twice for different data: a
/// scope is written to a thousand times less often within the time that a rollback takes back.
const DRAWS_LEAP: i64 = 1 << 20;

/// The first schema version whose scopes count their draws.
const FIRST_WITH_DRAWS: i64 = 5;

/// Begins a new history, within the caller's transaction.
pub(in crate::store) fn renew(connection: &Connection, seen: Option<Seen>) -> Result<(), StoreError> {
    const COUNTERS: &str = "UPDATE installation SET epoch = lower(hex(randomblob(8))), revision = ?1,
            access_version = max(access_version, ?2) + 1, contact_id_floor = max(contact_id_floor, ?3)";
    let own: i64 = connection.query_row("SELECT revision FROM installation", [], |row| row.get(0))?;
    let beyond = match seen {
        Some(seen) => own.max(seen.revision).saturating_add(1),
        None => own.saturating_add(REVISION_LEAP),
    };
    let (access_version, floor) = seen.map_or((0, 0), |seen| (seen.access_version, seen.contact_id));
    connection.execute(COUNTERS, params![beyond, access_version, floor])?;
    // Every scope draws, since every summary may have changed.
    connection.execute("UPDATE scope SET revision = ?1", [beyond])?;
    // An older backup is renewed before it is migrated; its scopes begin to count then.
    if schema_version(connection)? >= FIRST_WITH_DRAWS {
        connection.execute("UPDATE scope SET draws = draws + ?1", [DRAWS_LEAP])?;
    }
    Ok(())
}

/// Ends every session and sign-in link; returns the number of sessions.
pub(in crate::store) fn end_sessions(connection: &Connection) -> Result<usize, StoreError> {
    let ended = delete_all(connection, "session")?;
    delete_all(connection, "sign_in_link")?;
    Ok(ended)
}

fn delete_all(connection: &Connection, table: &str) -> Result<usize, StoreError> {
    // An older schema lacks some tables.
    const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    let known: bool = connection.query_row(KNOWN, [table], |row| row.get(0))?;
    Ok(if known { connection.execute(&format!("DELETE FROM {table}"), [])? } else { 0 })
}

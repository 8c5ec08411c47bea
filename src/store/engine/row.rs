//! What the queries of several tables share: ids and times in rows, and lists ordered by name.

use rusqlite::{Row, params};

use super::error::StoreError;
use super::tx::ReadTx;
use crate::domain::page::{NameCursor, Page, PageRequest};
use crate::domain::text::fold;
use crate::domain::time::Timestamp;

/// Reads an id. One that breaks the rules was not written by Muster.
pub(in crate::store) fn id_from_database<T: TryFrom<String>>(text: String) -> Result<T, StoreError> {
    T::try_from(text).map_err(|_| StoreError::Corrupt("a malformed id".to_owned()))
}

/// Whether a look-up found something; other errors pass.
pub(in crate::store) fn exists<T>(found: Result<T, StoreError>) -> Result<bool, StoreError> {
    match found {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(in crate::store) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

/// The test on `archived_at` that picks the archived rows, or the others; each has its partial index.
pub(in crate::store) const fn null_test(archived: bool) -> &'static str {
    if archived { "IS NOT NULL" } else { "IS NULL" }
}

/// A list ordered by folded name, bytes, id: the order of every list of named things.
pub(in crate::store) struct NameList<'a> {
    pub(in crate::store) columns: &'a str,
    /// The table, named once so that `name_folded`, `name` and `public_id` are its own.
    pub(in crate::store) from: &'a str,
    /// Which rows; `?1` is the owner's row.
    pub(in crate::store) filter: &'a str,
}

impl NameList<'_> {
    /// One page. A cursor is a seek; a page number is an offset, for clients that count pages.
    pub(in crate::store) fn page<T>(
        &self,
        tx: &ReadTx<'_>,
        owner: impl rusqlite::ToSql,
        request: &PageRequest<NameCursor>,
        total: u64,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
        name_and_id: impl Fn(&T) -> (&String, &str),
    ) -> Result<Page<T, NameCursor>, StoreError> {
        let Self { columns, from, filter } = self;
        let sql = format!(
            "SELECT {columns} FROM {from} WHERE {filter} AND (name_folded, name, public_id) > (?2, ?3, ?4)
              ORDER BY name_folded, name, public_id LIMIT ?5 OFFSET ?6"
        );
        // Every public id sorts after the empty text, so this is before the first row.
        let first = NameCursor { folded: String::new(), name: String::new(), id: String::new() };
        let (after, offset) = request.seek(first);
        let bound = params![owner, after.folded, after.name, after.id, request.rows_to_read(), offset];
        let items = tx.all(&sql, bound, &mut read)?;
        Ok(Page::of(items, total, request, |last| {
            let (name, id) = name_and_id(last);
            NameCursor { folded: fold(name), name: name.clone(), id: id.to_owned() }
        }))
    }
}

/// The steps by which SQLite would run a statement on a fresh database.
#[cfg(test)]
pub(in crate::store) fn plan(sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(super::migrate::SCHEMA).unwrap();
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = plan.raw_query().mapped(|step| step.get(3));
    steps.map(Result::unwrap).collect()
}

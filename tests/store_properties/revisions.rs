//! Revisions as the database has them, read without the store's code.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::directory::Scope;
use rusqlite::Connection;

use crate::support::scope;

/// The scope table and its counter.
#[derive(Clone, Debug, Default)]
pub struct Revisions {
    pub counter: i64,
    pub scopes: BTreeMap<Scope, i64>,
}

impl Revisions {
    pub fn read(raw: &Connection) -> Self {
        let transaction = raw.unchecked_transaction().unwrap();
        let counter = transaction.query_row("SELECT revision FROM installation", [], |row| row.get(0)).unwrap();
        let mut statement = transaction.prepare_cached("SELECT enterprise, department, revision FROM scope").unwrap();
        let rows = statement.query_map([], |row| {
            let (enterprise, department): (String, String) = (row.get(0)?, row.get(1)?);
            let text = if department.is_empty() { enterprise } else { format!("{enterprise}/{department}") };
            Ok((scope(&text), row.get(2)?))
        });
        Self { counter, scopes: rows.unwrap().map(Result::unwrap).collect() }
    }

    /// The scopes that drew a revision since `before`; any other change fails.
    pub fn drawn_since(&self, before: &Self) -> BTreeSet<(Scope, i64)> {
        assert!(before.scopes.keys().all(|scope| self.scopes.contains_key(scope)), "a scope's row is gone");
        let changed = |(scope, revision): &(&Scope, &i64)| before.scopes.get(scope) != Some(revision);
        let drawn: BTreeSet<(Scope, i64)> =
            self.scopes.iter().filter(changed).map(|(scope, revision)| (scope.clone(), *revision)).collect();
        for (scope, revision) in &drawn {
            let new = (before.counter + 1)..=self.counter;
            assert!(new.contains(revision), "{scope:?} has {revision}, which is not among the new ones {new:?}");
        }
        let distinct: BTreeSet<i64> = drawn.iter().map(|(_, revision)| *revision).collect();
        assert_eq!(distinct.len(), drawn.len(), "two scopes share a revision: {drawn:?}");
        assert_eq!(drawn.is_empty(), self.counter == before.counter, "the counter moves for draws alone");
        drawn
    }
}

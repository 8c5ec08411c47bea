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
    /// How many each scope has drawn.
    pub draws: BTreeMap<Scope, i64>,
}

impl Revisions {
    pub fn read(raw: &Connection) -> Self {
        let transaction = raw.unchecked_transaction().unwrap();
        let counter = transaction.query_row("SELECT revision FROM installation", [], |row| row.get(0)).unwrap();
        let mut statement =
            transaction.prepare_cached("SELECT enterprise, department, revision, draws FROM scope").unwrap();
        let rows = statement.query_map([], |row| {
            let (enterprise, department): (String, String) = (row.get(0)?, row.get(1)?);
            let text = if department.is_empty() { enterprise } else { format!("{enterprise}/{department}") };
            Ok((scope(&text), row.get(2)?, row.get(3)?))
        });
        let rows: Vec<(Scope, i64, i64)> = rows.unwrap().map(Result::unwrap).collect();
        Self {
            counter,
            scopes: rows.iter().map(|(scope, revision, _)| (scope.clone(), *revision)).collect(),
            draws: rows.into_iter().map(|(scope, _, draws)| (scope, draws)).collect(),
        }
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
        for (scope, draws) in &self.draws {
            let has_drawn = drawn.iter().any(|(one, _)| one == scope);
            let counted = draws - before.draws.get(scope).copied().unwrap_or(0);
            assert!(if has_drawn { counted > 0 } else { counted == 0 }, "{scope:?} counts {counted} draws more");
        }
        let distinct: BTreeSet<i64> = drawn.iter().map(|(_, revision)| *revision).collect();
        assert_eq!(distinct.len(), drawn.len(), "two scopes share a revision: {drawn:?}");
        assert_eq!(drawn.is_empty(), self.counter == before.counter, "the counter moves for draws alone");
        drawn
    }
}

//! The change feed: what subscribers are notified of after a commit.
//!
//! Publishing returns nothing and cannot fail. A subscriber is notified of its own process's commits before their
//! writers are answered, and of those of other processes within [`WATCH_INTERVAL`](super::watcher::WATCH_INTERVAL) and
//! the time of one small read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::{Row, params};

use super::error::StoreError;
use super::row::id_from_database;
use super::tx::ReadTx;
use crate::domain::directory::Scope;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::store::access::access_list::AccessList;
use crate::telemetry;

/// Is notified of every change. Its methods run on the writer's or the watcher's thread, before the writers of the
/// change are answered: they must be quick, and they must not call the store.
pub trait Subscriber: Send + Sync {
    /// These scopes drew new revisions. May repeat earlier publications; never omits a scope that a commit changed.
    fn published(&self, publication: &Publication);

    /// Anything up to this revision may have changed: forget what is known of single scopes.
    fn reset_to(&self, revision: i64);

    /// The database cannot be read just now, so commits of other processes may be missed: nothing that was read before
    /// may be relied on until [`reset_to`](Self::reset_to) is called, the first call when reading works again.
    fn suspend(&self);

    /// Tokens were made, changed or revoked. Lists may arrive out of order: a list with a lower version is to be
    /// ignored.
    fn access_changed(&self, tokens: &Arc<AccessList>);
}

/// What one commit, or several, changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The counter as the commit left it.
    pub revision: i64,
    /// The scopes that drew since, each with its newest revision.
    pub scopes: Vec<(Scope, i64)>,
    /// How many writes changed each of the scopes, in the same order; none for commits of other processes.
    pub writes: Option<Vec<u32>>,
}

#[derive(Default)]
pub(super) struct Feed {
    /// Guards the list alone. Read for each publication, written only by `subscribe`.
    subscribers: RwLock<Vec<Arc<dyn Subscriber>>>,
}

impl Feed {
    pub(super) fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        self.subscribers.write().push(subscriber);
    }

    pub(in crate::store) fn publish(&self, publication: &Publication) {
        self.each(|subscriber| subscriber.published(publication));
    }

    pub(super) fn reset_to(&self, revision: i64) {
        self.each(|subscriber| subscriber.reset_to(revision));
    }

    pub(super) fn suspend(&self) {
        self.each(|subscriber| subscriber.suspend());
    }

    pub(super) fn access_changed(&self, tokens: &Arc<AccessList>) {
        self.each(|subscriber| subscriber.access_changed(tokens));
    }

    fn each(&self, mut notify: impl FnMut(&dyn Subscriber)) {
        for subscriber in self.subscribers.read().iter() {
            // A subscriber that missed a commit would go on serving stale data, so the process ends.
            if catch_unwind(AssertUnwindSafe(|| notify(subscriber.as_ref()))).is_err() {
                tracing::error!(
                    "a subscriber of the change feed panicked; the process ends rather than serve stale data"
                );
                telemetry::flush();
                std::process::abort();
            }
        }
    }
}

impl ReadTx<'_> {
    /// The scopes whose last revision lies after `after` and not after `up_to`, in the order of their revisions; at
    /// most `limit`.
    pub fn scopes_drawn(&self, after: i64, up_to: i64, limit: u32) -> Result<Vec<(Scope, i64)>, StoreError> {
        const SQL: &str = "SELECT enterprise, department, revision FROM scope
             WHERE revision > ?1 AND revision <= ?2 ORDER BY revision LIMIT ?3";
        self.all(SQL, params![after, up_to, limit], scope_from_row)
    }

    /// How many scopes drew their last revision after `after` and not after `up_to`.
    pub fn scopes_drawn_count(&self, after: i64, up_to: i64) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM scope WHERE revision > ?1 AND revision <= ?2";
        self.one(SQL, [after, up_to], |row| row.get(0))
    }
}

/// Reads columns `enterprise, department, revision`.
pub(super) fn scope_from_row(row: &Row<'_>) -> Result<(Scope, i64), StoreError> {
    let enterprise: EnterpriseId = id_from_database(row.get(0)?)?;
    let department: String = row.get(1)?;
    let department: Option<DepartmentId> =
        if department.is_empty() { None } else { Some(id_from_database(department)?) };
    Ok((Scope { enterprise, department }, row.get(2)?))
}

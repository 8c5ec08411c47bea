//! Changes the cache's configuration and applies it.
//!
//! A version is stored in one write, and then applied. Concurrent changes can overtake each other between the two, so a
//! version is applied only if no later one was.

use std::sync::Arc;

use tokio::sync::watch;

use super::configuration::{ConfigurationEdit, Configured, VersionedConfiguration};
use super::read_through::Summaries;
use super::ttl_policy;
use crate::domain::cache_configuration::CacheConfiguration;
use crate::store::{Actor, StoreError};

impl Summaries {
    /// The current configuration and its version.
    #[must_use]
    pub fn configuration(&self) -> (u64, CacheConfiguration) {
        let current = self.configuration.borrow();
        (current.version, current.configuration.clone())
    }

    /// The current configuration, and a notification of every later one.
    #[must_use]
    pub fn configuration_changes(&self) -> watch::Receiver<VersionedConfiguration> {
        self.configuration.subscribe()
    }

    /// Changes the configuration, if the expected tags include that of the current version, or none are expected. When
    /// this returns, the change is stored, in the audit log, and applied to every entry.
    ///
    /// # Errors
    ///
    /// If the current version is not an expected one, if the version to go back to does not exist, or if the change
    /// cannot be stored. Then nothing has changed.
    pub async fn configure(
        &self,
        actor: Actor,
        edit: ConfigurationEdit,
        expected: Option<Vec<String>>,
    ) -> Result<Configured, StoreError> {
        let summaries = self.clone();
        // On its own task, because a stored version must be applied even if the client disconnects.
        let task = tokio::spawn(async move {
            let configured = summaries.store.write(move |tx| edit.write(tx, &actor, expected.as_deref())).await?;
            summaries.apply(configured.now.clone());
            Ok(configured)
        });
        task.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// Applies a version that another process has stored.
    pub(super) async fn follow_configuration(&self) {
        let (epoch, version) = {
            let current = self.configuration.borrow();
            (Arc::clone(&current.epoch), current.version)
        };
        let look = self.store.read_internal(move |tx| {
            let newest = tx.newest_cache_configuration()?.map_or(0, |stored| stored.version);
            let is_known = newest == version && *tx.epoch()? == *epoch;
            if is_known { Ok(None) } else { VersionedConfiguration::read(tx).map(Some) }
        });
        match look.await {
            Ok(None) => {}
            Ok(Some(stored)) => self.apply(stored),
            // It is tried again; a failing database is reported by the requests that need it.
            Err(error) => tracing::debug!(%error, "cannot look for a change of the cache's configuration"),
        }
    }

    /// Applies a configuration, unless a later one was applied.
    fn apply(&self, next: VersionedConfiguration) {
        // Compared and applied under the channel's lock, so that versions are applied in their order.
        self.configuration.send_if_modified(|current| {
            let is_later = next.epoch != current.epoch || next.version > current.version;
            if is_later {
                self.cache.configure(ttl_policy::settings(&next.configuration, &self.activity));
                *current = next;
            }
            is_later
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::{Mode, Store, StoreOptions};

    fn open() -> (tempfile::TempDir, Summaries) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "a test"), Clock::system()).unwrap();
        (dir, Summaries::open(&store).unwrap())
    }

    fn of_size(entries_max: usize) -> CacheConfiguration {
        CacheConfiguration { entries_max, ..CacheConfiguration::default() }
    }

    #[test]
    fn an_older_version_that_comes_late_is_not_applied() {
        let (_dir, summaries) = open();
        let (epoch, changes) = (summaries.configuration.borrow().epoch.clone(), summaries.configuration_changes());
        let apply = |version: u64, entries_max: usize| {
            let configuration = of_size(entries_max);
            summaries.apply(VersionedConfiguration { epoch: Arc::clone(&epoch), version, configuration });
            assert_eq!(summaries.cache.settings().entries_max, changes.borrow().configuration.entries_max);
            changes.borrow().version
        };
        assert_eq!(apply(2, 20), 2);
        assert_eq!(apply(1, 10), 2);
        assert_eq!(apply(3, 30), 3);
        assert_eq!(summaries.configuration(), (3, of_size(30)));
    }

    #[tokio::test]
    async fn a_version_stored_by_another_process_is_applied_at_the_next_check() {
        let (_dir, summaries) = open();
        let mut changes = summaries.configuration_changes();
        summaries.follow_configuration().await;
        assert!(!changes.has_changed().unwrap());
        let actor = Actor::command_line();
        let stored = summaries.store.write(move |tx| tx.append_cache_configuration(&actor, &of_size(7))).await.unwrap();
        summaries.follow_configuration().await;
        assert!(changes.has_changed().unwrap());
        assert_eq!(changes.borrow_and_update().version, stored.version);
        assert_eq!(summaries.cache.settings().entries_max, 7);
        summaries.follow_configuration().await;
        assert!(!changes.has_changed().unwrap());
    }
}

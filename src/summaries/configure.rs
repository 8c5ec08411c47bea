//! Changing the cache's configuration, and applying it to what is in the cache.
//!
//! A version is stored in one write, and then applied. Changes may overtake each other between the two, so a version is
//! applied only if no later one was.

use std::sync::Arc;

use tokio::sync::watch;

use super::configuration::{ConfigurationEdit, Configured, VersionedConfiguration};
use super::read_through::Summaries;
use super::ttl_policy;
use crate::domain::cache_configuration::CacheConfiguration;
use crate::store::{Actor, StoreError};

impl Summaries {
    /// The configuration that holds, and its version.
    #[must_use]
    pub fn configuration(&self) -> (u64, CacheConfiguration) {
        let current = self.configuration.borrow();
        (current.version, current.configuration.clone())
    }

    /// The configuration that holds, and a notification of every later one.
    #[must_use]
    pub fn configuration_changes(&self) -> watch::Receiver<VersionedConfiguration> {
        self.configuration.subscribe()
    }

    /// Changes the configuration, if one of the expected tags names the version that is there; without expectations, in any
    /// case. When this returns it is stored, written down, and holds for every entry.
    ///
    /// # Errors
    ///
    /// If another version is there, if there is none to go back to, or if it cannot be stored. Nothing has changed then.
    pub async fn configure(
        &self,
        actor: Actor,
        edit: ConfigurationEdit,
        expected: Option<Vec<String>>,
    ) -> Result<Configured, StoreError> {
        let summaries = self.clone();
        // On a task of its own: the client may disconnect, and what is stored must hold all the same.
        let task = tokio::spawn(async move {
            let configured = summaries.store.write(move |tx| edit.write(tx, &actor, expected.as_deref())).await?;
            summaries.apply(configured.now.clone());
            Ok(configured)
        });
        task.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// Applies what another process may have stored.
    pub(super) async fn follow_configuration(&self) {
        let (epoch, version) = {
            let current = self.configuration.borrow();
            (Arc::clone(&current.epoch), current.version)
        };
        let look = self.store.read_patiently(move |tx| {
            let newest = tx.newest_cache_configuration()?.map_or(0, |stored| stored.version);
            let is_known = newest == version && *tx.epoch()? == *epoch;
            if is_known { Ok(None) } else { VersionedConfiguration::read(tx).map(Some) }
        });
        match look.await {
            Ok(None) => {}
            Ok(Some(stored)) => self.apply(stored),
            // The next look may succeed; a failing database is reported by the requests that need it.
            Err(error) => tracing::debug!(%error, "cannot look for a change of the cache's configuration"),
        }
    }

    /// Lets a configuration hold, unless a later one does.
    fn apply(&self, next: VersionedConfiguration) {
        // Judged and done under the channel's lock, so that versions are applied in their order.
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
    fn an_older_version_that_comes_late_does_not_hold() {
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
    async fn what_another_process_stored_holds_after_the_next_look() {
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

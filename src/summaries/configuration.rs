//! What an administrator has tuned: stored as a new version, and applied at once to what is there.
//!
//! A version is stored in one write with its entry in the audit log, and then applied. Changes may overtake each other
//! between the two, so a version is applied only if no later one was.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Summaries, policy};
use crate::domain::cache_configuration::{CacheConfiguration, ConfigurationChange};
use crate::store::{Actor, AuditAction, AuditEntry, ReadTx, StoreError, WriteTx};

/// A configuration, and which one it is.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedConfiguration {
    /// The history of the database that the version counts in.
    epoch: Arc<str>,
    /// Its version; 0 as long as nobody has changed the defaults.
    pub version: u64,
    /// The configuration.
    pub configuration: CacheConfiguration,
}

impl VersionedConfiguration {
    /// The newest configuration in the database. One that cannot be read is as good as none: the server has to run.
    pub(super) fn read(tx: &ReadTx<'_>) -> Result<Self, StoreError> {
        Ok(Newest::read(tx)?.versioned)
    }

    /// What names this version of this history, as a strong entity tag (RFC 9110, section 8.8.3).
    #[must_use]
    pub fn tag(&self) -> String {
        format!("\"{}-{}\"", self.epoch, self.version)
    }
}

/// What is wanted of the configuration.
#[derive(Clone, Debug)]
pub enum Change {
    /// Other values for some of its fields.
    Set(ConfigurationChange),
    /// What it was in a version; version 0 had the defaults.
    Revert(u64),
}

/// What came of a change.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The configuration that holds now.
    pub now: VersionedConfiguration,
    /// Whether it is another than before; if not, no version was made.
    pub changed: bool,
}

impl Summaries {
    /// The configuration that holds, and its version.
    #[must_use]
    pub fn configuration(&self) -> (u64, CacheConfiguration) {
        let current = self.configuration.borrow();
        (current.version, current.configuration.clone())
    }

    /// The configuration that holds, and a way to hear of every later one.
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
        change: Change,
        expected: Option<Vec<String>>,
    ) -> Result<Configured, StoreError> {
        let summaries = self.clone();
        // On a task of its own: whoever asked may go away, and what is stored must hold all the same.
        let task = tokio::spawn(async move {
            let configured = summaries.store.write(move |tx| change.write(tx, &actor, expected.as_deref())).await?;
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
            // The next look will tell; whatever is wrong with the database is told by those who need it.
            Err(error) => tracing::debug!(%error, "cannot look for a change of the cache's configuration"),
        }
    }

    /// Lets a configuration hold, unless a later one does.
    fn apply(&self, next: VersionedConfiguration) {
        // Judged and done under the channel's lock, so that versions are applied in their order.
        self.configuration.send_if_modified(|current| {
            let is_later = next.epoch != current.epoch || next.version > current.version;
            if is_later {
                self.cache.configure(policy::settings(&next.configuration, &self.activity));
                *current = next;
            }
            is_later
        });
    }
}

/// The newest configuration, and how it is written.
struct Newest {
    versioned: VersionedConfiguration,
    /// Whether this is what is stored; else the defaults stand in for it.
    readable: bool,
    /// As it is stored.
    json: Value,
}

impl Newest {
    fn read(tx: &ReadTx<'_>) -> Result<Self, StoreError> {
        let epoch = tx.epoch()?.into();
        let Some(stored) = tx.newest_cache_configuration()? else {
            let configuration = CacheConfiguration::default();
            let json = json!(configuration.shape());
            let versioned = VersionedConfiguration { epoch, version: 0, configuration };
            return Ok(Self { versioned, readable: true, json });
        };
        let version = stored.version;
        let configuration = stored.configuration();
        if let Err(error) = &configuration {
            tracing::warn!(version, error, "cannot read the cache's configuration; the defaults hold");
        }
        let readable = configuration.is_ok();
        let versioned = VersionedConfiguration { epoch, version, configuration: configuration.unwrap_or_default() };
        Ok(Self { versioned, readable, json: stored.json })
    }
}

impl Change {
    fn write(&self, tx: &WriteTx<'_>, actor: &Actor, expected: Option<&[String]>) -> Result<Configured, StoreError> {
        let Newest { versioned: before, readable, json } = Newest::read(tx)?;
        let (action, configuration) = match self {
            Self::Set(change) => (AuditAction::CacheConfigure, change.apply_to(&before.configuration)),
            Self::Revert(version) => (AuditAction::CacheRevert, of_version(tx, *version)?),
        };
        // After everything else that can be wrong (RFC 9110, section 13.2.1).
        if expected.is_some_and(|tags| !tags.contains(&before.tag())) {
            let version = before.version;
            return Err(StoreError::Outdated(format!(
                "the cache configuration is another one by now: version {version}"
            )));
        }
        if readable && configuration == before.configuration {
            return Ok(Configured { now: before, changed: false });
        }
        let stored = tx.append_cache_configuration(actor, &configuration)?;
        let target = format!("version {}", stored.version);
        tx.audit(actor, &AuditEntry::of(action, target).before(json).after(stored.json))?;
        let now = VersionedConfiguration { epoch: before.epoch, version: stored.version, configuration };
        Ok(Configured { now, changed: true })
    }
}

fn of_version(tx: &ReadTx<'_>, version: u64) -> Result<CacheConfiguration, StoreError> {
    if version == 0 {
        return Ok(CacheConfiguration::default());
    }
    let stored = tx.cache_configuration(version)?;
    stored.configuration().map_err(|error| {
        StoreError::Conflict(format!("version {version} was written by another Muster and cannot be read: {error}"))
    })
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

//! The stored configuration of the cache: each change is a new version, written together with its entry in the audit
//! log.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::cache_configuration::{CacheConfiguration, ConfigurationChange};
use crate::store::{Actor, AuditAction, AuditEntry, ReadTx, StoreError, WriteTx};

/// A configuration and its version.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedConfiguration {
    /// The epoch of the database, because a replaced database counts its versions from the start.
    pub(super) epoch: Arc<str>,
    /// Its version; 0 for the defaults.
    pub version: u64,
    /// The configuration.
    pub configuration: CacheConfiguration,
}

impl VersionedConfiguration {
    /// The newest configuration in the database. One that cannot be read is replaced by the defaults, since the server
    /// must run.
    pub(super) fn read(tx: &ReadTx<'_>) -> Result<Self, StoreError> {
        Ok(Newest::read(tx)?.versioned)
    }

    /// The strong entity tag of this version (RFC 9110, section 8.8.3).
    #[must_use]
    pub fn tag(&self) -> String {
        format!("\"{}-{}\"", self.epoch, self.version)
    }
}

/// A change of the configuration.
#[derive(Clone, Debug)]
pub enum ConfigurationEdit {
    /// New values for some of its fields.
    Set(ConfigurationChange),
    /// Back to an earlier version; version 0 is the defaults.
    Revert(u64),
}

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The current configuration.
    pub now: VersionedConfiguration,
    /// Whether it differs from the one before; if not, no version was created.
    pub changed: bool,
}

/// The newest configuration, and its stored form.
struct Newest {
    versioned: VersionedConfiguration,
    /// Whether the stored form could be read; if not, the configuration is the defaults.
    readable: bool,
    /// The stored form.
    json: Value,
}

impl Newest {
    fn read(tx: &ReadTx<'_>) -> Result<Self, StoreError> {
        let epoch = tx.epoch()?.into();
        let Some(stored) = tx.newest_cache_configuration()? else {
            let configuration = CacheConfiguration::default();
            let json = json!(configuration.to_json());
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

impl ConfigurationEdit {
    /// Stores the changed configuration as a new version, if the expected tags include that of the current one.
    pub(super) fn write(
        &self,
        tx: &WriteTx<'_>,
        actor: &Actor,
        expected: Option<&[String]>,
    ) -> Result<Configured, StoreError> {
        let Newest { versioned: before, readable, json } = Newest::read(tx)?;
        let (action, configuration) = match self {
            Self::Set(change) => (AuditAction::CacheConfigure, change.apply_to(&before.configuration)),
            Self::Revert(version) => (AuditAction::CacheRevert, of_version(tx, *version)?),
        };
        // Preconditions are evaluated after all other checks (RFC 9110, section 13.2.1).
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

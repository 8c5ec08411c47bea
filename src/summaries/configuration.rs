//! What an administrator has tuned, as it is stored: each change is a new version, written with its entry in the audit log.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::cache_configuration::{CacheConfiguration, ConfigurationChange};
use crate::store::{Actor, AuditAction, AuditEntry, ReadTx, StoreError, WriteTx};

/// A configuration, and which one it is.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedConfiguration {
    /// The history of the database that the version counts in.
    pub(super) epoch: Arc<str>,
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
pub enum ConfigurationEdit {
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

impl ConfigurationEdit {
    /// Stores the version that this leads to, if one of the expected tags names the one before.
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

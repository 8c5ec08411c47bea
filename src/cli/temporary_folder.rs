//! A temporary folder, for a database that is not kept.

use std::path::{Path, PathBuf};

use super::Failure;

/// A fresh folder among the system's temporary ones, which goes away with this value.
pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes one; `purpose` is part of its name.
    pub(super) fn new(purpose: &str) -> Result<Self, Failure> {
        // Random, so that no other user can have made it beforehand.
        let tag = getrandom::u64().map_err(|error| Failure::failed("no random numbers").because(error))?;
        let path = std::env::temp_dir().join(format!("muster-{purpose}-{tag:016x}"));
        let made = std::fs::create_dir(&path);
        made.map_err(|error| Failure::failed(format!("{} cannot be made", path.display())).because(error))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "cannot remove a temporary folder");
        }
    }
}

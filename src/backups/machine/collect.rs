//! What of the machine is kept in a backup.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::owner::Names;
use super::unit::UnitPlace;
use crate::config::{InstallationName, KeptSettings};
use crate::domain::time::Timestamp;
use crate::store::{KEPT_FILE_BYTES_MAX, KeptFile, KeptFiles, KeptKind};

/// The permissions of a settings file that is not there yet: it says where keys are and whom to trust.
const SETTINGS_MODE: u32 = 0o600;

/// Which files of the machine a backup keeps.
#[derive(Clone, Debug)]
pub struct MachineFiles {
    pub settings: KeptSettings,
    /// The unit of the service, where there is a service.
    pub unit: Option<UnitPlace>,
    /// Whether the certificate and its private key are kept.
    pub certificates: bool,
}

impl MachineFiles {
    /// The files as they are now, and why some of them are left out. A file that cannot be read does not keep the data
    /// from being backed up.
    #[must_use]
    pub fn collect(&self, installation: &InstallationName, now: Timestamp) -> (KeptFiles, Vec<String>) {
        let mut collecting = Collecting {
            users: Names::of_users(),
            groups: Names::of_groups(),
            files: Vec::new(),
            left_out: Vec::new(),
        };
        collecting.data_dir(self.settings.data_dir());
        collecting.settings(&self.settings, installation, now);
        for path in self.unit.iter().flat_map(UnitPlace::files) {
            collecting.file(KeptKind::Unit, &path);
        }
        if self.certificates {
            let (certificate, key) = self.settings.certificate();
            // One file may hold both.
            if let Some(certificate) = certificate.filter(|certificate| Some(*certificate) != key) {
                collecting.file(KeptKind::Certificate, certificate);
            }
            if let Some(key) = key {
                collecting.file(KeptKind::Key, key);
            }
        }
        let Collecting { files, left_out, .. } = collecting;
        (KeptFiles { installation: installation.to_string(), files }, left_out)
    }
}

struct Collecting {
    users: Names,
    groups: Names,
    files: Vec<KeptFile>,
    left_out: Vec<String>,
}

impl Collecting {
    fn data_dir(&mut self, path: &Path) {
        let Ok(metadata) = fs::metadata(path) else { return };
        self.keep(KeptKind::DataDir, path, &metadata, Vec::new());
    }

    fn settings(&mut self, settings: &KeptSettings, installation: &InstallationName, now: Timestamp) {
        let text = match settings.text(installation) {
            Ok(text) => text,
            Err(error) => return self.left_out.push(format!("the settings: {error}")),
        };
        if let Ok(metadata) = fs::metadata(settings.path()) {
            return self.keep(KeptKind::Settings, settings.path(), &metadata, text.into_bytes());
        }
        let Some(path) = settings.path().to_str() else { return };
        let model = fs::metadata(settings.data_dir()).ok();
        self.files.push(KeptFile {
            kind: KeptKind::Settings,
            path: path.to_owned(),
            mode: SETTINGS_MODE,
            owner: model.as_ref().and_then(|model| self.users.name(model.uid())),
            group: model.as_ref().and_then(|model| self.groups.name(model.gid())),
            modified_at: now,
            content: text.into_bytes(),
        });
    }

    fn file(&mut self, kind: KeptKind, path: &Path) {
        let read = || -> Result<(fs::Metadata, Vec<u8>), String> {
            // Opening a pipe would wait for a writer.
            if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
                return Err("it is no regular file".to_owned());
            }
            let file = File::open(path).map_err(|error| error.to_string())?;
            let metadata = file.metadata().map_err(|error| error.to_string())?;
            let mut content = Vec::new();
            file.take(KEPT_FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
            if content.len() as u64 > KEPT_FILE_BYTES_MAX {
                return Err(format!("it has more than {KEPT_FILE_BYTES_MAX} bytes"));
            }
            Ok((metadata, content))
        };
        match read() {
            Ok((metadata, content)) => self.keep(kind, path, &metadata, content),
            Err(reason) => self.left_out.push(format!("{}: {reason}", path.display())),
        }
    }

    fn keep(&mut self, kind: KeptKind, path: &Path, metadata: &fs::Metadata, content: Vec<u8>) {
        let Some(text) = path.to_str() else {
            return self.left_out.push(format!("{}: its name is not UTF-8", path.display()));
        };
        self.files.push(KeptFile {
            kind,
            path: text.to_owned(),
            mode: metadata.mode() & 0o777,
            owner: self.users.name(metadata.uid()),
            group: self.groups.name(metadata.gid()),
            modified_at: Timestamp::from_millis(metadata.mtime() * 1_000 + metadata.mtime_nsec() / 1_000_000),
            content,
        });
    }
}

//! All settings, looked up and checked.

use std::path::{Path, PathBuf};

use super::environment::{CONFIG_VARIABLE, Environment};
use super::error::ConfigError;
use super::flags::Flags;
use super::kept_settings::{self, InUse, KeptSettings};
use super::layers::Layers;
use super::origin::Origin;
use super::setting::ReportLine;
use super::settings::{BackupSettings, HttpSettings, ServerSettings, SettingValues, StoreSettings, TelemetrySettings};
use super::settings_file::{FILE_NAME, SettingsFile};
use super::{relations, unknown_names};

/// Every setting, validated, as each module wants it.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the log writes, and how.
    pub telemetry: TelemetrySettings,
    /// Whether a terminal may be given colours (<https://no-color.org>).
    pub colour_allowed: bool,
    /// Where the database is, and its limits.
    pub store: StoreSettings,
    /// When the server backs the database up, and where to.
    pub backups: BackupSettings,
    /// Where the server listens, and its limits for connections.
    pub server: ServerSettings,
    /// How the server is reached, and its limits for requests.
    pub http: HttpSettings,
    /// What was ignored, a sentence each; for the log, once it is open.
    pub warnings: Vec<String>,
    settings: SettingValues,
    /// The settings file, whether it exists or not, and whether it was found by the data directory.
    settings_path: PathBuf,
    is_in_data_dir: bool,
}

/// Whether a settings file that was named must exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamedFile {
    MustExist,
    MayBeMissing,
}

impl Config {
    /// Looks every setting up and checks it. `config_file` is the value of `--config`.
    pub fn load(flags: &Flags, config_file: Option<PathBuf>, environment: &Environment) -> Result<Self, ConfigError> {
        Self::load_with(flags, config_file, environment, NamedFile::MustExist)
    }

    /// The same for a command that writes the settings file: one that was named may be missing still.
    pub fn load_before_it_is_written(
        flags: &Flags,
        config_file: Option<PathBuf>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        Self::load_with(flags, config_file, environment, NamedFile::MayBeMissing)
    }

    /// What the text of a settings file comes to without flags and variables.
    pub fn of_text(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = SettingsFile::parse(path, text)?;
        let warnings = unknown_names::of_file(&file);
        let (flags, environment) = (Flags::default(), Environment::default());
        let layers = Layers { flags: &flags, environment: &environment, file: Some(file) };
        Self::resolved(&layers, path.to_owned(), false, warnings)
    }

    fn load_with(
        flags: &Flags,
        config_file: Option<PathBuf>,
        environment: &Environment,
        named: NamedFile,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers { flags, environment, file: None };
        let mut warnings = unknown_names::of_environment(environment);
        let config_file = match config_file {
            Some(path) => Some(path),
            None => environment.text(CONFIG_VARIABLE)?.map(PathBuf::from),
        };
        let is_in_data_dir = config_file.is_none();
        let settings_path;
        if let Some(path) = config_file {
            layers.file = match named {
                NamedFile::MustExist => Some(SettingsFile::read(&path)?),
                NamedFile::MayBeMissing => SettingsFile::read_optional(&path)?,
            };
            warnings.extend(layers.file.iter().flat_map(unknown_names::of_file));
            settings_path = path;
        } else {
            let data_dir = SettingValues::data_dir(&layers)?;
            settings_path = data_dir.value.join(FILE_NAME);
            if let Some(mut file) = SettingsFile::read_in(&data_dir.value)? {
                warnings.extend(unknown_names::of_file(&file));
                if file.remove(data_dir.key) {
                    warnings.push(format!(
                        "data-dir in {} is ignored, because the file was found by it: use --data-dir, MUSTER_DATA_DIR \
                         or --config",
                        file.path().display()
                    ));
                }
                layers.file = Some(file);
            }
        }
        let colour_allowed = environment.colour_allowed();
        Ok(Self { colour_allowed, ..Self::resolved(&layers, settings_path, is_in_data_dir, warnings)? })
    }

    fn resolved(
        layers: &Layers<'_>,
        settings_path: PathBuf,
        is_in_data_dir: bool,
        warnings: Vec<String>,
    ) -> Result<Self, ConfigError> {
        let settings = SettingValues::resolve(layers)?;
        relations::check(&settings)?;
        Ok(Self {
            telemetry: TelemetrySettings::from(&settings),
            colour_allowed: true,
            store: StoreSettings::from(&settings),
            backups: BackupSettings::from(&settings),
            server: ServerSettings::from(&settings),
            http: HttpSettings::from(&settings),
            warnings,
            settings,
            settings_path,
            is_in_data_dir,
        })
    }

    /// The settings file, whether it exists or not.
    #[must_use]
    pub fn settings_path(&self) -> &Path {
        &self.settings_path
    }

    /// Whether the settings file is the one in the data directory, rather than one that was named.
    #[must_use]
    pub fn is_in_data_dir(&self) -> bool {
        self.is_in_data_dir
    }

    /// What is needed to write the settings as one file. The flags of a command that starts no server are about that
    /// command, and are left out.
    #[must_use]
    pub fn kept_settings(&self, with_flags: bool) -> KeptSettings {
        let used = InUse {
            report: self.report(),
            path: &self.settings_path,
            is_own: self.is_in_data_dir,
            folder: &self.store.data_dir,
            certificate: self.server.tls_cert.as_deref(),
            key: self.server.tls_key.as_deref(),
        };
        KeptSettings::new(used, with_flags)
    }

    /// The data directory, where the settings file names one.
    #[must_use]
    pub fn data_dir_of_file(&self) -> Option<&Path> {
        matches!(self.settings.data_dir.origin, Origin::File(_)).then_some(self.settings.data_dir.value.as_path())
    }

    /// The text of a settings file without its data directory, as the file in a data directory must be.
    #[must_use]
    pub fn without_data_dir(text: &str) -> String {
        kept_settings::without(text, "data-dir")
    }

    /// Every setting with its value and origin, in the order of [`SETTINGS`](super::SETTINGS).
    #[must_use]
    pub fn report(&self) -> Vec<ReportLine> {
        self.settings.report()
    }
}

//! All settings, looked up and checked.

use std::path::PathBuf;

use super::environment::{CONFIG_VARIABLE, Environment};
use super::error::ConfigError;
use super::flags::Flags;
use super::layers::Layers;
use super::setting::ReportLine;
use super::settings::{BackupSettings, HttpSettings, ServerSettings, SettingValues, StoreSettings, TelemetrySettings};
use super::settings_file::SettingsFile;
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
}

impl Config {
    /// Looks every setting up and checks it. `config_file` is the value of `--config`.
    pub fn load(flags: &Flags, config_file: Option<PathBuf>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut layers = Layers { flags, environment, file: None };
        let mut warnings = unknown_names::of_environment(environment);
        let config_file = match config_file {
            Some(path) => Some(path),
            None => environment.text(CONFIG_VARIABLE)?.map(PathBuf::from),
        };
        if let Some(path) = config_file {
            let file = SettingsFile::read(&path)?;
            warnings.extend(unknown_names::of_file(&file));
            layers.file = Some(file);
        } else {
            let data_dir = SettingValues::data_dir(&layers)?;
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
        let settings = SettingValues::resolve(&layers)?;
        relations::check(&settings)?;
        Ok(Self {
            telemetry: TelemetrySettings::from(&settings),
            colour_allowed: environment.colour_allowed(),
            store: StoreSettings::from(&settings),
            backups: BackupSettings::from(&settings),
            server: ServerSettings::from(&settings),
            http: HttpSettings::from(&settings),
            warnings,
            settings,
        })
    }

    /// Every setting with its value and origin, in the order of [`SETTINGS`](super::SETTINGS).
    #[must_use]
    pub fn report(&self) -> Vec<ReportLine> {
        self.settings.report()
    }
}

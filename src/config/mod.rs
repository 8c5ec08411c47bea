//! Raw settings made into one validated [`Config`].
//!
//! A setting is looked for in four layers, and the first that has it wins: the command line, `MUSTER_*` environment
//! variables, the settings file, its default. An environment variable that is empty counts as not set, so that a
//! container's `MUSTER_PUBLIC_URL=${PUBLIC_URL}` does no harm; an empty flag or an empty text in the file is refused.
//! Layers replace each other whole: a list in one is never joined with a list in another.
//!
//! The settings file is TOML with one flat table: the file that `--config` or `MUSTER_CONFIG` names, which must exist,
//! or else [`FILE_NAME`] in the data directory, which need not. A relative `data-dir` in it starts at the working
//! directory, as on the command line; in the data directory's own file it can have no effect, and warns.
//!
//! - `settings`: every setting, one entry each.
//! - `layers`: the four layers, and where a value came from; `environment` is one of them.
//! - `parsing`: how texts become values; `kinds` has the kinds of values, `web` those that are addresses of the web,
//!   `base_path` what their paths begin with, `network` networks, such as those of trusted proxies.
//! - `suggest`: what a misspelt name was meant to be.

mod base_path;
mod environment;
mod kinds;
mod layers;
mod network;
mod parsing;
mod settings;
mod suggest;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use base_path::BasePath;
pub use environment::Environment;
pub use kinds::LogFormat;
use layers::Layers;
pub use layers::{ConfigError, Flags, Origin};
pub use network::Network;
use settings::Settings;
pub use settings::{ReportLine, SETTINGS, Setting, Usage};
pub use web::{PublicUrl, WebOrigin};

/// The settings file's name inside the data directory.
pub const FILE_NAME: &str = "muster.toml";

/// The environment variable that stands for `--config`.
pub const CONFIG_VARIABLE: &str = "MUSTER_CONFIG";

/// Every setting, validated, as each module wants it.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the log writes, and how.
    pub telemetry: TelemetrySettings,
    /// Where the database is and how it is driven.
    pub store: StoreSettings,
    /// When the server backs the database up, and where to.
    pub backups: BackupSettings,
    /// Where the server listens, and its limits for connections.
    pub server: ServerSettings,
    /// How the server is reached, and its limits for requests.
    pub http: HttpSettings,
    /// What was ignored, a sentence each; for the log, once it is open.
    pub warnings: Vec<String>,
    settings: Settings,
}

/// What the log writes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// For people or for machines.
    pub format: LogFormat,
    /// A level or filter that `tracing` understands; checked.
    pub level: String,
    /// Whether a terminal may be given colours (<https://no-color.org>).
    pub colour_allowed: bool,
}

/// Where the database is and how it is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// The folder of the database, its lock and the settings file.
    pub data_dir: PathBuf,
    /// How many connections read.
    pub readers: usize,
    /// How many writes may wait for the writer; the next one is refused.
    pub write_queue_max: usize,
    /// How many reads may wait for a connection; the next one is refused.
    pub read_queue_max: usize,
    /// How large the database may grow, in bytes, if there is a limit.
    pub database_bytes_max: Option<usize>,
}

/// When the server backs the database up, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSettings {
    /// How often; not at all where there is none.
    pub every: Option<Duration>,
    /// How many are kept.
    pub keep: usize,
    /// The folder they are kept in.
    pub dir: PathBuf,
}

/// Where the server listens, and its limits for connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address it listens on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its certificate and key, where it speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxy: Vec<Network>,
    /// How long a client may take to send a request's header.
    pub header_read_timeout: Duration,
    /// How many connections may be open.
    pub connections_max: usize,
    /// How many of them may come from one address.
    pub connections_per_address_max: usize,
    /// How long requests under way may take to finish after the server was told to stop.
    pub shutdown_drain: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Settings::defaults().server(None)
    }
}

/// How the server is reached, and its limits for requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// The address people reach it at, where that is another one.
    pub public_url: Option<PublicUrl>,
    /// What every path begins with, where the server shares a host with others.
    pub base_path: Option<BasePath>,
    /// Whose pages may call it from a browser.
    pub cors_origins: Vec<WebOrigin>,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How many bytes a request's body may have; imports are not bound by it.
    pub body_bytes_max: usize,
    /// How many sign-ins may fail from one address in a minute.
    pub sign_in_failures_per_minute_max: usize,
}

/// Where the server's certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Config {
    /// Looks every setting up and checks it. `config_file` is the value of `--config`.
    pub fn load(flags: &Flags, config_file: Option<PathBuf>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut layers = Layers::new(flags, environment);
        let config_file = match config_file {
            Some(path) => Some(path),
            None => environment.text(CONFIG_VARIABLE)?.map(PathBuf::from),
        };
        if let Some(path) = config_file {
            layers.read_file(&path)?;
        } else {
            let data_dir = Settings::data_dir_before_file(&layers)?;
            layers.read_file_of_data_dir(&data_dir)?;
        }
        let settings = Settings::resolve(&layers)?;
        settings.check_together()?;
        let tls = settings.tls()?;
        Ok(Self {
            telemetry: settings.telemetry(environment.colour_allowed()),
            store: settings.store(),
            backups: settings.backups(),
            server: settings.server(tls),
            http: settings.http(),
            warnings: layers.warnings(),
            settings,
        })
    }

    /// Every setting with its value and origin, in the order of [`SETTINGS`].
    #[must_use]
    pub fn report(&self) -> Vec<ReportLine> {
        self.settings.report()
    }
}

#[cfg(test)]
mod tests;

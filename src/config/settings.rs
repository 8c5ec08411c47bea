//! Every setting, one entry each: the table that the command line, the environment, the settings file, the help texts
//! and `muster config` are made from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::base_path::{BasePath, BasePaths};
use super::environment::Environment;
use super::kinds::{Address, Bytes, Count, Durations, DurationsOrOff, LogFilter, LogFormat, LogFormats, Path, Readers};
use super::layers::{ConfigError, Flags, Layers, Origin, Sourced};
use super::network::{Network, Networks};
use super::parsing::{Kind, Many, Optional};
use super::web::{PublicUrl, PublicUrls, WebOrigin, WebOrigins};
use super::{BackupSettings, HttpSettings, ServerSettings, StoreSettings, TelemetrySettings, TlsFiles};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const YEAR: Duration = Duration::from_hours(365 * 24);
const HOUR: Duration = Duration::from_hours(1);

/// The folder of backups in the data directory.
const BACKUP_FOLDER: &str = "backups";

/// What people need to know of a setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the settings file; flag and environment variable follow from it.
    pub key: &'static str,
    /// What stands for its value in help texts.
    pub value_name: &'static str,
    /// What it does, a sentence or two.
    pub help: &'static str,
    /// Its value where nobody sets it, as somebody would write it; empty for none.
    pub default: &'static [&'static str],
    /// Which commands it is for.
    pub usage: Usage,
    /// Whether it is a list: its flag may be given several times.
    pub repeatable: bool,
}

/// Which commands a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Every command.
    Everywhere,
    /// Commands that run a server.
    Serving,
}

impl Setting {
    /// Its flag, with the two hyphens.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key)
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        variable(self.key)
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('-', "_").to_ascii_uppercase())
}

/// What the names of all of Muster's environment variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "MUSTER_";

/// One setting as `muster config` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportLine {
    /// The setting's key.
    pub key: &'static str,
    /// Its value as the settings file would say it; `None` where it has none.
    pub value: Option<toml::Value>,
    /// Where the value comes from.
    pub origin: Origin,
}

macro_rules! settings {
    ($($(#[doc = $help:literal])+ $field:ident: $type:ty = $key:literal <$value_name:literal>
        $usage:ident, $kind:ty: $make:expr, default $default:expr;)+) => {
        /// Every setting, in the order in which help texts and `muster config` list them.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            key: $key,
            value_name: $value_name,
            help: concat!($($help),+).trim_ascii(),
            default: &$default,
            usage: Usage::$usage,
            repeatable: <$kind as Kind>::MANY,
        }),+];

        /// The value of every setting with its origin.
        #[derive(Clone, Debug)]
        pub(super) struct Settings {
            $($(#[doc = $help])+ pub(super) $field: Sourced<$type>,)+
        }

        impl Settings {
            /// Looks every setting up in the layers and checks it.
            pub(super) fn resolve(layers: &Layers) -> Result<Self, ConfigError> {
                Ok(Self { $($field: layers.resolve($key, &$default, &$make)?,)+ })
            }

            /// Every setting with its value and origin, in the order of [`SETTINGS`].
            #[must_use]
            pub(super) fn report(&self) -> Vec<ReportLine> {
                vec![$(ReportLine {
                    key: $key,
                    value: <$kind as Kind>::show(&self.$field.value),
                    origin: self.$field.origin.clone(),
                }),+]
            }
        }
    };
}

settings! {
    /// Folder of the database; created where it is missing.
    data_dir: PathBuf = "data-dir" <"DIR"> Everywhere, Path: Path, default ["muster-data"];

    /// How the log on standard error is written: `text` for people, `json` for machines.
    log_format: LogFormat = "log" <"FORMAT"> Everywhere, LogFormats: LogFormats, default ["text"];

    /// What is logged: error, warn, info, debug, trace, off, or a filter such as `info,muster::store=debug`.
    log_level: String = "log-level" <"FILTER"> Everywhere, LogFilter: LogFilter, default ["info"];

    /// Address and port to listen on; 0.0.0.0 or [::] takes connections from other machines, port 0 takes a free port.
    listen: SocketAddr = "listen" <"ADDRESS:PORT"> Serving, Address: Address, default ["127.0.0.1:8383"];

    /// Address at which people reach the server, where that is another than it listens on (a name, a proxy).
    public_url: Option<PublicUrl> = "public-url" <"URL"> Serving,
        Optional<PublicUrls>: Optional(PublicUrls), default [];

    /// Path below which everything is found, such as /muster, where a proxy passes the paths of a shared host on unchanged.
    base_path: Option<BasePath> = "base-path" <"PATH"> Serving,
        Optional<BasePaths>: Optional(BasePaths), default [];

    /// File with the certificate that the server speaks TLS with, in PEM, followed by those that vouch for it; read anew on SIGHUP.
    tls_cert: Option<PathBuf> = "tls-cert" <"FILE"> Serving, Optional<Path>: Optional(Path), default [];

    /// File with the private key of the certificate, in PEM.
    tls_key: Option<PathBuf> = "tls-key" <"FILE"> Serving, Optional<Path>: Optional(Path), default [];

    /// Address or network (CIDR) of a proxy whose X-Forwarded-For is believed; may be given several times, or as a list with commas.
    trusted_proxies: Vec<Network> = "trusted-proxy" <"CIDR"> Serving, Many<Networks>: Many(Networks), default [];

    /// Origin whose pages may call the API from a browser; may be given several times, or as a list with commas.
    cors_origins: Vec<WebOrigin> = "cors-origin" <"URL"> Serving, Many<WebOrigins>: Many(WebOrigins), default [];

    /// Longest time that a client may take to send the header of a request.
    header_read_timeout: Duration = "header-read-timeout" <"DURATION"> Serving,
        Durations: Durations { min: SECOND, max: HOUR }, default ["10s"];

    /// Longest time that a request may take.
    request_timeout: Duration = "request-timeout" <"DURATION"> Serving,
        Durations: Durations { min: SECOND, max: HOUR }, default ["30s"];

    /// Largest body of a request; imports stream and are not bound by it.
    body_max: usize = "body-max" <"SIZE"> Serving, Bytes: Bytes { min: KIB, max: GIB }, default ["1MiB"];

    /// Most connections that may be open at a time.
    connections_max: usize = "connections-max" <"COUNT"> Serving,
        Count: Count { min: 1, max: 1_000_000 }, default ["10000"];

    /// Most connections that may be open from one address (IPv6: one /64 network); trusted proxies may open more.
    connections_per_address_max: usize = "connections-per-address-max" <"COUNT"> Serving,
        Count: Count { min: 1, max: 1_000_000 }, default ["1000"];

    /// Most reads of the database that may wait; the next one is told to come again later.
    read_queue_max: usize = "read-queue-max" <"COUNT"> Serving,
        Count: Count { min: 0, max: 1_000_000 }, default ["1024"];

    /// Most writes that may wait; the next one is told to come again later.
    write_queue_max: usize = "write-queue-max" <"COUNT"> Serving,
        Count: Count { min: 1, max: 1_000_000 }, default ["1024"];

    /// Largest size of the database; writes beyond it are refused as on a full disk.
    database_max: Option<usize> = "database-max" <"SIZE"> Serving,
        Optional<Bytes>: Optional(Bytes { min: MIB, max: 1_024 * GIB }), default [];

    /// How often the server backs the database up by itself; `off` leaves that to others.
    backup_every: Option<Duration> = "backup-every" <"DURATION|off"> Serving,
        DurationsOrOff: DurationsOrOff(Durations { min: MINUTE, max: YEAR }), default ["24h"];

    /// How many backups of its own the server keeps; when there is a newer one, the oldest goes.
    backup_keep: usize = "backup-keep" <"COUNT"> Serving,
        Count: Count { min: 1, max: 10_000 }, default ["7"];

    /// Folder of the server's backups, best on another disk; without it, `backups` in the data directory.
    backup_dir: Option<PathBuf> = "backup-dir" <"DIR"> Serving, Optional<Path>: Optional(Path), default [];

    /// Connections that read the database; `auto` takes one per processor core, at least 2 and at most 8.
    readers: usize = "readers" <"COUNT"> Serving, Readers: Readers, default ["auto"];

    /// Most sign-ins that may fail from one address within a minute.
    sign_in_failures_max: usize = "sign-in-failures-max" <"COUNT"> Serving,
        Count: Count { min: 1, max: 1_000_000 }, default ["10"];

    /// Longest time that requests under way may take to finish after the server was told to stop.
    shutdown_drain: Duration = "shutdown-drain" <"DURATION"> Serving,
        Durations: Durations { min: Duration::ZERO, max: HOUR }, default ["10s"];
}

impl Settings {
    /// The data directory as far as it is known before its own settings file is read.
    pub(super) fn data_dir_before_file(layers: &Layers) -> Result<PathBuf, ConfigError> {
        layers.resolve("data-dir", default_of("data-dir"), &Path).map(|data_dir| data_dir.value)
    }

    /// Checks what one setting says of another.
    pub(super) fn check_together(&self) -> Result<(), ConfigError> {
        let (Some(base), Some(url)) = (&self.base_path.value, &self.public_url.value) else { return Ok(()) };
        if matches!(url.path(), "") || url.path() == base.as_str() {
            return Ok(());
        }
        Err(ConfigError::Value {
            key: "public-url",
            origin: self.public_url.origin.clone(),
            value: format!("\"{url}\""),
            allowed: format!("an address without a path, or with {base}, as base-path says"),
        })
    }

    pub(super) fn telemetry(&self, colour_allowed: bool) -> TelemetrySettings {
        TelemetrySettings { format: self.log_format.value, level: self.log_level.value.clone(), colour_allowed }
    }

    pub(super) fn store(&self) -> StoreSettings {
        StoreSettings {
            data_dir: self.data_dir.value.clone(),
            readers: self.readers.value,
            write_queue_max: self.write_queue_max.value,
            read_queue_max: self.read_queue_max.value,
            database_bytes_max: self.database_max.value,
        }
    }

    pub(super) fn backups(&self) -> BackupSettings {
        let dir = self.backup_dir.value.clone();
        BackupSettings {
            every: self.backup_every.value,
            keep: self.backup_keep.value,
            dir: dir.unwrap_or_else(|| self.data_dir.value.join(BACKUP_FOLDER)),
        }
    }

    /// The files for TLS: both, or neither.
    pub(super) fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        let alone = |key, origin: &Origin, missing| Err(ConfigError::Alone { key, origin: origin.clone(), missing });
        match (&self.tls_cert.value, &self.tls_key.value) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })),
            (Some(_), None) => alone("tls-cert", &self.tls_cert.origin, "tls-key"),
            (None, Some(_)) => alone("tls-key", &self.tls_key.origin, "tls-cert"),
        }
    }

    /// Every setting's default.
    pub(super) fn defaults() -> Self {
        Self::resolve(&Layers::new(&Flags::default(), &Environment::default())).expect("the table's defaults are valid")
    }

    pub(super) fn server(&self, tls: Option<TlsFiles>) -> ServerSettings {
        ServerSettings {
            listen: self.listen.value,
            tls,
            trusted_proxy: self.trusted_proxies.value.clone(),
            header_read_timeout: self.header_read_timeout.value,
            connections_max: self.connections_max.value,
            connections_per_address_max: self.connections_per_address_max.value,
            shutdown_drain: self.shutdown_drain.value,
        }
    }

    pub(super) fn http(&self) -> HttpSettings {
        HttpSettings {
            public_url: self.public_url.value.clone(),
            base_path: self.base_path.value.clone(),
            cors_origins: self.cors_origins.value.clone(),
            request_timeout: self.request_timeout.value,
            body_bytes_max: self.body_max.value,
            sign_in_failures_per_minute_max: self.sign_in_failures_max.value,
        }
    }
}

fn default_of(key: &str) -> &'static [&'static str] {
    SETTINGS.iter().find(|setting| setting.key == key).map_or(&[], |setting| setting.default)
}

//! Raw settings made into one validated [`Config`].
//!
//! A setting is looked up in four layers, and the first that has it wins: the command line, `MUSTER_*` environment
//! variables, the settings file, its default. An environment variable that is empty counts as not set, so that a
//! container's `MUSTER_PUBLIC_URL=${PUBLIC_URL}` does no harm; an empty flag or an empty text in the file is refused.
//! Layers replace each other whole: a list in one is never joined with a list in another.
//!
//! The settings file is TOML with one flat table: the file that `--config` or `MUSTER_CONFIG` names, which must exist,
//! or else [`FILE_NAME`] in the data directory, which need not. A relative `data-dir` in it starts at the working
//! directory, as on the command line; in the data directory's own file it can have no effect, and warns.
//!
//! - `settings`: the table of all settings, a row each; `settings_macro` is the macro behind it, `setting` what is
//!   known of a setting besides its value.
//! - `load`: [`Config`], all settings looked up and checked.
//! - `layers`: the four layers: `flags`, `environment`, `settings_file`, and the defaults. `origin` is where a value
//!   comes from.
//! - `kept_settings`: the settings as a file that reproduces them elsewhere, for backups.
//! - `relations`: what one setting demands of another.
//! - `value_parser`: how texts become values; `value_types` has the parsers of general types, `web` those of origins
//!   and URLs, `base_path` that of a path below which the server is found, `network` that of networks such as trusted
//!   proxies, `installation_name` that of what an installation is called, `listen_address` that of the address that the
//!   server listens on.
//! - `small_file`: reads the settings file, and for others the certificate, without waiting for a pipe for ever.
//! - `unknown_names`: warnings about misspelt names; `suggest` finds what was meant.
//! - `error`: why settings cannot be used.

mod base_path;
mod environment;
mod error;
mod flags;
mod installation_name;
mod kept_settings;
mod layers;
mod listen_address;
mod load;
mod network;
mod origin;
mod relations;
mod setting;
mod settings;
mod settings_file;
mod settings_macro;
mod small_file;
mod suggest;
mod unknown_names;
mod value_parser;
mod value_types;
mod web;

pub use base_path::BasePath;
pub use environment::{CONFIG_VARIABLE, Environment};
pub use error::ConfigError;
pub use flags::Flags;
pub use installation_name::InstallationName;
pub use kept_settings::KeptSettings;
pub use listen_address::ListenAddress;
pub use load::Config;
pub use network::Network;
pub use origin::Origin;
pub use setting::{ReportLine, Setting, Usage};
pub use settings::{BackupSettings, HttpSettings, SETTINGS, ServerSettings, StoreSettings, TelemetrySettings};
pub use settings_file::FILE_NAME;
pub use small_file::read_small_file;
pub use value_types::LogFormat;
pub use web::{PublicUrl, WebOrigin};

#[cfg(test)]
mod tests;

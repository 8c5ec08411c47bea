//! The macro behind the table of settings.
//!
//! A row of the table in `settings.rs` reads:
//!
//! ```text
//! /// What it does, for the help texts.
//! // Why this default, and why these bounds.
//! Module field_name: Type = "key" <"VALUE"> Usage,
//!     parser, default ["text"], unset "what holds without a value", readme "what it does, for the README";
//! ```
//!
//! `unset` may be missing. `Module` says whose struct gets the field: the macro makes the list of all settings
//! (`SETTINGS`), the values with their origins (`SettingValues`), and for each module a struct of its own with its default.

macro_rules! settings_table {
    // Sorts the rows into one list of fields for each module.
    (@sort [$($t:tt)*] [$($st:tt)*] [$($b:tt)*] [$($se:tt)*] [$($h:tt)*] Telemetry {$($row:tt)*} $($rest:tt)*) => {
        settings_table! { @sort [$($t)* {$($row)*}] [$($st)*] [$($b)*] [$($se)*] [$($h)*] $($rest)* }
    };
    (@sort [$($t:tt)*] [$($st:tt)*] [$($b:tt)*] [$($se:tt)*] [$($h:tt)*] Store {$($row:tt)*} $($rest:tt)*) => {
        settings_table! { @sort [$($t)*] [$($st)* {$($row)*}] [$($b)*] [$($se)*] [$($h)*] $($rest)* }
    };
    (@sort [$($t:tt)*] [$($st:tt)*] [$($b:tt)*] [$($se:tt)*] [$($h:tt)*] Backups {$($row:tt)*} $($rest:tt)*) => {
        settings_table! { @sort [$($t)*] [$($st)*] [$($b)* {$($row)*}] [$($se)*] [$($h)*] $($rest)* }
    };
    (@sort [$($t:tt)*] [$($st:tt)*] [$($b:tt)*] [$($se:tt)*] [$($h:tt)*] Server {$($row:tt)*} $($rest:tt)*) => {
        settings_table! { @sort [$($t)*] [$($st)*] [$($b)*] [$($se)* {$($row)*}] [$($h)*] $($rest)* }
    };
    (@sort [$($t:tt)*] [$($st:tt)*] [$($b:tt)*] [$($se:tt)*] [$($h:tt)*] Http {$($row:tt)*} $($rest:tt)*) => {
        settings_table! { @sort [$($t)*] [$($st)*] [$($b)*] [$($se)*] [$($h)* {$($row)*}] $($rest)* }
    };
    (@sort [$($t:tt)*] [$($st:tt)*] [$($b:tt)*] [$($se:tt)*] [$($h:tt)*]) => {
        settings_table! { @module TelemetrySettings "What the log writes, and how." $($t)* }
        settings_table! { @module StoreSettings "Where the database is, and its limits." $($st)* }
        settings_table! { @module BackupSettings "When the server backs the database up, and where to." $($b)* }
        settings_table! { @module ServerSettings "Where the server listens, and its limits for connections." $($se)* }
        settings_table! { @module HttpSettings "How the server is reached, and its limits for requests." $($h)* }
    };

    // The struct of a module.
    (@module $name:ident $doc:literal $({$field:ident: $type:ty, $($help:literal)+})*) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(rustdoc::broken_intra_doc_links, reason = "help texts are plain text, in which [::] is an address")]
        pub struct $name {
            $($(#[doc = $help])+ pub $field: $type,)*
        }

        impl From<&SettingValues> for $name {
            fn from(settings: &SettingValues) -> Self {
                Self { $($field: settings.$field.value.clone(),)* }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::from(&SettingValues::defaults())
            }
        }
    };

    ($($(#[doc = $help:literal])+
        $module:ident $field:ident: $type:ty = $key:literal <$value_name:literal> $usage:ident,
        $parser:expr, default $default:expr, $(unset $unset:literal,)? readme $readme:literal;)+) => {
        /// Every setting, in the order in which help texts and `muster config` list them.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            key: $key,
            field: stringify!($field),
            value_name: $value_name,
            help: concat!($($help),+).trim_ascii(),
            readme: $readme,
            default: &$default,
            unset: concat!($($unset)?),
            usage: Usage::$usage,
            repeatable: is_list(&$parser),
        }),+];

        /// The value of every setting with its origin.
        #[derive(Clone, Debug)]
        pub(super) struct SettingValues {
            $($(#[doc = $help])+ pub(super) $field: Sourced<$type>,)+
        }

        impl SettingValues {
            $(
                /// Looks this setting up and checks it.
                pub(super) fn $field(layers: &Layers<'_>) -> Result<Sourced<$type>, ConfigError> {
                    layers.resolve($key, &$default, &$parser)
                }
            )+

            /// Looks every setting up and checks it.
            pub(super) fn resolve(layers: &Layers<'_>) -> Result<Self, ConfigError> {
                Ok(Self { $($field: Self::$field(layers)?,)+ })
            }

            /// Every setting with its value and origin, in the order of [`SETTINGS`].
            pub(super) fn report(&self) -> Vec<ReportLine> {
                vec![$(ReportLine {
                    key: $key,
                    value: $parser.show(&self.$field.value),
                    origin: self.$field.origin.clone(),
                }),+]
            }
        }

        settings_table! { @sort [] [] [] [] [] $($module {$field: $type, $($help)+})+ }
    };
}

pub(super) use settings_table;

//! Flags made from the table of settings, so that a new setting is a flag without another word.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::config::{CONFIG_VARIABLE, Flags, SETTINGS, Setting, Usage};

/// Flags of every command, before or after its own arguments.
#[derive(Clone, Debug, Default)]
pub struct CommonFlags {
    /// What was given, as texts.
    pub flags: Flags,
    /// The settings file to use.
    pub config_file: Option<PathBuf>,
}

/// Flags of commands that run a server.
#[derive(Clone, Debug, Default)]
pub struct ServingFlags(pub Flags);

const CONFIG_FILE: &str = "config";

impl Args for CommonFlags {
    fn augment_args(command: Command) -> Command {
        let config_file = Arg::new(CONFIG_FILE)
            .long(CONFIG_FILE)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .global(true)
            .help_heading(COMMON_HEADING)
            .help(format!(
                "Settings file to read [default: muster.toml in the data directory] [env: {CONFIG_VARIABLE}]"
            ));
        settings(Usage::Everywhere)
            .fold(command, |command, setting| command.arg(arg(setting).global(true).help_heading(COMMON_HEADING)))
            .arg(config_file)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for CommonFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut common = Self::default();
        common.update_from_arg_matches(matches)?;
        Ok(common)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.flags.extend(given(matches, Usage::Everywhere));
        if let Some(path) = matches.get_one::<PathBuf>(CONFIG_FILE) {
            self.config_file = Some(path.clone());
        }
        Ok(())
    }
}

impl Args for ServingFlags {
    fn augment_args(command: Command) -> Command {
        // The overview of all commands is no place for them; `muster serve -h` and `muster --help` are.
        let in_overview = command.get_name() == env!("CARGO_PKG_NAME");
        settings(Usage::Serving).fold(command, |command, setting| {
            command.arg(arg(setting).help_heading(SERVING_HEADING).hide_short_help(in_overview))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(matches, Usage::Serving)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(given(matches, Usage::Serving));
        Ok(())
    }
}

const COMMON_HEADING: &str = "Settings of every command";
const SERVING_HEADING: &str = "Settings of the server";

fn settings(usage: Usage) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.usage == usage)
}

fn arg(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        [] => String::new(),
        default => format!(" [default: {}]", default.join(",")),
    };
    Arg::new(setting.key)
        .long(setting.key)
        .value_name(setting.value_name)
        .value_parser(TextParser)
        .action(if setting.repeatable { ArgAction::Append } else { ArgAction::Set })
        .help(format!("{}{default} [env: {}]", setting.help.trim_end_matches('.'), setting.variable()))
}

/// Takes any text. The refusal of another value names the flag, which that of clap does not.
#[derive(Clone)]
struct TextParser;

impl TypedValueParser for TextParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        value.to_str().map(str::to_owned).ok_or_else(|| {
            let name = argument.map_or_else(String::new, |argument| format!(" of {argument}"));
            let message =
                format!("the value \"{}\"{name} is not valid UTF-8; settings take no other paths\n", value.display());
            clap::Error::raw(ErrorKind::InvalidUtf8, message).with_cmd(command)
        })
    }
}

fn given(matches: &ArgMatches, usage: Usage) -> Flags {
    let mut flags = Flags::default();
    for setting in settings(usage) {
        if let Some(texts) = matches.get_many::<String>(setting.key) {
            flags.set(setting.key, texts.cloned().collect());
        }
    }
    flags
}

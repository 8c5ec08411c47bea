//! What the command line takes: the flags of every command, and the commands themselves.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use super::flags::{CommonFlags, ServingFlags};
use super::{
    backup, check, completions, config, demo, export, health, import, man, reload, restore, serve, sign_in_link, token,
};
use crate::config::Flags;
use crate::telemetry;

/// Muster gathers business contacts and answers how many, of whom, from where, and how fast they grow.
///
/// One process holds the database and the REST API. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "muster", version = telemetry::LONG_VERSION, max_term_width = 110, after_long_help = EXAMPLES)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonFlags,
    /// What the server takes where no command is named.
    #[command(flatten)]
    pub serving: ServingFlags,
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  muster demo                          A server with believable data, to look around
  muster                               Serve ./muster-data on 127.0.0.1:8383
  muster --listen 0.0.0.0:80           Serve other machines too
  muster import cards.csv --enterprise acme --department sales --employee u1
  muster backup muster.backup          The whole database in one file, while the server runs
  muster token create --role viewer    A token for a program, on standard output

Settings are looked for in flags, then in MUSTER_* environment variables,
then in muster.toml in the data directory, then in defaults; `muster config`
shows what they come to. An empty environment variable counts as not set.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// What can be done.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts stand at the arguments; here they would replace them")]
pub enum Command {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Token(token::TokenArgs),
    SignInLink(sign_in_link::SignInLinkArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Check(check::CheckArgs),
    Config(config::ConfigArgs),
    Health(health::HealthArgs),
    Reload(reload::ReloadArgs),
    Man(man::ManArgs),
    Completions(completions::CompletionsArgs),
}

/// Reads the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut cli = Cli::try_parse_from(arguments)?;
    let before_command = std::mem::take(&mut cli.serving.0);
    if let Some(flags) = cli.command.as_mut().and_then(Command::serving_flags) {
        // `muster --listen X serve` means what it says; flags behind the command win.
        let behind_command = std::mem::replace(flags, before_command);
        flags.extend(behind_command);
    } else if let (Some(_), Some(key)) = (&cli.command, before_command.keys().next()) {
        let message = format!("--{key} is a setting of the server, and this command starts none");
        return Err(Cli::command().error(ErrorKind::ArgumentConflict, message));
    } else {
        cli.serving.0 = before_command;
    }
    Ok(cli)
}

/// What it means that a command's standard output cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LostOutput {
    /// The output is what the command was asked for, so it has failed.
    Failure,
    /// One who closes it has seen enough: a list or a text for people, which `head` cuts short.
    FailureUnlessClosed,
    /// The exit code says everything.
    Ignored,
}

impl Command {
    /// What it means that its standard output cannot be written.
    pub(super) fn lost_output(&self) -> LostOutput {
        match self {
            Self::Token(arguments) if matches!(arguments.command, token::TokenCommand::List(_)) => {
                LostOutput::FailureUnlessClosed
            }
            Self::Man(_) | Self::Completions(_) => LostOutput::FailureUnlessClosed,
            Self::Health(_) => LostOutput::Ignored,
            _ => LostOutput::Failure,
        }
    }

    /// Whether the command writes the settings file, so that it may be missing before.
    pub(super) fn writes_settings(&self) -> bool {
        matches!(self, Self::Restore(arguments) if arguments.with_settings)
    }

    /// Whether it runs a server.
    pub(super) const fn serves(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Demo(_))
    }

    /// The server's flags of a command that takes them.
    pub(super) fn serving_flags(&mut self) -> Option<&mut Flags> {
        match self {
            Self::Serve(arguments) => Some(&mut arguments.serving.0),
            Self::Demo(arguments) => Some(&mut arguments.serving.0),
            Self::Config(arguments) => Some(&mut arguments.serving.0),
            Self::Health(arguments) => Some(&mut arguments.serving.0),
            Self::SignInLink(arguments) => Some(&mut arguments.serving.0),
            _ => None,
        }
    }
}

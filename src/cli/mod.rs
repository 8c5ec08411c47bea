//! The command line: what it takes, and one file per command that does it.
//!
//! Machine output goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong
//! usage. Every command's `run` takes the [`Context`] first and its own arguments second.

pub mod backup;
pub mod check;
pub mod completions;
pub mod config;
pub mod demo;
pub mod export;
pub mod health;
pub mod import;
pub mod man;
pub mod restore;
pub mod serve;
pub mod sign_in_link;
pub mod token;

mod database;
mod failure;
mod flags;
mod progress;
mod scratch;
mod server;
mod service_manager;
mod traffic;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Config, Environment, Flags};
use crate::telemetry;

pub use failure::Failure;
pub use flags::{CommonFlags, ServingFlags};
pub use service_manager::ServiceManager;

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
pub enum Command {
    // No doc comments here: clap would use them instead of the help texts of the arguments.
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
    Man(man::ManArgs),
    Completions(completions::CompletionsArgs),
}

/// What a command works with.
pub struct Context<'a> {
    /// Every setting, validated.
    pub config: Config,
    /// Where machine output goes.
    pub stdout: &'a mut dyn Write,
    /// Who started this process and wants to know how it is.
    pub manager: ServiceManager,
}

impl Context<'_> {
    /// Writes a line of machine output.
    pub fn print(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{line}").map_err(Failure::output)
    }
}

/// The whole program: reads the command line, does what it says, and tells in one line why it could not.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are what was asked for; clap sends them to standard output and their code is 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut stdout = io::stdout();
    let result = run(cli, environment, &mut stdout).and_then(|()| stdout.flush().map_err(Failure::output));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_quiet() {
                // There is nobody left to tell that standard error is closed.
                let _ = writeln!(io::stderr(), "muster: {failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Reads the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut cli = Cli::try_parse_from(arguments)?;
    let before_command = std::mem::take(&mut cli.serving.0);
    if let Some(flags) = cli.command.as_mut().and_then(Command::serving_flags) {
        // `muster --listen X serve` is what somebody meant who wrote it; what stands behind the command wins.
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

fn run(cli: Cli, environment: &Environment, stdout: &mut dyn Write) -> Result<(), Failure> {
    let mut command = cli.command.unwrap_or(Command::Serve(serve::ServeArgs { serving: cli.serving }));
    // A shell's start-up file or a package's build runs these: they must not depend on settings, nor complain of them.
    match &command {
        Command::Completions(arguments) => return completions::run(stdout, arguments),
        Command::Man(arguments) => return man::run(stdout, arguments),
        _ => {}
    }
    let mut flags: Flags = cli.common.flags;
    if let Some(serving) = command.serving_flags() {
        flags.extend(std::mem::take(serving));
    }
    let config = Config::load(&flags, cli.common.config_file, environment)?;
    telemetry::init(&config.telemetry).map_err(|error| Failure::failed("the log cannot be opened").because(error))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut context = Context { config, stdout, manager: ServiceManager::of(environment) };
    dispatch(&mut context, command)
}

fn dispatch(context: &mut Context<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(context, &arguments),
        Command::Demo(arguments) => demo::run(context, &arguments),
        Command::Import(arguments) => import::run(context, &arguments),
        Command::Export(arguments) => export::run(context, &arguments),
        Command::Token(arguments) => token::run(context, &arguments),
        Command::SignInLink(arguments) => sign_in_link::run(context, &arguments),
        Command::Backup(arguments) => backup::run(context, &arguments),
        Command::Restore(arguments) => restore::run(context, &arguments),
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Config(arguments) => config::run(context, &arguments),
        Command::Health(arguments) => health::run(context, &arguments),
        Command::Man(arguments) => man::run(context.stdout, &arguments),
        Command::Completions(arguments) => completions::run(context.stdout, &arguments),
    }
}

impl Command {
    /// The server's flags of a command that takes them.
    fn serving_flags(&mut self) -> Option<&mut Flags> {
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

#[cfg(test)]
mod tests;

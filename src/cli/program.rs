//! The whole program: from the command line and the environment to an exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;

use super::command_line::{Cli, Command, parse};
use super::context::Context;
use super::failure::Failure;
use super::service_manager::ServiceManager;
use super::{
    backup, check, completions, config, demo, export, health, import, man, reload, restore, serve, sign_in_link, token,
};
use crate::config::{Config, Environment, Flags, LogFormat};
use crate::telemetry;

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
                // A closed standard error is no further failure.
                let _ = writeln!(io::stderr(), "muster: {failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

pub(super) fn run(cli: Cli, environment: &Environment, stdout: &mut dyn Write) -> Result<(), Failure> {
    let mut command = cli.command.unwrap_or(Command::Serve(serve::ServeArgs { serving: cli.serving }));
    // A shell's start-up file or a package's build runs these: they must not depend on settings, nor complain of them.
    match &command {
        Command::Completions(arguments) => return completions::run(stdout, arguments, Cli::command()),
        Command::Man(arguments) => return man::run(stdout, arguments, Cli::command()),
        _ => {}
    }
    let mut flags: Flags = cli.common.flags;
    if let Some(serving) = command.serving_flags() {
        flags.extend(std::mem::take(serving));
    }
    let load = if command.writes_settings() { Config::load_before_it_is_written } else { Config::load };
    let config = load(&flags, cli.common.config_file, environment)?;
    let mut log = config.telemetry.clone();
    if !command.serves() {
        // The setting is for the log of a server; a person reads what a command says.
        log.log = LogFormat::Text;
    }
    telemetry::init(&log, config.colour_allowed)
        .map_err(|error| Failure::failed("the log cannot be opened").because(error))?;
    // To a check these are faults, which it reports itself.
    let is_check = matches!(&command, Command::Config(arguments) if arguments.check);
    for warning in config.warnings.iter().filter(|_| !is_check) {
        tracing::warn!("{warning}");
    }
    let mut context = Context { config, stdout, manager: ServiceManager::of(environment) };
    dispatch(&mut context, command)
}

pub(super) fn dispatch(context: &mut Context<'_>, command: Command) -> Result<(), Failure> {
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
        Command::Reload(arguments) => reload::run(context, &arguments),
        Command::Man(arguments) => man::run(context.stdout, &arguments, Cli::command()),
        Command::Completions(arguments) => completions::run(context.stdout, &arguments, Cli::command()),
    }
}

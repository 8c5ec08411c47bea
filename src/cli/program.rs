//! The whole program: from the command line and the environment to an exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::CommandFactory;

use super::command_line::{Cli, Command, LostOutput, parse};
use super::context::Context;
use super::failure::Failure;
use super::service_manager::ServiceManager;
use super::standard_output::StandardOutput;
use super::{
    backup, check, completions, config, demo, export, health, import, man, memory_limit, reload, restore, serve,
    sign_in_link, token,
};
use crate::config::{Config, Environment, Flags, LogFormat};
use crate::telemetry;

/// The exit code of a program that panicked, as Rust gives it.
const PANICKED: u8 = 101;

/// The whole program: reads the command line, does what it says, and tells in one line why it could not. `stdout_closed`
/// says that the process was started without a standard output.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>, environment: &Environment, stdout_closed: bool) -> ExitCode {
    take_file_size_signals();
    let mut stdout = StandardOutput::new(stdout_closed);
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => return tell_usage(&error, &stdout),
    };
    let is_server = cli.command.as_ref().is_none_or(Command::serves);
    let lost_output = cli.command.as_ref().map_or(LostOutput::Failure, Command::lost_output);
    let result = catch_unwind(AssertUnwindSafe(|| run(cli, environment, &mut stdout)));
    let result = result.map(|result| result.and_then(|()| stdout.flush().map_err(Failure::output)));
    let code = match result {
        Ok(Ok(())) => 0,
        Ok(Err(failure)) if failure.is_output_closed() && lost_output == LostOutput::FailureUnlessClosed => 0,
        Ok(Err(failure)) if failure.is_output_lost() && lost_output == LostOutput::Ignored => 0,
        Ok(Err(failure)) => {
            telemetry::message(&format!("muster: {failure}\n"));
            failure.exit_code()
        }
        // The log has the panic.
        Err(_) => PANICKED,
    };
    // A server that was told to stop ends, whether its log is read or not.
    if is_server {
        telemetry::flush();
    } else {
        telemetry::flush_all();
    }
    ExitCode::from(code)
}

/// A write beyond the limit for the size of files is to fail as on a full disk. Unless the signal that comes with it is
/// taken, it ends the process without a line.
fn take_file_size_signals() {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    // Nobody looks at the flag. Without it the signal keeps its meaning, which is no reason not to start.
    let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
}

/// Writes what clap says: why the command line is wrong, or help and version, which are what was asked for.
fn tell_usage(error: &clap::Error, stdout: &StandardOutput) -> ExitCode {
    let printed = if error.use_stderr() { error.print() } else { stdout.check().and_then(|()| error.print()) };
    match printed {
        Err(lost) if !error.use_stderr() && lost.kind() != io::ErrorKind::BrokenPipe => {
            telemetry::message(&format!("muster: {}\n", Failure::output(lost)));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
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
    memory_limit::check_memory(false)?;
    memory_limit::check_threads()?;
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

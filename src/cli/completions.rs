//! `muster completions`: scripts that let a shell complete Muster's arguments.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::Shell;

use super::Failure;

/// Write a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  muster completions bash > ~/.local/share/bash-completion/completions/muster
  muster completions fish > ~/.config/fish/completions/muster.fish
  muster completions zsh > \"${fpath[1]}/_muster\"";

/// Writes the script for a program.
pub fn run(stdout: &mut dyn Write, arguments: &CompletionsArgs, mut program: Command) -> Result<(), Failure> {
    // Into memory first: the generator panics where it cannot write, and a pipe may be closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "muster", &mut script);
    stdout.write_all(&script).map_err(Failure::output)
}

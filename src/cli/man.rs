//! `muster man`: the manual page, made from the same texts as `--help`.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::Failure;
use crate::telemetry::BUILT_FROM;

/// Write the manual page, with every command, in the language of man.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ManArgs {}

const EXAMPLES: &str = "\
Examples:
  muster man | man -l -
  muster man > /usr/local/share/man/man1/muster.1";

/// In the place of a day that is not known. An argument that is empty would be taken for none, and the next one for it.
const NO_DATE: &str = "\\&";

/// Writes the page of a program.
pub fn run(stdout: &mut dyn Write, _arguments: &ManArgs, program: Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    write_page(&mut text, program).map_err(Failure::output)?;
    stdout.write_all(&text).map_err(Failure::output)
}

/// One page for the program and all of its commands, so that a search in it finds whatever there is.
fn write_page(to: &mut dyn Write, mut program: Command) -> io::Result<()> {
    program.build();
    let version = concat!("Muster ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(program.clone()).title("MUSTER").section("1").manual("Muster").source(version).date(date());
    man.render_title(to)?;
    man.render_name_section(to)?;
    man.render_synopsis_section(to)?;
    man.render_description_section(to)?;
    write_notes(to, &program)?;
    for command in commands(&program) {
        write_command(to, command, &format!("muster {}", command.get_name()))?;
    }
    man.render_options_section(to)
}

/// The day of the commit that this is built from.
fn date() -> &'static str {
    let day = BUILT_FROM.rsplit(' ').next().unwrap_or_default();
    let is_day = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_day { day } else { NO_DATE }
}

/// The commands below one, but for the help that clap adds.
fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set())
}

/// A section for a command, and one for each of its own commands.
fn write_command(to: &mut dyn Write, command: &Command, name: &str) -> io::Result<()> {
    let mut text = Roff::new();
    text.control("SH", [name.to_uppercase().as_str()]);
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    for (place, paragraph) in about.split("\n\n").filter(|paragraph| !paragraph.is_empty()).enumerate() {
        if place > 0 {
            text.control("PP", []);
        }
        text.text([roman(paragraph)]);
    }
    text.to_writer(to)?;
    // Settings, which have headings, are the same everywhere and stand at the end of the page.
    let own = command.clone().mut_args(|argument| {
        let is_elsewhere = argument.get_help_heading().is_some() || argument.get_id() == "help";
        argument.hide(is_elsewhere)
    });
    if own.get_arguments().any(|argument| !argument.is_hide_set()) {
        let mut options = Vec::new();
        Man::new(own).render_options_section(&mut options)?;
        to.write_all(String::from_utf8_lossy(&options).replace(".SH OPTIONS", ".SS Options").as_bytes())?;
    }
    write_notes(to, command)?;
    for below in commands(command) {
        write_command(to, below, &format!("{name} {}", below.get_name()))?;
    }
    Ok(())
}

/// What stands below a command's help, its examples above all, line by line.
fn write_notes(to: &mut dyn Write, command: &Command) -> io::Result<()> {
    let Some(notes) = command.get_after_long_help() else { return Ok(()) };
    let mut text = Roff::new();
    text.control("PP", []);
    text.control("nf", []);
    for line in notes.to_string().lines() {
        text.text([roman(line)]);
    }
    text.control("fi", []);
    text.to_writer(to)
}

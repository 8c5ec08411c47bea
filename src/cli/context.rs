//! What every command works with.

use std::io::Write;

use super::failure::Failure;
use super::service_manager::ServiceManager;
use crate::config::Config;

/// What a command works with.
pub struct Context<'a> {
    /// Every setting, validated.
    pub config: Config,
    /// Where machine output goes.
    pub stdout: &'a mut dyn Write,
    /// The service manager that started this process, if one did.
    pub manager: ServiceManager,
}

impl Context<'_> {
    /// Writes a line of machine output.
    pub fn print(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{line}").map_err(Failure::output)
    }

    /// Writes a line that must not be lost: fails unless all of it has left this process.
    pub fn print_at_once(&mut self, line: &str) -> Result<(), Failure> {
        self.print(line)?;
        self.stdout.flush().map_err(Failure::output)
    }
}

//! `muster check`: the integrity of the database.

use std::io::IsTerminal;

use clap::Args;

use super::database;
use super::{Context, Failure};
use crate::store::{Difference, database_path};
use crate::telemetry;

/// Check the integrity of the database and of every rollup.
///
/// Compares every stored total with a recount of the contacts, and lets SQLite check its file. Changes nothing, and may
/// run beside a server. Exit code 1 says that something was found.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CheckArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  muster check
  muster check --data-dir /srv/muster --json";

/// Checks, and reports what it found.
pub fn run(context: &mut Context<'_>, arguments: &CheckArgs) -> Result<(), Failure> {
    let store = database::open_for_reading(context, "check")?;
    let path = database_path(store.data_dir());
    if std::io::stderr().is_terminal() {
        // A million contacts take some twenty seconds.
        telemetry::message("recounting every contact\n");
    }
    let report = store.read_blocking(|tx| tx.check()).map_err(|error| {
        let message = if error.is_damage() {
            format!("{} is damaged; restore a backup", path.display())
        } else {
            "the check could not be made".to_owned()
        };
        Failure::failed(message).because(error)
    })?;
    if arguments.json {
        let json =
            serde_json::to_string_pretty(&report).map_err(|error| Failure::failed("no report").because(error))?;
        context.print(&json)?;
    } else {
        for difference in &report.differences {
            let Difference { kind, subject, expected, stored } = difference;
            context.print(&format!("{kind}: {subject}: the facts say {expected}, stored is {stored}"))?;
        }
    }
    let found = report.differences_total;
    if found > 0 {
        return Err(Failure::failed(format!("{found} differences found in {}", path.display())));
    }
    if !arguments.json {
        context.print(&format!("clean: {} contacts, {} scopes", report.contacts, report.scopes))?;
    }
    Ok(())
}

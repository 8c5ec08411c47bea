//! `muster export`: an enterprise's contacts as a file.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{Context, Failure};
use crate::domain::ids::{DepartmentId, EnterpriseId};

/// Write an enterprise's contacts as CSV.
///
/// The file can be imported again. Without --output it goes to standard output.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ExportArgs {
    /// Enterprise whose contacts to write
    #[arg(long, value_name = "ID")]
    pub enterprise: EnterpriseId,

    /// Only the contacts of this department
    #[arg(long, value_name = "ID")]
    pub department: Option<DepartmentId>,

    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Format of the file
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ExportFormat::Csv)]
    pub format: ExportFormat,
}

/// A format that contacts can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// UTF-8, with commas and a header
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  muster export --enterprise acme --output acme.csv
  muster export --enterprise acme --department sales | head";

/// Writes the contacts.
pub fn run(context: &mut Context<'_>, arguments: &ExportArgs) -> Result<(), Failure> {
    // NOT BUILT YET
    let _ = (context, arguments);
    Err(Failure::failed("not built yet"))
}

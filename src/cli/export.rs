//! `muster export`: an enterprise's contacts as a file.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::database;
use super::{Context, Failure, pipes};
use crate::domain::access::Reach;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::intake::{self, ExportError, Party};
use crate::store::{Actor, Store, StoreError, Subject};

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

    /// File to write, or - for standard output, which is also the default
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
  muster export --enterprise acme --department sales | gzip > sales.csv.gz";

/// Writes the contacts.
pub fn run(context: &mut Context<'_>, arguments: &ExportArgs) -> Result<(), Failure> {
    let store = database::open_for_reading(context, "export")?;
    let ExportFormat::Csv = arguments.format;
    let written = match arguments.output.as_ref().filter(|path| path.as_os_str() != "-") {
        None => {
            let stdout = &mut *context.stdout;
            let result = export(&store, arguments, &mut |piece| stdout.write_all(&piece));
            result.map_err(|error| match error {
                ExportError::Output(error) => Failure::output(error),
                error @ ExportError::Store(_) => refused(error, arguments),
            })?
        }
        Some(path) => {
            let cannot_write = |error| Failure::failed(format!("{} cannot be written", path.display())).because(error);
            // The enterprise is looked up before the file is made, so that a misspelt id leaves an old file as it was.
            intake::can_export(&store, &Reach::Installation, &arguments.enterprise, arguments.department.as_ref())
                .map_err(|error| refused(error.into(), arguments))?;
            let mut file = BufWriter::new(pipes::create(path).map_err(cannot_write)?);
            let written = export(&store, arguments, &mut |piece| file.write_all(&piece));
            let written = written.map_err(|error| match error {
                ExportError::Output(error) => cannot_write(error),
                error @ ExportError::Store(_) => refused(error, arguments),
            })?;
            file.flush().map_err(cannot_write)?;
            written
        }
    };
    tracing::info!("{written} contacts written");
    Ok(())
}

fn export(
    store: &Store,
    arguments: &ExportArgs,
    sink: &mut dyn FnMut(Vec<u8>) -> std::io::Result<()>,
) -> Result<u64, ExportError> {
    let party = Party::alone(Actor::command_line());
    intake::export(store, &Reach::Installation, &arguments.enterprise, arguments.department.as_ref(), &party, sink)
}

fn refused(error: ExportError, arguments: &ExportArgs) -> Failure {
    let enterprise = &arguments.enterprise;
    match (&error, &arguments.department) {
        (ExportError::Store(StoreError::NotFound(Subject::Enterprise)), _) => {
            Failure::failed(format!("enterprise \"{enterprise}\" does not exist"))
        }
        (ExportError::Store(StoreError::NotFound(_)), Some(department)) => {
            Failure::failed(format!("department \"{department}\" does not exist in enterprise \"{enterprise}\""))
        }
        _ => Failure::failed("the contacts could not be read").because(error),
    }
}

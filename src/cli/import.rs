//! `muster import`: contacts from a CSV file into an enterprise.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::database::{self, Missing};
use super::progress::ImportBar;
use super::temporary_folder::TemporaryFolder;
use super::{Context, Failure, pipes};
use crate::domain::access::Reach;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::intake::{self, ImportError, ImportOptions, Party};
use crate::store::{Actor, MayCreate, database_path};
use crate::telemetry;
use crate::transfer::csv::RejectsOutput;
use crate::transfer::report::{Created, ImportReport};

/// Read contacts from a CSV file into an enterprise.
///
/// Recognises by their headers what Google, Outlook and Thunderbird export, and any plain file with columns such as name,
/// surname, email, phone and company; in UTF-8, UTF-16 or Windows-1252, with commas, semicolons or tabs.
///
/// Every contact belongs to the employee who collected it. --department and --employee name the owner of all rows; in a
/// plain file the columns department (its name) or departmentId, and employee (or `employee_email`), name it where the flags do not. The same file again
/// adds nothing. Rows that cannot be read are reported and written to FILE.rejects.csv, or where --rejects says; all
/// others go in.
///
/// A running server notices within a quarter of a second.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ImportArgs {
    /// CSV file, or - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Enterprise that the contacts go to
    #[arg(long, value_name = "ID")]
    pub enterprise: EnterpriseId,

    /// Department of the employee who collected them
    #[arg(long, value_name = "ID")]
    pub department: Option<DepartmentId>,

    /// Employee who collected them
    #[arg(long, value_name = "ID")]
    pub employee: Option<EmployeeId>,

    /// Create the enterprise, departments and employees that do not exist, instead of refusing their rows
    #[arg(long)]
    pub create_missing: bool,

    /// File for the rows that are rejected [default: the name of FILE with .rejects.csv behind it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "dry_run")]
    pub rejects: Option<PathBuf>,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Write the report as JSON to standard output
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  muster import contacts.csv --enterprise acme --department sales --employee u1 --create-missing
  muster import everybody.csv --enterprise acme      Owners from the columns department and employee
  muster import cards.csv --enterprise acme --employee u1 --dry-run
  curl -s https://crm.example/export.csv | muster import - --enterprise acme --employee u1";

impl ImportArgs {
    /// Whether the rows come from standard input.
    #[must_use]
    pub fn reads_stdin(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    /// What messages call the input.
    fn name(&self) -> String {
        if self.reads_stdin() { "standard input".to_owned() } else { self.file.display().to_string() }
    }

    /// Where rejected rows go: beside a file; nowhere for standard input, unless a file is named.
    fn rejects_path(&self) -> Option<PathBuf> {
        if self.rejects.is_some() || self.dry_run || self.reads_stdin() {
            return self.rejects.clone();
        }
        let mut path = self.file.clone().into_os_string();
        path.push(".rejects.csv");
        Some(path.into())
    }
}

/// Imports, and reports what went in and what did not.
pub fn run(context: &mut Context<'_>, arguments: &ImportArgs) -> Result<(), Failure> {
    let (input, size) = open_input(arguments)?;
    let name = arguments.name();
    let options = ImportOptions {
        reach: Reach::Installation,
        enterprise: arguments.enterprise.clone(),
        department: arguments.department.as_ref().map(ToString::to_string),
        employee: arguments.employee.as_ref().map(ToString::to_string),
        may_create: if arguments.create_missing { MayCreate::Everything } else { MayCreate::Nothing },
        new_owners_max: None,
        dry_run: arguments.dry_run,
        file: (!arguments.reads_stdin()).then(|| name.clone()),
    };
    // Before the database: a wrong file must not leave an empty one behind.
    let reader = intake::open(input, &options).map_err(|error| explain(&name, error))?;
    let rejects_path = usable_rejects_path(arguments)?;
    // A dry run where there is no database yet leaves none behind.
    let no_database = !database_path(&context.config.store.data_dir).exists();
    let scratch = (arguments.dry_run && no_database).then(|| TemporaryFolder::new("dry-run")).transpose()?;
    if let Some(scratch) = &scratch {
        scratch.path().clone_into(&mut context.config.store.data_dir);
    }
    // An empty database has no enterprise, so without leave to create one there is nothing to import into.
    let missing = if arguments.create_missing || scratch.is_some() { Missing::Create } else { Missing::Refuse };
    let store = database::open(context, "import", missing)?;
    let bar = ImportBar::new(size);
    let result = intake::import(
        &store,
        reader,
        &options,
        Some(rejects_output(rejects_path.clone())),
        &Party::alone(Actor::command_line()),
        &|progress| bar.show(progress),
    );
    bar.finish();
    store.close();
    let report = result.map_err(|error| explain(&name, error))?;
    if arguments.json {
        let json =
            serde_json::to_string_pretty(&report).map_err(|error| Failure::failed("no report").because(error))?;
        context.print(&json)?;
    }
    let made_database = no_database && scratch.is_none();
    tell(&name, &report, made_database.then_some(context.config.store.data_dir.as_path()));
    if let Some(reason) = &report.rejects_failure {
        telemetry::message(&format!("not all of the rejected rows were written: {reason}\n"));
    }
    let rejects_path = rejects_path.filter(|_| report.rejects_failure.is_none());
    if rejects_path.is_none() && report.rejects_omitted > 0 {
        telemetry::message(&format!("rejected, too: rows {}\n", ranges(&report.rejects_unnamed)));
    }
    match report.rejects.first() {
        None => Ok(()),
        Some(first) => {
            let whereabouts = rejects_path.map_or(String::new(), |path| format!("; they are in {}", path.display()));
            Err(Failure::failed(format!(
                "{name}: {} of {} rows were rejected{whereabouts}; the first is row {} (line {}): {}",
                report.rejected, report.rows, first.row, first.line, first.reason
            )))
        }
    }
}

/// The input and, for a file, its size.
fn open_input(arguments: &ImportArgs) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if arguments.reads_stdin() {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let cannot_read = |error| Failure::failed(format!("{} cannot be read", arguments.file.display())).because(error);
    let file = pipes::open(&arguments.file).map_err(cannot_read)?;
    let metadata = file.metadata().map_err(cannot_read)?;
    if metadata.is_dir() {
        return Err(Failure::failed(format!("{} is a directory, not a file", arguments.file.display())));
    }
    let size = Some(metadata.len()).filter(|_| metadata.is_file());
    Ok((Box::new(file), size))
}

/// Where rejected rows go, found out before any row is read. A file that was named must be possible to write; without
/// the one beside the input, the rows are only named.
fn usable_rejects_path(arguments: &ImportArgs) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = arguments.rejects_path() else { return Ok(None) };
    let Some(reason) = write_fault(&path) else { return Ok(Some(path)) };
    if arguments.rejects.is_some() {
        return Err(Failure::failed(format!("nothing was imported: {} cannot be written: {reason}", path.display())));
    }
    tracing::warn!(
        "rejected rows cannot be written to {}: {reason}; they are only named here, and --rejects FILE writes them \
         elsewhere",
        path.display()
    );
    Ok(None)
}

/// Why a file could not be written, found out by trying; leaves no file where there was none.
fn write_fault(path: &Path) -> Option<String> {
    let open = || File::options().write(true).clone();
    let tried = match open().create_new(true).open(path) {
        Ok(_) => std::fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => open().open(path).map(drop),
        Err(error) => Err(error),
    };
    tried.err().map(|error| error.to_string())
}

/// The output of rejected rows. Without a path it takes them and keeps none, and the report has their numbers.
fn rejects_output(path: Option<PathBuf>) -> RejectsOutput {
    Box::new(move || {
        let Some(path) = path else { return Ok(Box::new(std::io::sink()) as Box<dyn Write + Send>) };
        let file = File::create(&path).map_err(|error| {
            std::io::Error::new(error.kind(), format!("{} cannot be written: {error}", path.display()))
        })?;
        Ok(Box::new(file) as Box<dyn Write + Send>)
    })
}

fn explain(name: &str, error: ImportError) -> Failure {
    match error {
        ImportError::NoOwner => Failure::usage(format!(
            "{name}: nothing says who collected these contacts; name the owner with --department and --employee, or add \
             the columns department and employee (or employee_email) to a plain file"
        )),
        ImportError::Transfer(error) => Failure::failed(format!("{name}: {error}")),
        error @ (ImportError::NoEnterprise(_) | ImportError::Owner(_)) => Failure::failed(format!("{name}: {error}")),
        ImportError::Store(error) if error.is_damage() => Failure::failed(format!(
            "{name}: not all of it was imported, because the database is damaged; restore a backup"
        ))
        .because(error),
        error => Failure::failed(format!("{name}: not all of it was imported; run it again to go on")).because(error),
    }
}

/// What was made beside contacts, as the end of a sentence; empty for nothing.
fn created(created: Created, verb: &str) -> String {
    let Created { enterprises, departments, employees } = created;
    let counts = [(enterprises, "enterprise"), (departments, "department"), (employees, "employee")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() { String::new() } else { format!("; {verb}: {}", counts.join(", ")) }
}

/// Numbers of rows, such as `7, 9-12`.
fn ranges(rows: &[RangeInclusive<u64>]) -> String {
    let range = |rows: &RangeInclusive<u64>| match rows.end() - rows.start() {
        0 => rows.start().to_string(),
        _ => format!("{}-{}", rows.start(), rows.end()),
    };
    rows.iter().map(range).collect::<Vec<_>>().join(", ")
}

/// Prints the result for people, with the data directory that got a database by this.
fn tell(name: &str, report: &ImportReport, made_database: Option<&Path>) {
    let verb = if report.dry_run { "would be imported" } else { "imported" };
    let mut text = format!(
        "{name}: {} rows read ({} layout, {}, {}): {} {verb}, {} there already, {} rejected",
        report.rows,
        report.layout,
        report.encoding,
        report.delimiter,
        report.imported,
        report.duplicates,
        report.rejected
    );
    text.push_str(&created(report.created, if report.dry_run { "would be created" } else { "created" }));
    if let Some(data_dir) = made_database {
        let _ = write!(text, "; a new database was made in {}", data_dir.display());
    }
    if !report.ignored_columns.is_empty() {
        let _ = write!(text, "; columns without a meaning here: {}", report.ignored_columns.join(", "));
    }
    for reject in &report.rejects {
        let _ = write!(text, "\n  row {} (line {}): {}", reject.row, reject.line, reject.reason);
    }
    if report.rejects_omitted > 0 {
        let _ = write!(text, "\n  and {} more", report.rejects_omitted);
    }
    text.push('\n');
    telemetry::message(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_counted_in_words() {
        let check = |enterprises, departments, employees, expected: &str| {
            assert_eq!(created(Created { enterprises, departments, employees }, "created"), expected);
        };
        check(0, 0, 0, "");
        check(1, 0, 0, "; created: 1 enterprise");
        check(0, 1, 2, "; created: 1 department, 2 employees");
    }

    #[test]
    fn rows_are_named_by_ranges() {
        assert_eq!(ranges(&[7..=7, 9..=12, 20..=21]), "7, 9-12, 20-21");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_known_before() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let fault = |path: &str| write_fault(&dir.path().join(path));
        assert_eq!((fault("file"), fault("new")), (None, None));
        assert!(fault("").is_some() && fault("none/new").is_some() && fault("file/new").is_some());
        assert!(write_fault(Path::new("/proc/new")).is_some());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

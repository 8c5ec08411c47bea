//! `muster backup`: the whole database into one file.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::json;

use super::progress::BackupBar;
use super::server::{self, Hangup, StopSignals};
use super::temporary_folder::TemporaryFolder;
use super::{Context, Failure};
use crate::backups::installation_name;
use crate::backups::machine::{MachineFiles, UNIT_DEFAULT, UNIT_FOLDER, UnitPlace};
use crate::clock::Clock;
use crate::domain::backup::Size;
use crate::store::{
    Actor, BackupMade, BackupObserver, BackupRequest, DATABASE_FILE, KeptKind, Pace, back_up, record_backup,
};
use crate::telemetry;

/// What messages and the audit log call it.
const STANDARD_OUTPUT: &str = "standard output";

/// Back the whole database up into one file, also while a server runs.
///
/// The file shows the database as it was at one moment: everything that was acknowledged before the command began is in it.
/// Nobody who reads or writes waits for it. The copy is verified before the file gets its name, so a file that is there is
/// a good one; one that is broken off leaves nothing behind. Only its owner may read the file: it holds everything.
///
/// It also keeps what the machine needs to come back: the settings as one muster.toml, and the files of the service's unit;
/// with --with-certificates the TLS certificate and its private key, too. `muster restore --with-settings` puts them back.
///
/// With - for FILE it goes to standard output, after it was made and verified in a temporary folder ($TMPDIR, /tmp), which
/// needs room for it.
///
/// The server makes backups by itself, too: see backup-every, backup-keep and backup-dir.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BackupArgs {
    /// The file to make, in a folder that exists, or - for standard output
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,

    /// Keep the TLS certificate and its private key in it: whoever reads the file can then pose as the server
    #[arg(long)]
    pub with_certificates: bool,

    /// The unit whose files it keeps.
    #[command(flatten)]
    pub unit: UnitArgs,

    /// Write what was made as JSON to standard output
    #[arg(long)]
    pub json: bool,
}

/// Which unit runs the server.
#[derive(Debug, Args)]
pub struct UnitArgs {
    /// The unit of systemd that runs the server
    #[arg(long, value_name = "NAME", default_value = UNIT_DEFAULT)]
    pub unit: String,

    /// The folder with the unit's files
    #[arg(long, value_name = "DIR", default_value = UNIT_FOLDER, value_hint = ValueHint::DirPath)]
    pub unit_dir: PathBuf,
}

impl UnitArgs {
    /// The unit and its folder.
    pub(super) fn place(&self) -> Result<UnitPlace, Failure> {
        let folder = std::path::absolute(&self.unit_dir).unwrap_or_else(|_| self.unit_dir.clone());
        UnitPlace::new(&folder, &self.unit).ok_or_else(|| {
            Failure::usage(format!("--unit {:?} is no name of a service's unit, such as {UNIT_DEFAULT}", self.unit))
        })
    }
}

const EXAMPLES: &str = "\
Examples:
  muster backup /mnt/usb/muster.db
  muster backup --force nightly.db --data-dir /srv/muster
  muster backup --with-certificates /mnt/usb/muster.db
  muster backup - | gzip | ssh nas.example 'cat > muster.db.gz'
  muster restore /mnt/usb/muster.db      The way back";

/// Backs up, and says what is in the file.
pub fn run(context: &mut Context<'_>, arguments: &BackupArgs) -> Result<(), Failure> {
    let clock = Clock::system();
    let data_dir = context.config.store.data_dir.clone();
    let passing = arguments.is_to_stdout().then(|| passing_folder(arguments)).transpose()?;
    let machine = MachineFiles {
        settings: context.config.kept_settings(false),
        unit: Some(arguments.unit.place()?),
        certificates: arguments.with_certificates || context.config.backups.backup_certificates,
    };
    let (kept, left_out) = machine.collect(&installation_name(&context.config.backups), clock.now());
    for reason in left_out {
        tracing::warn!(reason, "the backup does not keep a file of the machine");
    }
    let request = BackupRequest {
        data_dir: data_dir.clone(),
        destination: passing.as_ref().map_or(arguments.file.clone(), |folder| folder.path().join(DATABASE_FILE)),
        overwrite: arguments.force,
        pace: Pace::Gentle,
        kept,
    };
    let work_clock = clock.clone();
    let result = with_progress(move |observer| back_up(&request, &work_clock, observer))?;
    let made = result.map_err(|error| Failure::failed("no backup was made").because(error))?;
    let path = if arguments.is_to_stdout() {
        pass_on(&made.path, context.stdout)?;
        STANDARD_OUTPUT.into()
    } else {
        // The audit log names the file so that it can be found from anywhere.
        std::path::absolute(&made.path).unwrap_or_else(|_| made.path.clone())
    };
    drop(passing);
    let named = BackupMade { path, ..made };
    if let Err(error) = record_backup(&data_dir, &Actor::command_line(), &named, &clock) {
        tracing::warn!(%error, "the backup is good, and is not in the audit log");
    }
    if arguments.json {
        return context.print(&report(&named).to_string());
    }
    let text = format!(
        "{}: {}, verified, in {}: {}\n{}",
        if arguments.is_to_stdout() { STANDARD_OUTPUT.into() } else { arguments.file.display().to_string() },
        Size(named.bytes),
        humantime::format_duration(std::time::Duration::from_millis(millis(&named))),
        named.rows,
        in_words(&named)
    );
    telemetry::message(&format!("{text}\n"));
    Ok(())
}

impl BackupArgs {
    fn is_to_stdout(&self) -> bool {
        self.file.as_os_str() == "-"
    }
}

/// A folder for a backup on its way to standard output, where nothing is against that.
fn passing_folder(arguments: &BackupArgs) -> Result<TemporaryFolder, Failure> {
    if arguments.json {
        return Err(Failure::usage("--json needs standard output for itself; name a file for the backup"));
    }
    if std::io::stdout().is_terminal() {
        return Err(Failure::usage("a terminal is no place for a backup; name a file, or pass it on to a program"));
    }
    TemporaryFolder::new("backup")
}

/// Writes a file to standard output. A reader that has gone lacks the rest, so that is a failure.
fn pass_on(file: &Path, stdout: &mut dyn Write) -> Result<(), Failure> {
    let copied = File::open(file).and_then(|mut file| std::io::copy(&mut file, stdout)).and_then(|_| stdout.flush());
    copied.map_err(|error| Failure::failed("the backup could not be written to standard output").because(error))
}

/// Does something that may take minutes, on a thread of its own; the first signal asks it to end and tidy up.
fn with_progress<T: Send + 'static>(
    work: impl FnOnce(&Arc<dyn BackupObserver>) -> T + Send + 'static,
) -> Result<T, Failure> {
    let bar = Arc::new(BackupBar::new());
    let result = server::block_on(async {
        let signals = StopSignals::catch(Hangup::Stop)?;
        tokio::spawn({
            let bar = Arc::clone(&bar);
            async move {
                signals.received().await;
                bar.cancel();
            }
        });
        let observer: Arc<dyn BackupObserver> = Arc::<BackupBar>::clone(&bar);
        let work = tokio::task::spawn_blocking(move || work(&observer));
        work.await.map_err(|error| Failure::failed("it ended before its time").because(error))
    });
    bar.finish();
    result
}

/// What of the machine is in it.
fn in_words(made: &BackupMade) -> String {
    let count = |kind| made.kept.iter().filter(|(other, _)| *other == kind).count();
    let mut parts = Vec::new();
    if count(KeptKind::Settings) > 0 {
        parts.push("the settings".to_owned());
    }
    match count(KeptKind::Unit) {
        0 => {}
        1 => parts.push("a file of the unit".to_owned()),
        files => parts.push(format!("{files} files of the unit")),
    }
    let mut text = format!("of {}", made.installation);
    if count(KeptKind::Key) > 0 {
        parts.push("the certificate and its private key: keep the file as secret as the key".to_owned());
    }
    if !parts.is_empty() {
        text.push_str(", with ");
        text.push_str(&parts.join(" and "));
    }
    text
}

fn millis(made: &BackupMade) -> u64 {
    u64::try_from(made.took.as_millis()).unwrap_or(u64::MAX)
}

fn report(made: &BackupMade) -> serde_json::Value {
    json!({
        "file": made.path.display().to_string(),
        "bytes": made.bytes,
        "rows": made.rows,
        "schemaVersion": made.schema_version,
        "at": made.at,
        "durationMillis": millis(made),
        "installation": made.installation,
        "kept": made.kept.iter().map(|(kind, path)| json!({"kind": kind.as_str(), "path": path})).collect::<Vec<_>>(),
    })
}

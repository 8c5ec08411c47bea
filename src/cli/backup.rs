//! `muster backup`: the whole database into one file.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::json;

use super::progress::BackupBar;
use super::server::{self, Hangup, StopSignals};
use super::{Context, Failure};
use crate::clock::Clock;
use crate::domain::backup::Size;
use crate::store::{Actor, BackupMade, BackupObserver, BackupRequest, Pace, back_up, record_backup};

/// Back the whole database up into one file, also while a server runs.
///
/// The file shows the database as it was at one moment: everything that was acknowledged before the command began is in it.
/// Nobody who reads or writes waits for it. The copy is verified before the file gets its name, so a file that is there is
/// a good one; one that is broken off leaves nothing behind. Only its owner may read the file: it holds everything.
///
/// The server makes backups by itself, too: see backup-every, backup-keep and backup-dir.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BackupArgs {
    /// The file to make, in a folder that exists
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,

    /// Write what was made as JSON to standard output
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  muster backup /mnt/usb/muster.db
  muster backup --force nightly.db --data-dir /srv/muster
  muster restore /mnt/usb/muster.db      The way back";

/// Backs up, and says what is in the file.
pub fn run(context: &mut Context<'_>, arguments: &BackupArgs) -> Result<(), Failure> {
    let clock = Clock::system();
    let data_dir = context.config.store.data_dir.clone();
    let request = BackupRequest {
        data_dir: data_dir.clone(),
        destination: arguments.file.clone(),
        overwrite: arguments.force,
        pace: Pace::Gentle,
    };
    let work_clock = clock.clone();
    let result = with_progress(move |observer| back_up(&request, &work_clock, observer))?;
    let made = result.map_err(|error| Failure::failed("no backup was made").because(error))?;
    // The audit log names the file so that it can be found from anywhere.
    let named = BackupMade { path: std::path::absolute(&made.path).unwrap_or_else(|_| made.path.clone()), ..made };
    if let Err(error) = record_backup(&data_dir, &Actor::command_line(), &named, &clock) {
        tracing::warn!(%error, "the backup is good, and is not in the audit log");
    }
    if arguments.json {
        return context.print(&report(&named).to_string());
    }
    let text = format!(
        "{}: {}, verified, in {}: {}",
        arguments.file.display(),
        Size(named.bytes),
        humantime::format_duration(std::time::Duration::from_millis(millis(&named))),
        named.rows
    );
    // A closed standard error is no failure.
    let _ = writeln!(std::io::stderr(), "{text}");
    Ok(())
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
    })
}

//! Progress bars on a terminal: of a backup or restore, of an import, and of filling a demonstration.
//!
//! None of them shows anything unless standard error is a terminal.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::intake::ImportProgress;
use crate::store::{BackupObserver, BackupProgress, BackupStage};

/// A bar over the bytes of a database, which also says whether the work was cancelled.
pub(super) struct BackupBar {
    bar: ProgressBar,
    cancelled: AtomicBool,
}

impl BackupBar {
    pub(super) fn new() -> Self {
        let template = "{msg} {bar:40} {percent:>3} %  {binary_bytes_per_sec}  {eta} left";
        Self { bar: ProgressBar::new(0).with_style(style(template)), cancelled: AtomicBool::new(false) }
    }

    /// Has the work end and tidy up.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Takes it off the terminal.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl BackupObserver for BackupBar {
    fn progressed(&self, progress: BackupProgress) {
        let BackupProgress { stage, bytes_done, bytes_total } = progress;
        self.bar.set_length(bytes_total);
        self.bar.set_position(bytes_done);
        self.bar.set_message(match stage {
            BackupStage::Copying => "copying",
            BackupStage::Verifying => "verifying",
        });
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// A bar over the bytes of an imported file, or a count of rows for a stream, whose size is not known.
pub(super) struct ImportBar {
    bar: ProgressBar,
    size: Option<u64>,
}

impl ImportBar {
    pub(super) fn new(size: Option<u64>) -> Self {
        let (bar, template) = match size {
            Some(size) => {
                (ProgressBar::new(size), "{bar:40} {percent:>3} %  {msg} rows  {binary_bytes_per_sec}  {eta} left")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {msg} rows  {elapsed}"),
        };
        Self { bar: bar.with_style(style(template)), size }
    }

    pub(super) fn show(&self, progress: ImportProgress) {
        self.bar.set_position(if self.size.is_some() { progress.bytes } else { progress.rows });
        self.bar.set_message(HumanCount(progress.rows).to_string());
    }

    /// Takes it off the terminal.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar over the contacts that a demonstration is filled with.
pub(super) fn filling_bar(contacts: u64) -> ProgressBar {
    ProgressBar::new(contacts).with_style(style("filling {bar:40} {human_pos} of {human_len} contacts"))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

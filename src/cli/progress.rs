//! How far a backup is, for whoever looks at a terminal; and that Ctrl-C ends it in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use super::server::{self, Hangup, StopSignals};
use crate::store::{BackupObserver, BackupProgress, BackupStage};

/// A bar over the bytes of a database. Shows nothing unless standard error is a terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    cancelled: AtomicBool,
}

impl Bar {
    pub(super) fn new() -> Self {
        let template = "{msg} {bar:40} {percent:>3} %  {binary_bytes_per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::new(0).with_style(style), cancelled: AtomicBool::new(false) }
    }

    /// Takes it off the terminal.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl BackupObserver for Bar {
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

/// Does something that may take minutes, on a thread of its own; the first signal asks it to end and tidy up.
pub(super) fn observed<T: Send + 'static>(
    work: impl FnOnce(&Arc<dyn BackupObserver>) -> T + Send + 'static,
) -> Result<T, Failure> {
    let bar = Arc::new(Bar::new());
    let result = server::block_on(async {
        let signals = StopSignals::catch(Hangup::Stop)?;
        tokio::spawn({
            let bar = Arc::clone(&bar);
            async move {
                signals.received().await;
                bar.cancelled.store(true, Ordering::Relaxed);
            }
        });
        let observer: Arc<dyn BackupObserver> = Arc::<Bar>::clone(&bar);
        let work = tokio::task::spawn_blocking(move || work(&observer));
        work.await.map_err(|error| Failure::failed("it ended before its time").because(error))
    });
    bar.finish();
    result
}

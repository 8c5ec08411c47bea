//! Named pipes in the place of files: a command that waits for the other end says so.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

use crate::telemetry;

/// How long a pipe may be silent before that is said.
const SILENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Opens a file for reading. Says on standard error that it waits, where that is a pipe into which nobody writes yet.
pub(super) fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe blocks otherwise until somebody opens its other end.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        let wait = |time_max| poll(&mut [PollFd::new(&file, PollFlags::IN)], time_max);
        if wait(Some(&SILENCE))? == 0 {
            telemetry::message(&format!("{} is a pipe; waiting until somebody writes into it\n", path.display()));
            wait(None)?;
        }
    }
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// Makes a file for writing. Says on standard error that it waits, where it is a pipe that nobody reads yet.
pub(super) fn create(path: &Path) -> io::Result<File> {
    if !fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo()) {
        return File::create(path);
    }
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    match File::options().write(true).custom_flags(nonblocking).open(path) {
        Ok(file) => {
            fcntl_setfl(&file, OFlags::empty())?;
            Ok(file)
        }
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            telemetry::message(&format!("{} is a pipe; waiting until somebody reads from it\n", path.display()));
            File::options().write(true).open(path)
        }
        Err(error) => Err(error),
    }
}

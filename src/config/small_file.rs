//! Small files that are read whole at the start: the settings, a certificate, its key.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// Largest file that is read, in bytes: a thousand times what settings or certificates need.
const BYTES_MAX: u64 = 1 << 20;

/// How long a pipe may be silent. One that a shell opens for `<(…)` is written at once; one that nobody has open for
/// writing would be waited for without an end, and without a line that says so.
const PIPE_WAIT_MAX: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Reads a file whole. A pipe is read to its end, and given up where nobody writes into it.
pub fn read_small_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe blocks otherwise until somebody opens its other end.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    let kind = file.metadata()?;
    let may_block = !kind.is_file() && !kind.is_dir();
    let mut bytes = Vec::new();
    let mut piece = [0; 8 * 1_024];
    loop {
        if may_block && poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&PIPE_WAIT_MAX))? == 0 {
            let seconds = PIPE_WAIT_MAX.tv_sec;
            return Err(io::Error::other(format!("it is a pipe, into which nobody wrote for {seconds} s")));
        }
        match file.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if bytes.len() as u64 > BYTES_MAX {
            return Err(io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
        }
    }
}

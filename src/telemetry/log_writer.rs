//! Standard error, written by a thread of its own: a line that is logged waits in memory, so that nobody who logs waits
//! for whoever reads standard error. A collector that stalls, a container's log that blocks and a terminal that is
//! stopped with Ctrl-S would otherwise stop requests, and the stop of the server.
//!
//! What waits is bounded. Lines beyond the bound are dropped and counted, and the log says how many as soon as it is read
//! again.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::event::{PollFd, PollFlags, poll};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait: some five thousand lines, which is more than any pause of a healthy reader.
const PENDING_BYTES_MAX: usize = 1 << 20;

/// Stack of the thread, in bytes: it copies, and formats a line now and then.
const STACK_BYTES: usize = 256 << 10;

/// Makes the line that says how many lines were lost.
pub(super) type LostLine = Box<dyn Fn(u64) -> Vec<u8> + Send>;

/// The way to standard error. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Shared>);

struct Shared {
    /// Guards memory only: nothing is written and nothing is logged under it.
    queue: Mutex<Queue>,
    /// Wakes the thread.
    filled: Condvar,
    /// Wakes those who wait until everything is written.
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    pending: Vec<u8>,
    is_writing: bool,
    /// Lines that were lost since the log last said so.
    lost: u64,
    lost_in_all: u64,
}

impl LogWriter {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(output: File, lost_line: LostLine) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new(), written: Condvar::new() });
        let thread = thread::Builder::new().name("muster-log".to_owned()).stack_size(STACK_BYTES);
        thread.spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_for_ever(&output, &lost_line)
        })?;
        Ok(Self(shared))
    }

    /// Writes a message that is not of the log, behind what was logged before. It is never dropped.
    pub(super) fn message(&self, text: &str) {
        self.0.add(&mut self.0.lock(), text.as_bytes());
    }

    /// How many lines were lost so far.
    pub(super) fn lines_lost(&self) -> u64 {
        self.0.lock().lost_in_all
    }

    /// Waits until everything is written, for `time_max` at most.
    pub(super) fn flush(&self, time_max: Duration) {
        self.0.written.wait_while_for(&mut self.0.lock(), |queue| queue.is_unwritten(), time_max);
    }

    /// Waits until everything is written, however long that takes.
    pub(super) fn flush_all(&self) {
        self.0.written.wait_while(&mut self.0.lock(), |queue| queue.is_unwritten());
    }
}

impl Queue {
    fn is_unwritten(&self) -> bool {
        self.is_writing || !self.pending.is_empty()
    }

    fn lose(&mut self, lines: u64) {
        self.lost += lines;
        self.lost_in_all += lines;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    fn add(&self, queue: &mut Queue, bytes: &[u8]) {
        queue.pending.extend_from_slice(bytes);
        self.filled.notify_one();
    }

    fn write_for_ever(&self, mut output: &File, lost_line: &LostLine) {
        loop {
            let (bytes, lost) = {
                let mut queue = self.lock();
                queue.is_writing = false;
                if queue.pending.is_empty() {
                    self.written.notify_all();
                    self.filled.wait_while(&mut queue, |queue| queue.pending.is_empty());
                }
                queue.is_writing = true;
                (std::mem::take(&mut queue.pending), std::mem::take(&mut queue.lost))
            };
            let unwritten = write_all(&mut output, &bytes);
            // The lines that were lost came after those that waited.
            let is_told = unwritten.is_empty() && (lost == 0 || write_all(&mut output, &lost_line(lost)).is_empty());
            let mut queue = self.lock();
            queue.lose(lines(unwritten));
            if !is_told {
                queue.lost += lost;
            }
        }
    }
}

/// Writes as much as it can, and returns the rest.
fn write_all<'bytes>(output: &mut &File, mut bytes: &'bytes [u8]) -> &'bytes [u8] {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody who has the same pipe or terminal has made it non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if poll(&mut [PollFd::new(&output.as_fd(), PollFlags::OUT)], None).is_err() {
                    return bytes;
                }
            }
            Err(_) => return bytes,
        }
    }
    bytes
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

impl<'writer> MakeWriter<'writer> for LogWriter {
    type Writer = LineWriter<'writer>;

    fn make_writer(&'writer self) -> LineWriter<'writer> {
        LineWriter(&self.0)
    }
}

/// Takes lines of the log. `tracing` writes each with one call.
pub(super) struct LineWriter<'writer>(&'writer Shared);

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        if queue.pending.len() + bytes.len() > PENDING_BYTES_MAX {
            queue.lose(1);
        } else {
            self.0.add(&mut queue, bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use rustix::pipe::pipe;

    use super::*;

    /// A writer to a pipe, and the end that is read.
    fn start() -> (LogWriter, BufReader<File>) {
        let (reader, writer) = pipe().unwrap();
        let lost_line = Box::new(|lines| format!("{lines} lost\n").into_bytes());
        (LogWriter::start(File::from(writer), lost_line).unwrap(), BufReader::new(File::from(reader)))
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted_and_told_once_it_is_read() {
        let (log, reader) = start();
        let line = format!("{}\n", "x".repeat(1023));
        // Twice the bound, which no pipe holds.
        for _ in 0..2 * PENDING_BYTES_MAX / line.len() {
            log.make_writer().write_all(line.as_bytes()).unwrap();
        }
        log.message("a message\n");
        log.flush(Duration::from_millis(1));
        let lost = log.lines_lost();
        assert!(lost > 0);
        let mut lines = reader.lines().map(Result::unwrap).skip_while(|line| line.starts_with('x'));
        assert_eq!(lines.next().unwrap(), "a message");
        assert_eq!(lines.next().unwrap(), format!("{lost} lost"));
        log.make_writer().write_all(b"further\n").unwrap();
        assert_eq!(lines.next().unwrap(), "further");
        log.flush_all();
        assert_eq!(log.lines_lost(), lost);
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let (log, reader) = start();
        drop(reader);
        log.make_writer().write_all(b"one\n").unwrap();
        log.flush_all();
        log.make_writer().write_all(b"two\n").unwrap();
        log.flush_all();
        assert_eq!(log.lines_lost(), 2);
    }
}

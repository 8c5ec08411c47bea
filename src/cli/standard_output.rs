//! Standard output, such that a command notices when nobody gets what it writes.

use std::io::{self, ErrorKind, Write};

/// Standard output. Fails where it was closed before the process was started.
pub(super) struct StandardOutput {
    stdout: io::Stdout,
    is_closed: bool,
}

impl StandardOutput {
    pub(super) fn new(is_closed: bool) -> Self {
        Self { stdout: io::stdout(), is_closed }
    }

    /// Fails where it was closed before the process was started.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_closed {
            return Err(io::Error::new(ErrorKind::NotConnected, "it is closed"));
        }
        Ok(())
    }
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.stdout.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

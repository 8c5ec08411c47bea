//! The `muster` binary; all code is in the library, so that tests can use it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process was started without a standard output (`>&-` in a shell).
///
/// Before `main` the standard library opens `/dev/null` in the place of a standard stream that is closed, so that
/// whatever is written there seems to arrive. Hence this looks earlier.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Safe that early because it makes one system call and stores a flag, and needs nothing of the standard library.
#[ctor::ctor(unsafe)]
fn look_at_stdout() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    STDOUT_CLOSED.store(is_closed, Ordering::Relaxed);
}

fn main() -> ExitCode {
    let stdout_closed = STDOUT_CLOSED.load(Ordering::Relaxed);
    muster::cli::main(std::env::args_os(), &std::env::vars_os().collect(), stdout_closed)
}

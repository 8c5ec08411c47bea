//! The `muster` binary; all code is in the library, so that tests can use it.

use std::process::ExitCode;

fn main() -> ExitCode {
    muster::cli::main(std::env::args_os(), &std::env::vars_os().collect())
}

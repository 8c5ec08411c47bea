//! The `muster` binary; everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    muster::cli::main(std::env::args_os(), &std::env::vars_os().collect())
}

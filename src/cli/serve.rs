//! `muster serve`: the server.

use clap::Args;

use super::{Context, Failure, ServingFlags};

/// Serve the API and the dashboard (also without any command).
///
/// Opens the data directory, or creates it, and takes connections once the database is ready. The first start prints a
/// one-time link for signing in to the dashboard. The server stops on Ctrl-C or SIGTERM, after the requests under way
/// have been answered.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ServeArgs {
    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster serve --data-dir /srv/muster
  muster serve --listen 0.0.0.0:8383 --public-url https://muster.example
  MUSTER_LOG=json muster serve";

/// Serves until it is told to stop.
pub fn run(context: &mut Context<'_>, arguments: &ServeArgs) -> Result<(), Failure> {
    // NOT BUILT YET
    let _ = (context, arguments);
    Err(Failure::failed("not built yet"))
}

//! `muster demo`: a server on a throw-away database filled with believable data.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::{Context, Failure, ServingFlags};

/// Contacts of a demonstration, unless somebody wants another number.
pub const DEMO_CONTACTS_DEFAULT: u64 = 50_000;

/// Most contacts of a demonstration: some minutes of filling, and some gigabytes.
pub const DEMO_CONTACTS_MAX: u64 = 10_000_000;

/// Serve a throw-away database filled with believable data.
///
/// Everything lives in a temporary folder that goes away when the server stops. The data are made up: no address and no
/// telephone number belongs to anybody.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DemoArgs {
    /// How many contacts to fill in
    #[arg(
        long,
        value_name = "N",
        default_value_t = DEMO_CONTACTS_DEFAULT,
        value_parser = RangedU64ValueParser::<u64>::new().range(0..=DEMO_CONTACTS_MAX)
    )]
    pub contacts: u64,

    /// Send the server a steady mix of reads and writes, so that the dashboard shows changing values
    #[arg(long)]
    pub traffic: bool,

    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster demo
  muster demo --contacts 1000000 --traffic
  muster demo --listen 127.0.0.1:0     Any free port";

/// Fills the database and serves until it is told to stop.
pub fn run(context: &mut Context<'_>, arguments: &DemoArgs) -> Result<(), Failure> {
    // NOT BUILT YET
    let _ = (context, arguments);
    Err(Failure::failed("not built yet"))
}

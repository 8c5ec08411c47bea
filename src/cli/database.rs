//! The database, as commands open it.

use crate::cli::{Context, Failure};
use crate::clock::Clock;
use crate::store::{Mode, OpenError, Store, StoreOptions};

/// Whether a command may make a database where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The first use makes one.
    Create,
    /// There is nothing to look at, which is an error.
    Refuse,
}

/// Opens the database of the data directory for a command that is called `muster NAME`.
pub(super) fn open(context: &Context<'_>, name: &str, missing: Missing) -> Result<Store, Failure> {
    let options = StoreOptions {
        create: missing == Missing::Create,
        ..StoreOptions::new(&context.config.store.data_dir, Mode::Command, format!("`muster {name}`"))
    };
    Ok(Store::open(&options, Clock::system())?)
}

/// Opens the database for a command that only reads.
pub(super) fn open_for_reading(context: &Context<'_>, name: &str) -> Result<Store, Failure> {
    let options = StoreOptions::new(&context.config.store.data_dir, Mode::Reader, format!("`muster {name}`"));
    Ok(Store::open(&options, Clock::system())?)
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::failed(error.to_string())
    }
}

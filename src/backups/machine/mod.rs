//! The files of the machine that a backup keeps beside the data, and putting them back on another one.
//!
//! - `collect`: what is kept: the settings, the service's unit, on request the certificate and its key;
//! - `unit`: the unit of systemd and where its files are;
//! - `owner`: the names of users and groups;
//! - `plan`: what a restore would write where. A backup may be crafted: only places are admitted that the command line
//!   or the kept settings name;
//! - `put_back`: writing it.

mod collect;
mod owner;
mod plan;
mod put_back;
mod unit;

pub use collect::MachineFiles;
pub use plan::{FileState, Places, PlannedFile, PutBack, PutBackError};
pub use put_back::Written;
pub use unit::{UNIT_DEFAULT, UNIT_FOLDER, UnitPlace};

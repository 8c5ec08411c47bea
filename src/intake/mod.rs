//! Imports and exports: files of contacts into the store and out of it.
//!
//! An import reads on one thread and writes on another, chunk by chunk. A chunk is written completely or not at all,
//! and since importing the same file again adds nothing, an interrupted import can simply be repeated.

mod chunk;
mod export;
mod fill_demo;
mod import;
mod options;

pub use export::{ExportError, can_export, export};
pub use fill_demo::fill;
pub use import::{ImportError, import, open};
pub use options::{ImportOptions, ImportProgress, Party};

//! Whole files of contacts, in and out, as streams.
//!
//! An import or export works on a thread that may block, and so many may run at once (`permit`). Neither side can hold
//! one by standing still: what waits for the client waits for a piece at most as long as the settings say (`pipe`).

pub mod export;
pub mod import;
mod permit;
pub mod pipe;

//! The handlers, a file for each resource.

pub mod service;

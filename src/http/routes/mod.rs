//! The handlers, a file for each resource.

pub mod archive_purge_restore;
pub mod audit;
pub mod backup;
pub mod cache;
pub mod cache_analytics;
pub mod cache_config;
pub mod cache_entries;
mod cache_entry_filter;
pub mod cache_events;
pub mod cache_warm;
pub mod cache_what_if;
pub mod contact_details;
pub mod contacts;
pub mod departments;
pub mod employees;
pub mod enterprises;
pub mod health;
pub mod id_and_name;
pub mod idempotent;
pub mod metrics;
pub mod openapi;

pub mod sessions;
pub mod summaries;
pub mod tokens;
pub mod transfers;

//! The API over HTTP: a file for each file of `src/http/routes`, and files for what all routes have in common.

pub mod access;
mod audit;
mod cache;
mod cache_analytics;
mod cache_config;
mod cache_entries;
mod cache_events;
mod cache_warm;
mod cache_what_if;
mod contact_details;
mod contacts;
mod directory;
mod employees;
mod health;
mod http_caching;
mod idempotency;
mod metrics;
mod openapi;
mod paging;
mod problems;
mod request_bodies;
mod server;
mod session;
mod summaries;
mod tokens;
mod transfers;

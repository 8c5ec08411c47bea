//! Muster's integration tests: one binary, one file per promise.
//!
//! `support` provides stores, servers and clients. The name of a test states the promise that it checks.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(unreachable_pub, reason = "everything in a test binary is unreachable from outside")]

mod audit;
mod backup;
mod backup_before_migration;
mod backup_server;
mod base_path;
mod behind_caddy;
mod behind_nginx;
mod browser;
mod cache_bounds;
mod cache_counters;
mod cache_freshness;
mod cache_invalidation;
mod command_line;
mod concurrency;
mod config_check;
mod consistency;
mod data_at_rest;
mod database_file;
mod database_trouble;
mod deploy;
mod documents;
mod fair_shares;
mod full_disk;
mod fuzz_corpora;
mod guides;
mod hostile;
mod imports;
mod kept_files;
mod kill;
mod load;
mod load_shedding;
mod made_ids;
mod quick_reference;
mod quick_start;
mod rejected_rows;
mod restore;
mod restore_killed;
mod routes;
mod security_headers;
mod service_manager;
mod sign_in_links;
mod single_flight;
mod slow_clients;
mod store_check;
mod store_concurrency;
mod store_figures;
mod store_full;
mod store_group_commit;
mod store_idempotency;
mod store_ids;
mod store_killed;
mod store_other_process;
mod store_properties;
mod store_purge;
mod store_wal;
mod support;
mod surroundings;
mod tls;
mod trusted_proxy;
mod upgrade;
mod waiting_start;

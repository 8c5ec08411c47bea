//! The pages in a real browser: headless Chromium, driven by chromedriver.
//!
//! Each test starts its own browser, so that tests share no state. Every test ends with two checks: the console holds
//! nothing but the refusals that the test provoked, and no request went to another server.

mod accessibility;
mod backup;
mod clocks;
mod connection;
mod demonstration;
mod driver;
mod entries;
mod entry_counts;
mod keyboard;
mod live;
mod names;
mod page;
mod pages;
mod png;
mod roles;
mod screenshots;
mod sign_in;
mod theme;
mod trouble;
mod tuning;

pub use page::Page;

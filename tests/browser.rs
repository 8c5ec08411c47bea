//! The pages in a real browser: headless Chromium, driven by its own driver.
//!
//! Each test has a browser of its own, so nothing that one leaves behind reaches another. At the end of each, whatever it
//! was about, the console is empty but for refusals that the test provoked, and no request has left the server.

mod backup;
mod clocks;
mod connection;
mod demonstration;
mod driver;
mod entries;
mod hindrances;
mod keyboard;
mod live;
mod names;
mod numbers;
mod page;
mod pages;
mod pictures;
mod png;
mod roles;
mod sign_in;
mod theme;
mod trouble;
mod tuning;

pub use page::Page;

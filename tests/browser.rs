//! The pages in a real browser: headless Chromium, driven by its own driver.
//!
//! Each test has a browser of its own, so nothing that one leaves behind reaches another. At the end of each, whatever it
//! was about, the console is empty but for refusals that the test provoked, and no request has left the server.

mod driver;
mod entries;
mod hindrances;
mod live;
mod names;
mod page;
mod pages;
mod roles;
mod sign_in;
mod trouble;
mod tuning;

pub use page::Page;

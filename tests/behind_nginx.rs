//! The server behind a real nginx with the documented configuration: the pages in a browser, and what a proxy could
//! break.

mod nginx;
mod pages;
mod proxying;

use nginx::{Nginx, ServerBlock};

//! Behind a real nginx, configured by the file that the documents give: the pages in a browser, and what a proxy could spoil.

mod nginx;
mod pages;
mod proxying;

use nginx::{Nginx, ServerBlock};

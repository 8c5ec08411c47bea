//! The bare axum handler: the cost of HTTP alone, with the same versions of axum, hyper and tokio as Muster.
//!
//! It is part of the benchmark's binary, started with [`ARGUMENT`], so it is built with the same profile. The runtime and
//! `axum::serve` have their defaults: a worker thread for each core, no ids, no log, no time limits.

use std::path::Path;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;

/// The first argument that makes the benchmark's binary this server; the second is the file with the body.
pub(crate) const ARGUMENT: &str = "--peer-axum";

/// Serves the bytes of a file until the process is killed.
pub(crate) fn main(body: &Path) {
    let body = Bytes::from(std::fs::read(body).unwrap());
    let json = HeaderValue::from_static("application/json");
    let summary = get(async move || ([(CONTENT_TYPE, json)], body));
    let app = Router::new().route("/enterprise/{enterpriseId}/contacts/summary", summary);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

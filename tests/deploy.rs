//! The files in `docs/deploy` are accepted by the programs that read them, and what they refer to exists.

mod image;
mod monitoring;
mod service;
mod texts;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::WorkDir;

/// The path of a file of `docs/deploy`.
fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deployed(name)).unwrap()
}

/// The certificate and the key in a working directory.
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";

/// Creates a self-signed certificate.
fn certificate_in(dir: &WorkDir) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    dir.write(CERTIFICATE, made.cert.pem());
    dir.write(KEY, made.signing_key.serialize_pem());
}

/// Runs a program that must succeed; returns its output.
#[track_caller]
fn accepted(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let output = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(status.success(), "{command:?}\n{output}");
    output
}

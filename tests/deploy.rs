//! What `docs/deploy` gives to others is taken by the programs that read it, and names what there is.

mod image;
mod monitoring;
mod service;
mod texts;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Place;

/// The path of a file of `docs/deploy`.
fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deployed(name)).unwrap()
}

/// Where a place has its certificate and key.
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";

/// Makes a certificate that nobody has signed.
fn certificate_in(place: &Place) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.write(CERTIFICATE, made.cert.pem());
    place.write(KEY, made.signing_key.serialize_pem());
}

/// Runs a program that must succeed; gives what it said.
#[track_caller]
fn accepted(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(status.success(), "{command:?}\n{said}");
    said
}

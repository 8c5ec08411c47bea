//! The manual page, the completions, `--version` and `health`.

use std::process::Command;

use clap::CommandFactory;
use muster::cli::Cli;

use super::{CERTIFICATE, KEY, accepted, certificate_in};
use crate::support::{Place, installed, tool};

#[test]
fn the_manual_page_has_every_command_and_setting_and_passes_mandoc() {
    let place = Place::new();
    let page = place.done(&["man"]);
    let plain = page.replace("\\-", "-");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let heading = format!(".SH \"MUSTER {}\"", command.get_name().to_uppercase());
        assert!(plain.contains(&heading), "no section {heading}");
    }
    for setting in muster::config::SETTINGS {
        assert!(plain.contains(&setting.flag()), "{} is missing", setting.flag());
    }
    assert!(!plain.contains('\u{1b}'), "no colours");
    place.write("muster.1", &page);
    let Some(mandoc) = tool("mandoc", "the test of the manual page", "apt-get install mandoc") else { return };
    accepted(Command::new(mandoc).args(["-T", "lint", "-W", "error"]).arg(place.path("muster.1")));
}

#[test]
fn the_shells_accept_their_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.path(shell);
        place.write(shell, place.done(&["completions", shell]));
        match installed(shell) {
            Some(program) => drop(accepted(Command::new(program).arg("-n").arg(script))),
            // A shell that is not installed cannot be tested.
            None => assert_ne!(shell, "bash", "every system has it"),
        }
    }
}

#[test]
fn the_version_names_the_revision_that_was_built() {
    let version = Place::new().done(&["--version"]);
    assert_eq!(version.trim(), format!("muster {}", muster::telemetry::LONG_VERSION));
    assert!(version.starts_with(concat!("muster ", env!("CARGO_PKG_VERSION"))), "{version}");
}

#[test]
fn health_reports_whether_a_server_is_ready_and_why_not() {
    let place = Place::new();
    let server = place.serve_as("", &["--base-path", "/muster"]);
    let url = format!("http://{}", server.address());
    assert_eq!(place.done(&["health", &url]), format!("{url} is ready\n"));
    assert_eq!(place.done(&["health", "--listen", &server.address().to_string()]), format!("{url} is ready\n"));
    assert_eq!(place.done(&["health", &format!("{url}/muster/")]), format!("{url}/muster is ready\n"));
    assert_eq!(place.done(&["health", "--alive", &url]), format!("{url} is alive\n"));
    let refused = place.muster(&["health", &format!("{url}/elsewhere")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("it answers 404: There is nothing at this path"), "{}", refused.stderr);
    drop(server);
    let gone = place.muster(&["health", &url]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains("the server does not answer; is it running?"), "{}", gone.stderr);
    let nonsense = place.muster(&["health", "nonsense"]);
    assert_eq!((nonsense.code, nonsense.stderr.contains("is no address of a server")), (Some(2), true));
}

#[test]
fn health_uses_tls_when_the_server_does() {
    let place = Place::new();
    certificate_in(&place);
    let tls = ["--tls-cert", CERTIFICATE, "--tls-key", KEY];
    let server = place.serve_as("", &tls);
    let address = server.address().to_string();
    let output = place.done(&[&["health", "--listen", &address], &tls[..]].concat());
    assert_eq!(output, format!("https://{address} is ready\n"));
    assert_eq!(place.done(&["health", &format!("https://{address}")]), output);
    let plain = place.muster(&["health", &format!("http://{address}")]);
    assert_eq!((plain.code, plain.stderr.contains("it answers 400")), (Some(1), true), "{}", plain.stderr);
}

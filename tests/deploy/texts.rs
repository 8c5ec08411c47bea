//! The manual page, the completions, `--version` and `health`.

use std::process::Command;

use clap::CommandFactory;
use muster::cli::Cli;

use super::{CERTIFICATE, KEY, accepted, certificate_in};
use crate::support::{WorkDir, installed, tool};

#[test]
fn the_manual_page_has_every_command_and_setting_and_passes_mandoc() {
    let dir = WorkDir::new();
    let page = dir.muster_ok(&["man"]);
    let plain = page.replace("\\-", "-");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let heading = format!(".SH \"MUSTER {}\"", command.get_name().to_uppercase());
        assert!(plain.contains(&heading), "no section {heading}");
    }
    for setting in muster::config::SETTINGS {
        assert!(plain.contains(&setting.flag()), "{} is missing", setting.flag());
    }
    assert!(!plain.contains('\u{1b}'), "no colours");
    dir.write("muster.1", &page);
    let Some(mandoc) = tool("mandoc", "the test of the manual page", "apt-get install mandoc") else { return };
    accepted(Command::new(mandoc).args(["-T", "lint", "-W", "error"]).arg(dir.path("muster.1")));
}

#[test]
fn the_shells_accept_their_completions() {
    let dir = WorkDir::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = dir.path(shell);
        dir.write(shell, dir.muster_ok(&["completions", shell]));
        match installed(shell) {
            Some(program) => drop(accepted(Command::new(program).arg("-n").arg(script))),
            // A shell that is not installed cannot be tested.
            None => assert_ne!(shell, "bash", "every system has it"),
        }
    }
}

#[test]
fn the_version_names_the_revision_that_was_built() {
    let version = WorkDir::new().muster_ok(&["--version"]);
    assert_eq!(version.trim(), format!("muster {}", muster::telemetry::LONG_VERSION));
    assert!(version.starts_with(concat!("muster ", env!("CARGO_PKG_VERSION"))), "{version}");
}

#[test]
fn health_reports_whether_a_server_is_ready_and_why_not() {
    let dir = WorkDir::new();
    let server = dir.serve_as("", &["--base-path", "/muster"]);
    let url = format!("http://{}", server.address());
    assert_eq!(dir.muster_ok(&["health", &url]), format!("{url} is ready\n"));
    assert_eq!(dir.muster_ok(&["health", "--listen", &server.address().to_string()]), format!("{url} is ready\n"));
    assert_eq!(dir.muster_ok(&["health", &format!("{url}/muster/")]), format!("{url}/muster is ready\n"));
    assert_eq!(dir.muster_ok(&["health", "--alive", &url]), format!("{url} is alive\n"));
    let refused = dir.muster(&["health", &format!("{url}/elsewhere")]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("it answers 404: There is nothing at this path"), "{}", refused.stderr);
    drop(server);
    let gone = dir.muster(&["health", &url]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains("the server does not answer; is it running?"), "{}", gone.stderr);
    let nonsense = dir.muster(&["health", "nonsense"]);
    assert_eq!((nonsense.code, nonsense.stderr.contains("is no address of a server")), (Some(2), true));
}

#[test]
fn health_and_links_find_the_server_of_the_data_directory_wherever_it_listens() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    certificate_in(&dir);
    let check = |arguments: &[&str], health: &dyn Fn(&str) -> String, url: &dyn Fn(&str) -> String| {
        let server = dir.serve_as(&token, arguments);
        let address = server.address().to_string();
        let healthy = dir.muster_ok(&["health"]);
        assert!(healthy.starts_with(&health(&address)) && healthy.ends_with(" is ready\n"), "{healthy}");
        let link = dir.muster_ok(&["sign-in-link"]);
        assert!(link.starts_with(&format!("{}/#/sign-in/", url(&address))), "{link}");
        // A flag says otherwise.
        let link = dir.muster_ok(&["sign-in-link", "--public-url", "https://other.example"]);
        assert!(link.starts_with("https://other.example/#/sign-in/"), "{link}");
    };
    let (http, https) = (|address: &str| format!("http://{address}"), |address: &str| format!("https://{address}"));
    check(&[], &http, &http);
    check(&["--tls-cert", CERTIFICATE, "--tls-key", KEY], &https, &https);
    let public = ["--public-url", "http://127.0.0.1:1", "--base-path", "/muster"];
    check(&public, &|_| "http://127.0.0.1:".to_owned(), &|_| "http://127.0.0.1:1/muster".to_owned());
    // A server that has stopped leaves nothing of this behind.
    let gone = dir.muster(&["sign-in-link", "--listen", "127.0.0.1:0"]);
    assert_eq!((gone.code, gone.stderr.contains("no server has said")), (Some(1), true), "{}", gone.stderr);
    assert!(dir.muster_ok(&["sign-in-link"]).starts_with("http://127.0.0.1:8383/"));
}

#[test]
fn health_uses_tls_when_the_server_does() {
    let dir = WorkDir::new();
    certificate_in(&dir);
    let tls = ["--tls-cert", CERTIFICATE, "--tls-key", KEY];
    let server = dir.serve_as("", &tls);
    let address = server.address().to_string();
    let output = dir.muster_ok(&[&["health", "--listen", &address], &tls[..]].concat());
    assert_eq!(output, format!("https://{address} is ready\n"));
    assert_eq!(dir.muster_ok(&["health", &format!("https://{address}")]), output);
    let plain = dir.muster(&["health", &format!("http://{address}")]);
    assert_eq!((plain.code, plain.stderr.contains("it answers 400")), (Some(1), true), "{}", plain.stderr);
}

//! `muster config --check`: what a server would refuse is refused, without starting one and without changing anything.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{CommandOutput, WorkDir};

/// The arguments of a server with these settings in its file.
fn check(dir: &WorkDir, settings: &str) -> CommandOutput {
    std::fs::create_dir_all(dir.data_dir()).unwrap();
    dir.write("muster-data/muster.toml", settings);
    dir.muster(&["config", "--check"])
}

fn self_signed(dir: &WorkDir) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    dir.write("cert.pem", made.cert.pem());
    dir.write("key.pem", made.signing_key.serialize_pem());
}

const TLS: &str = "tls-cert = \"cert.pem\"\ntls-key = \"key.pem\"\n";

#[test]
fn settings_that_a_server_can_start_with_have_no_fault_and_nothing_is_made() {
    let dir = WorkDir::new();
    assert_eq!(dir.muster_ok(&["config", "--check"]), "no fault was found in the settings\n");
    assert!(!dir.data_dir().exists());
    self_signed(&dir);
    let ended = check(&dir, &format!("listen = \"127.0.0.1:0\"\nbackup-dir = \"copies\"\n{TLS}"));
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "no fault was found in the settings\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(std::fs::read_dir(dir.data_dir()).unwrap().count(), 1);
    assert!(!dir.exists("copies"));
    // Beside the server that has the port.
    let server = dir.serve();
    dir.muster_ok(&["config", "--check", "--listen", &server.address().to_string()]);
}

#[test]
fn each_fault_is_named_and_fails() {
    // A single fault in one line.
    let one = |settings: &str, expected: &[&str]| {
        let dir = WorkDir::new();
        self_signed(&dir);
        dir.write("folder-as-file", "");
        let ended = check(&dir, settings);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{settings}: {}", ended.stderr);
        let line = ended.stderr.lines().last().unwrap();
        for part in expected {
            assert!(line.starts_with("muster: ") && line.contains(part), "{settings}: {}", ended.stderr);
        }
        assert_eq!(ended.stderr.matches(expected[0]).count(), 1, "said once: {}", ended.stderr);
    };
    one("lissten = \"127.0.0.1:1\"", &["lissten", "did you mean listen?"]);
    one("data-dir = \"elsewhere\"", &["data-dir in muster-data/muster.toml is ignored"]);
    one("tls-cert = \"gone.pem\"\ntls-key = \"key.pem\"", &["No such file", "gone.pem"]);
    one("tls-cert = \"cert.pem\"\ntls-key = \"cert.pem\"", &["holds no private key", "cert.pem"]);
    one("listen = \"192.0.2.1:8383\"", &["no such address", "192.0.2.1:8383"]);
    one("body-max = \"huge\"", &["body-max", "huge"]);
    // All of several.
    let dir = WorkDir::new();
    let ended = check(&dir, &format!("lissten = 1\nshoe-size = 42\n{TLS}"));
    assert_eq!(ended.code, Some(2));
    for part in ["lissten", "shoe-size", "cert.pem", "the settings have 3 faults"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    // The data directory itself.
    dir.write("file", "");
    let ended = dir.muster(&["config", "--check", "--data-dir", "file"]);
    assert_eq!((ended.code, ended.stderr.contains("it is a file")), (Some(2), true), "{}", ended.stderr);
    std::fs::create_dir(dir.path("open")).unwrap();
    std::fs::set_permissions(dir.path("open"), Permissions::from_mode(0o777)).unwrap();
    let ended = dir.muster(&["config", "--check", "--data-dir", "open"]);
    assert_eq!((ended.code, ended.stderr.contains("chmod o-w")), (Some(2), true), "{}", ended.stderr);
    let ended = dir.muster(&["config", "--check", "--data-dir", "file/in"]);
    assert_eq!((ended.code, ended.stderr.contains("part of the path is a file")), (Some(2), true), "{}", ended.stderr);
}

#[test]
fn a_backup_folder_that_is_missing_today_does_not_keep_the_service_from_starting() {
    let dir = WorkDir::new();
    dir.write("file", "");
    let ended = check(&dir, "listen = \"127.0.0.1:0\"\nbackup-dir = \"file/backups\"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("WARN") && ended.stderr.contains("file is a file"), "{}", ended.stderr);
}

//! The systemd unit.

use std::process::Command;
use std::time::Duration;

use muster::config::{Config, Environment, Flags};

use super::{accepted, read};
use crate::support::tool;

const UNIT: &str = "muster.service";

/// The unit for several servers on one machine.
const TEMPLATE: &str = "muster@.service";

/// The path of the program in the unit.
const PROGRAM: &str = "/usr/local/bin/muster";

/// The limit of the exposure level that `systemd-analyze security` computes, in tenths: 0 is best, 100 worst.
const EXPOSURE_MAX: &str = "12";

/// The values of this key in the unit.
fn values(key: &str) -> Vec<String> {
    let unit = read(UNIT);
    let values = unit.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| *name == key);
    values.map(|(_, value)| value.to_owned()).collect()
}

fn duration(key: &str) -> Duration {
    humantime::parse_duration(&values(key)[0]).unwrap()
}

#[test]
fn systemd_accepts_the_unit_and_rates_its_exposure_low() {
    let Some(analyze) = tool("systemd-analyze", "the test of the unit", "apt-get install systemd") else { return };
    let dir = tempfile::tempdir().unwrap();
    for (unit, instance) in [(UNIT, UNIT), (TEMPLATE, "muster@field.service")] {
        let path = dir.path().join(unit);
        // systemd-analyze checks that the program exists, and it is not installed.
        std::fs::write(&path, read(unit).replace(PROGRAM, env!("CARGO_BIN_EXE_muster"))).unwrap();
        let path = dir.path().join(instance);
        let output = accepted(Command::new(&analyze).args(["verify", "--man=no"]).arg(&path));
        assert_eq!(output, "", "systemd has something to say");
        let threshold = format!("--threshold={EXPOSURE_MAX}");
        let output =
            accepted(Command::new(&analyze).args(["security", "--offline=true", "--no-pager", &threshold]).arg(&path));
        println!("{}", output.lines().last().unwrap_or_default());
    }
}

/// The settings of a unit, without comments.
fn settings(unit: &str) -> Vec<String> {
    let text = read(unit);
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_unit_for_several_servers_is_that_for_one_with_directories_of_their_own() {
    let own = |line: String| {
        let line = line.replace("Description=Muster:", "Description=Muster %i:");
        let line = line.replace("%S/muster", "%S/muster-%i");
        if line == "StateDirectory=muster" { "StateDirectory=muster-%i".to_owned() } else { line }
    };
    let expected: Vec<String> = settings(UNIT).into_iter().map(own).collect();
    assert_eq!(settings(TEMPLATE), expected);
}

#[test]
fn a_start_checks_the_settings_and_a_reload_has_an_answer() {
    let program = |command: &str| format!("{PROGRAM} {command}");
    assert_eq!(values("ExecStartPre"), [program("config --check")]);
    assert_eq!(values("ExecReload"), [program("reload")]);
}

#[test]
fn the_timeouts_and_limits_of_the_unit_fit_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let mut flags = Flags::default();
    flags.set("data-dir", vec![dir.path().to_str().unwrap().to_owned()]);
    let config = Config::load(&flags, None, &Environment::default()).unwrap();
    assert!(duration("TimeoutStopSec") >= config.server.shutdown_drain * 2);
    assert!(duration("WatchdogSec") >= config.http.request_timeout * 2);
    let open_files: usize = values("LimitNOFILE")[0].parse().unwrap();
    assert!(open_files >= config.server.connections_max + 1_024, "{open_files}");
    assert_eq!(values("Type"), ["notify"]);
    assert_eq!(values("StateDirectory"), ["muster"]);
    assert!(values("Environment").contains(&"MUSTER_DATA_DIR=%S/muster".to_owned()));
    assert!(values("ExecStart")[0].starts_with(PROGRAM));
}

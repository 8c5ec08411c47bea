//! What the command line takes, and what its commands write.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::CommandFactory;

use super::command_line::LostOutput;
use super::program::{dispatch, run};
use super::{Cli, Context, ServiceManager, parse};
use crate::config::{Config, Environment, Flags};

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    parse(line.split_whitespace().map(OsString::from))
}

/// What a command writes, with its settings read from these flags alone.
fn written(line: &str) -> String {
    let mut cli = parsed(line).unwrap();
    let mut flags = cli.common.flags.clone();
    let mut command = cli.command.take().unwrap();
    flags.extend(command.serving_flags().cloned().unwrap_or_default());
    let config = Config::load(&flags, cli.common.config_file, &Environment::default()).unwrap();
    let mut stdout = Vec::new();
    dispatch(&mut Context { config, stdout: &mut stdout, manager: ServiceManager::default() }, command).unwrap();
    String::from_utf8(stdout).unwrap()
}

fn find(text: &str, start: &str) -> String {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned()
}

#[test]
fn clap_finds_no_fault_with_the_commands() {
    Cli::command().debug_assert();
}

#[test]
fn every_argument_says_what_it_is_for() {
    fn check(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

#[test]
fn usage_is_judged_before_anything_is_done() {
    let check = |line: &str, code: i32| {
        let result = parsed(line).err().map_or(0, |error| error.exit_code());
        assert_eq!(result, code, "{line}");
    };
    check("muster", 0);
    check("muster --listen 0.0.0.0:80", 0);
    check("muster serve --cors-origin https://a.example --cors-origin https://b.example", 0);
    check("muster import - --enterprise acme", 0);
    check("muster import cards.csv --enterprise acme --department sales --employee u1 --create-missing --dry-run", 0);
    check("muster import cards.csv", 2);
    check("muster import --enterprise acme", 2);
    check("muster import cards.csv --enterprise a/b", 2);
    check("muster export --enterprise acme --format csv --output -", 0);
    check("muster export --enterprise acme --format xml", 2);
    check("muster token create --role viewer --expires-in 90d --name reports", 0);
    check("muster token create --role owner", 2);
    check("muster token create", 2);
    check("muster sign-in-link --public-url https://muster.example", 0);
    check("muster sign-in-link now", 2);
    check("muster token create --role viewer --expires-in 1s", 2);
    check("muster token create --role viewer --expires-in 11y", 2);
    check("muster token", 2);
    check("muster token revoke", 2);
    check("muster demo --contacts 1000 --traffic --listen 127.0.0.1:0", 0);
    check("muster demo --contacts many", 2);
    check("muster demo --contacts 10000001", 2);
    check("muster check --json", 0);
    check("muster completions bash", 0);
    check("muster completions cmd", 2);
    check("muster fly", 2);
    check("muster --listen 0.0.0.0:80 token list", 2);
    check("muster token list --listen 0.0.0.0:80", 2);
    check("muster serve --listen 1.1.1.1:1 --listen 2.2.2.2:2", 2);
    check("muster --help", 0);
    check("muster --version", 0);
}

#[test]
fn common_flags_stand_before_or_after_a_commands_own_arguments() {
    for line in [
        "muster --data-dir D --log json check --json",
        "muster check --data-dir D --log json --json",
        "muster check --json --log json --data-dir D",
        "muster --data-dir D token --log json list",
        "muster token list --log json --data-dir D",
    ] {
        let mut expected = Flags::default();
        expected.set("data-dir", vec!["D".to_owned()]);
        expected.set("log", vec!["json".to_owned()]);
        assert_eq!(parsed(line).unwrap().common.flags, expected, "{line}");
    }
    let cli = parsed("muster token list --config a.toml").unwrap();
    assert_eq!(cli.common.config_file.unwrap().to_str(), Some("a.toml"));
}

#[test]
fn no_command_is_serve() {
    let mut expected = Flags::default();
    expected.set("listen", vec!["0.0.0.0:80".to_owned()]);
    let cli = parsed("muster --listen 0.0.0.0:80").unwrap();
    assert!(cli.command.is_none());
    assert_eq!(cli.serving.0, expected);
}

#[test]
fn a_servers_flags_before_its_command_count_unless_repeated_behind_it() {
    let listen = |line: &str| find(&written(line), "listen");
    assert_eq!(listen("muster --listen 0.0.0.0:1 config"), "listen = \"0.0.0.0:1\"  # --listen");
    assert_eq!(listen("muster --listen 0.0.0.0:1 config --listen 0.0.0.0:2"), "listen = \"0.0.0.0:2\"  # --listen");
}

#[test]
fn config_prints_stable_lines_that_are_a_settings_file() {
    let text = written("muster config --body-max 2048 --cors-origin https://a.example,https://b.example");
    let keys: Vec<&str> = text.lines().filter_map(|line| line.split([' ', '=']).find(|word| *word != "#")).collect();
    let expected: Vec<&str> = crate::config::SETTINGS.iter().map(|setting| setting.key).collect();
    assert_eq!(keys, expected);
    assert_eq!(find(&text, "body-max"), "body-max = \"2KiB\"  # --body-max");
    assert_eq!(find(&text, "data-dir"), "data-dir = \"muster-data\"  # default");
    assert_eq!(find(&text, "# public-url"), "# public-url is not set  # default");
    assert_eq!(
        find(&text, "cors-origin"),
        "cors-origin = [\"https://a.example\", \"https://b.example\"]  # --cors-origin"
    );
    assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
}

#[test]
fn config_prints_json_for_programs() {
    let json: serde_json::Value = serde_json::from_str(&written("muster config --json --listen 0.0.0.0:1")).unwrap();
    assert_eq!(json["listen"], serde_json::json!({ "value": "0.0.0.0:1", "origin": "flag", "name": "--listen" }));
    assert_eq!(json["public-url"], serde_json::json!({ "value": null, "origin": "default", "name": null }));
    assert_eq!(json["connections-max"]["value"], 10_000);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = written(&format!("muster completions {shell}"));
        assert!(script.contains("completions") && script.contains("data-dir"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_a_failure_except_for_what_is_cut_short() {
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let check = |line: &str, lost_output: LostOutput| {
        let config = Config::load(&Flags::default(), None, &Environment::default()).unwrap();
        let command = parsed(line).unwrap().command.unwrap();
        assert_eq!(command.lost_output(), lost_output, "{line}");
        let failure =
            dispatch(&mut Context { config, stdout: &mut Closed, manager: ServiceManager::default() }, command)
                .unwrap_err();
        assert!(failure.is_output_closed() && failure.exit_code() == 1, "{line}");
    };
    check("muster config", LostOutput::Failure);
    check("muster completions fish", LostOutput::FailureUnlessClosed);
    check("muster man", LostOutput::FailureUnlessClosed);
}

#[test]
fn a_bad_setting_is_wrong_usage_wherever_it_was_written() {
    let environment = [("MUSTER_LISTEN", "nowhere")].into_iter().collect();
    let failure = run(parsed("muster check").unwrap(), &environment, &mut Vec::new()).unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.to_string().starts_with("listen in MUSTER_LISTEN is \"nowhere\", but must be "), "{failure}");
    let failure = run(parsed("muster check --config /nowhere.toml").unwrap(), &Environment::default(), &mut Vec::new());
    let line = failure.unwrap_err().to_string();
    assert!(line.starts_with("the settings file /nowhere.toml cannot be read: No such file"), "{line}");
}

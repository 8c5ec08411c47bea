use std::fmt::Debug;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// What the three layers above the defaults say, and a folder to say it in.
struct Given {
    folder: TempDir,
    flags: Flags,
    variables: Vec<(&'static str, String)>,
    config_file: Option<PathBuf>,
}

fn given() -> Given {
    let folder = TempDir::new().unwrap();
    let data_dir = folder.path().to_str().unwrap().to_owned();
    let mut flags = Flags::default();
    flags.set("data-dir", vec![data_dir]);
    Given { folder, flags, variables: Vec::new(), config_file: None }
}

impl Given {
    fn flag(mut self, key: &'static str, text: &str) -> Self {
        self.flags.set(key, vec![text.to_owned()]);
        self
    }

    fn variable(mut self, name: &'static str, text: &str) -> Self {
        self.variables.push((name, text.to_owned()));
        self
    }

    fn file(self, text: &str) -> Self {
        std::fs::write(self.folder.path().join(FILE_NAME), text).unwrap();
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let environment = self.variables.iter().cloned().collect();
        Config::load(&self.flags, self.config_file.clone(), &environment)
    }

    fn error(&self) -> String {
        let message = self.load().err().map(|error| error.to_string()).unwrap_or_default();
        message.replace(self.folder.path().to_str().unwrap(), "DIR")
    }

    fn warnings(&self) -> Vec<String> {
        let dir = self.folder.path().to_str().unwrap();
        self.load().unwrap().warnings.iter().map(|warning| warning.replace(dir, "DIR")).collect()
    }
}

#[test]
fn the_first_layer_that_has_a_setting_wins() {
    let check = |given: Given, port: u16, origin: &str| {
        let config = given.load().unwrap();
        assert_eq!(config.server.listen.port(), port);
        let line = config.report().into_iter().find(|line| line.key == "listen").unwrap();
        let dir = given.folder.path().to_str().unwrap();
        assert_eq!(line.origin.to_string().replace(dir, "DIR"), origin);
    };
    let file = "listen = '127.0.0.1:3'";
    check(given(), 8383, "default");
    check(given().file(file), 3, "DIR/muster.toml");
    check(given().file(file).variable("MUSTER_LISTEN", "127.0.0.1:2"), 2, "MUSTER_LISTEN");
    check(given().file(file).variable("MUSTER_LISTEN", ""), 3, "DIR/muster.toml");
    check(given().file(file).variable("MUSTER_LISTEN", "127.0.0.1:2").flag("listen", "127.0.0.1:1"), 1, "--listen");
}

/// That the README has the right ones is checked in `tests/documents.rs`.
#[test]
fn the_default_of_every_setting_is_valid_and_what_its_module_takes_by_default() {
    let mut config = given().load().unwrap();
    assert_eq!(config.telemetry, TelemetrySettings::default());
    config.store.data_dir = StoreSettings::default().data_dir;
    assert_eq!(config.store, StoreSettings::default());
    assert_eq!(config.backups, BackupSettings::default());
    assert_eq!(config.server, ServerSettings::default());
    assert_eq!(config.http, HttpSettings::default());
    assert!((2..=8).contains(&config.store.readers));
    assert!(config.colour_allowed && config.warnings.is_empty());
}

#[test]
fn a_setting_is_called_the_same_wherever_it_is_named() {
    for setting in SETTINGS {
        assert_eq!(setting.field, setting.key.replace('-', "_"));
    }
}

#[test]
fn a_certificate_needs_its_key() {
    let (cert, key) = ("tls-cert = '/etc/a.pem'", "tls-key = '/etc/b.pem'");
    let tls = given().file(&format!("{cert}\n{key}")).load().unwrap().server;
    assert_eq!((tls.tls_cert, tls.tls_key), (Some("/etc/a.pem".into()), Some("/etc/b.pem".into())));
    assert_eq!(given().file(cert).error(), "tls-cert in DIR/muster.toml needs tls-key, too");
    assert_eq!(given().flag("tls-key", "k").error(), "tls-key in --tls-key needs tls-cert, too");
}

#[test]
fn proxies_are_networks_and_may_be_several() {
    let file = "trusted-proxy = ['10.0.0.0/8', 'fd00::/8']";
    assert_eq!(given().file(file).load().unwrap().server.trusted_proxy.len(), 2);
    let named = given().variable("MUSTER_TRUSTED_PROXY", "10.0.0.0/8, ::1").load().unwrap().server.trusted_proxy;
    assert_eq!(named.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "::1"]);
    let refused = given().flag("trusted-proxy", "10.0.0.7/8").error();
    assert!(
        refused.starts_with("trusted-proxy in --trusted-proxy is \"10.0.0.7/8\", but must be an IP address"),
        "{refused}"
    );
}

#[test]
fn a_bad_value_is_named_with_its_origin_key_and_what_is_allowed() {
    let check = |given: Given, message: &str| assert_eq!(given.error(), message);
    check(
        given().flag("listen", "8383"),
        "listen in --listen is \"8383\", but must be an IP address or localhost, and a port, such as \
         127.0.0.1:8383, localhost:8383, 0.0.0.0:80 or \
         [::1]:8383",
    );
    check(
        given().variable("MUSTER_READERS", "many"),
        "readers in MUSTER_READERS is \"many\", but must be auto or a whole number from 1 to 64",
    );
    check(
        given().file("request-timeout = '30'"),
        "request-timeout in DIR/muster.toml is \"30\", but must be a duration such as 30s or \"2h 30m\", from 1s to 1h",
    );
    check(
        given().file("request-timeout = 30"),
        "request-timeout in DIR/muster.toml is the integer 30, but must be a string: a duration such as 30s or \
         \"2h 30m\", from 1s to 1h",
    );
    check(
        given().file("connections-max = '7'"),
        "connections-max in DIR/muster.toml is the string \"7\", but must be an integer: a whole number from 1 to \
         1000000",
    );
    check(
        given().file("cors-origin = ['https://a.example', 'b']"),
        "cors-origin in DIR/muster.toml is \"b\", but must be an origin such as https://intranet.example or \
         http://10.0.0.7:3000, without a path",
    );
    check(
        given().file("cors-origin = [7]"),
        "cors-origin in DIR/muster.toml is the array [7], but must be an array of strings, each an origin such as \
         https://intranet.example or http://10.0.0.7:3000, without a path",
    );
    check(given().file("log = ''"), "log in DIR/muster.toml is \"\", but must be text or json");
    check(given().flag("data-dir", ""), "data-dir in --data-dir is \"\", but must be a path");
}

#[test]
fn every_setting_refuses_nonsense_in_every_layer_by_name() {
    // A path may be anything, so nonsense for it is a NUL.
    for setting in SETTINGS {
        let nonsense = "\0";
        let flag = given().flag(setting.key, nonsense).error();
        assert!(flag.starts_with(&format!("{} in {} is ", setting.key, setting.flag())), "{flag}");
        let mut from_variable = given();
        let variable: &'static str = setting.variable().leak();
        from_variable.flags = Flags::default();
        let environment = from_variable.variable(variable, nonsense).error();
        assert!(environment.starts_with(&format!("{} in {variable} is ", setting.key)), "{environment}");
        let mut from_file = given().file(&format!("{} = true", setting.key));
        from_file.config_file = Some(from_file.folder.path().join(FILE_NAME));
        from_file.flags = Flags::default();
        let file = from_file.error();
        assert!(file.starts_with(&format!("{} in DIR/muster.toml is the boolean true", setting.key)), "{file}");
    }
}

#[test]
fn values_take_the_spellings_that_people_use() {
    fn check<T: Debug + PartialEq>(key: &'static str, read: fn(&Config) -> T, cases: &[(&str, Option<T>)]) {
        for (text, expected) in cases {
            let value = given().flag(key, text).load().ok().map(|config| read(&config));
            assert_eq!(value, *expected, "{key} {text:?}");
        }
    }
    check(
        "body-max",
        |config| config.http.body_max,
        &[
            ("1048576", Some(1 << 20)),
            ("1MiB", Some(1 << 20)),
            ("2 mib", Some(2 << 20)),
            ("64kb", Some(64_000)),
            ("1GiB", Some(1 << 30)),
            ("2GiB", None),
            ("1023", None),
            ("1.5MiB", None),
            ("-1", None),
            ("MiB", None),
            ("99999999999GiB", None),
        ],
    );
    check(
        "shutdown-drain",
        |config| config.server.shutdown_drain.as_millis(),
        &[
            ("0s", Some(0)),
            ("500ms", Some(500)),
            ("2m 30s", Some(150_000)),
            ("1h", Some(3_600_000)),
            ("1h 1s", None),
            ("10", None),
            ("soon", None),
        ],
    );
    check(
        "connections-max",
        |config| config.server.connections_max,
        &[("1", Some(1)), ("1000000", Some(1_000_000)), ("0", None), ("+5", None), ("1e3", None)],
    );
    check("readers", |config| config.store.readers, &[("3", Some(3)), ("0", None), ("65", None)]);
    check(
        "log-level",
        |config| config.telemetry.log_level.clone(),
        &[
            ("WARN", Some("WARN".to_owned())),
            ("off", Some("off".to_owned())),
            ("info,muster::store=debug", Some("info,muster::store=debug".to_owned())),
            ("verbose", None),
            ("info,verbose", None),
            ("muster=loud", None),
        ],
    );
    check(
        "listen",
        |config| config.server.listen.to_string(),
        &[
            ("[::]:0", Some("[::]:0".to_owned())),
            ("localhost:80", Some("localhost:80".to_owned())),
            ("example.org:80", None),
            (":80", None),
            ("127.0.0.1", None),
        ],
    );
}

#[test]
fn lists_replace_each_other_whole() {
    let origins = |given: Given| {
        given.load().unwrap().http.cors_origin.iter().map(|origin| origin.as_str().to_owned()).collect::<Vec<_>>()
    };
    let file = "cors-origin = ['https://a.example', 'https://b.example']";
    assert_eq!(origins(given().file(file)), ["https://a.example", "https://b.example"]);
    assert_eq!(origins(given().file("cors-origin = 'https://a.example'")), ["https://a.example"]);
    assert_eq!(
        origins(given().file(file).variable("MUSTER_CORS_ORIGIN", "https://c.example, https://d.example")),
        ["https://c.example", "https://d.example"]
    );
    assert!(origins(given().file("cors-origin = []")).is_empty());
}

#[test]
fn unknown_names_warn_and_are_told_what_was_meant() {
    let given = given()
        .variable("MUSTER_LISTEM", "x")
        .variable("MUSTER_COLOUR", "x")
        .variable("MUSTER_CONFIG", "")
        .variable("OTHER", "x")
        .file("lisen = 1\ndata-dir = 'x'\n[limits]\nreaders = 2");
    assert_eq!(
        given.warnings(),
        [
            "the environment variable MUSTER_COLOUR is unknown and ignored",
            "the environment variable MUSTER_LISTEM is unknown and ignored; did you mean MUSTER_LISTEN?",
            "the key limits in DIR/muster.toml is unknown and ignored",
            "the key lisen in DIR/muster.toml is unknown and ignored; did you mean listen?",
            "data-dir in DIR/muster.toml is ignored, because the file was found by it: use --data-dir, \
             MUSTER_DATA_DIR or --config",
        ]
    );
}

#[test]
fn a_named_settings_file_must_exist_and_may_name_the_data_directory() {
    let mut given = given().file("data-dir = '/srv/muster'\nreaders = 3");
    given.flags = Flags::default();
    let path = given.folder.path().join(FILE_NAME);
    given.variables = vec![("MUSTER_CONFIG", path.to_str().unwrap().to_owned())];
    let config = given.load().unwrap();
    assert_eq!(config.store.data_dir, Path::new("/srv/muster"));
    assert_eq!(config.store.readers, 3);
    given.config_file = Some(given.folder.path().join("other.toml"));
    assert_eq!(given.error(), "the settings file DIR/other.toml cannot be read");
    given.config_file = Some(given.folder.path().to_owned());
    assert_eq!(given.error(), "the settings file DIR cannot be read");
}

#[test]
fn a_malformed_settings_file_is_named_with_its_line() {
    let message = given().file("readers = 2\nlisten = \n").error();
    assert!(message.starts_with("line 2 of the settings file DIR/muster.toml is not valid TOML: "), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_data_directory_that_is_missing_or_a_file_has_no_settings_file() {
    for name in ["missing", "file"] {
        let given = given();
        std::fs::write(given.folder.path().join("file"), "").unwrap();
        let data_dir = given.folder.path().join(name);
        assert!(given.flag("data-dir", data_dir.to_str().unwrap()).load().is_ok(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let environment = [("MUSTER_LISTEN", std::ffi::OsString::from_vec(vec![0xff]))].into_iter().collect();
    let error = Config::load(&Flags::default(), None, &environment).unwrap_err();
    assert_eq!(error.to_string(), "MUSTER_LISTEN in the environment is not valid UTF-8");
}

#[test]
fn the_report_is_a_settings_file_that_says_the_same() {
    let first = given().flag("public-url", "https://muster.example/").flag("body-max", "3000").load().unwrap();
    let text: String =
        first.report().iter().filter_map(|line| Some(format!("{} = {}\n", line.key, line.value.as_ref()?))).collect();
    let again = given().file(&text).load().unwrap();
    assert_eq!(again.http, first.http);
    assert_eq!(again.store.readers, first.store.readers);
}

#[test]
fn no_color_counts_unless_it_is_empty() {
    let check = |value: &str, allowed: bool| {
        assert_eq!(given().variable("NO_COLOR", value).load().unwrap().colour_allowed, allowed, "{value:?}");
    };
    check("1", false);
    check("", true);
}

#[test]
fn a_public_url_has_the_base_path_or_no_path() {
    let check = |url: &str, base: &str, error: &str| {
        assert_eq!(given().flag("public-url", url).variable("MUSTER_BASE_PATH", base).error(), error, "{url} {base}");
    };
    check("https://a.example", "/muster", "");
    check("https://a.example/muster/", "/muster", "");
    check("https://a.example/taken-away-by-the-proxy", "", "");
    check(
        "https://a.example/other",
        "/muster",
        "public-url in --public-url is \"https://a.example/other\", but must be an address without a path, or with \
         /muster, as base-path says",
    );
    check(
        "https://a.example",
        "/muster/",
        "base-path in MUSTER_BASE_PATH is \"/muster/\", but must be a path such as /muster: a slash before each part \
         and none at the end, of letters, digits and - . _ ~",
    );
}

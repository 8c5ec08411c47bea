//! A backup keeps what its machine needs to come back, and a restore puts it back: nowhere but where it may.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use muster::store::{DATABASE_FILE, KEPT_FILE_TABLE};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{CommandOutput, WorkDir};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAASECRETKEYAAAA\n-----END PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";
const SETTINGS: &str =
    "# The server of our branch.\nlisten = '127.0.0.1:4711' # inside\ninstallation-name = 'berlin'\n";
const UNIT: &str = "[Service]\nExecStart=/usr/local/bin/muster serve\n";
const DROP_IN: &str = "[Service]\nReadWritePaths=-/mnt/backups\n";

/// A machine with a database, settings and a unit with a drop-in, in folders of a working directory.
fn machine() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("seed.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];
    dir.muster_ok(&[&["import", "seed.csv"], &owner[..]].concat());
    dir.write("muster-data/muster.toml", SETTINGS);
    write_units(&dir);
    dir
}

fn write_units(dir: &WorkDir) {
    std::fs::create_dir_all(dir.path("units/muster.service.d")).unwrap();
    dir.write("units/muster.service", UNIT);
    dir.write("units/muster.service.d/backups.conf", DROP_IN);
    std::fs::set_permissions(dir.path("units/muster.service.d/backups.conf"), PermissionsExt::from_mode(0o640))
        .unwrap();
}

fn back_up(dir: &WorkDir, arguments: &[&str]) -> CommandOutput {
    let ended = dir.muster(&[&["backup", "x.db", "--force", "--unit-dir", "units"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

/// Restores into the data directory `new`.
fn restore(dir: &WorkDir, arguments: &[&str]) -> CommandOutput {
    let all = ["restore", "x.db", "--data-dir", "new", "--with-settings", "--yes", "--unit-dir", "units"];
    dir.muster(&[&all[..], arguments].concat())
}

/// The kept files of a backup by kind and path within the working directory, with their content.
fn kept(dir: &WorkDir) -> BTreeMap<(String, String), String> {
    let connection = Connection::open(dir.path("x.db")).unwrap();
    let root = format!("{}/", dir.path("").canonicalize().unwrap().display());
    let mut statement = connection.prepare("SELECT kind, path, CAST(content AS TEXT) FROM kept_file").unwrap();
    let rows = statement.query_map([], |row| {
        Ok(((row.get(0)?, row.get::<_, String>(1)?.replace(&root, "")), row.get::<_, String>(2)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Runs SQL on the backup, as whoever crafts one would.
fn craft(dir: &WorkDir, sql: &str) {
    Connection::open(dir.path("x.db")).unwrap().execute_batch(sql).unwrap();
}

fn has_table(database: &Path) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'kept_file')";
    Connection::open(database).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn text(dir: &WorkDir, name: &str) -> String {
    String::from_utf8(dir.read(name)).unwrap()
}

/// The settings of a data directory that are not the defaults.
fn settings_of(dir: &WorkDir, data_dir: &str) -> BTreeMap<String, Value> {
    let all: BTreeMap<String, Value> =
        serde_json::from_str(&dir.muster_ok(&["config", "--json", "--data-dir", data_dir])).unwrap();
    let set = all.into_iter().filter(|(key, line)| line["origin"] != "default" && key != "data-dir");
    set.map(|(key, line)| (key, line["value"].clone())).collect()
}

#[test]
fn a_bare_machine_comes_back_by_one_command() {
    let dir = machine();
    let ended = back_up(&dir, &[]);
    assert!(ended.stderr.contains("of berlin, with the settings and 2 files of the unit\n"), "{}", ended.stderr);
    let place = |kind: &str, path: &str| (kind.to_owned(), path.to_owned());
    let expected = [
        (place("data-dir", "muster-data"), String::new()),
        (place("settings", "muster-data/muster.toml"), SETTINGS.to_owned()),
        (place("unit", "units/muster.service"), UNIT.to_owned()),
        (place("unit", "units/muster.service.d/backups.conf"), DROP_IN.to_owned()),
    ];
    assert_eq!(kept(&dir), expected.into());

    std::fs::remove_dir_all(dir.path("units")).unwrap();
    std::fs::remove_dir_all(dir.data_dir()).unwrap();
    let ended = restore(&dir, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for shown in ["of the machine of berlin:", "| listen = '127.0.0.1:4711'", "| ReadWritePaths=", "daemon-reload"] {
        assert!(ended.stderr.contains(shown), "{shown}: {}", ended.stderr);
    }
    assert_eq!(text(&dir, "new/muster.toml"), SETTINGS);
    assert_eq!(
        (text(&dir, "units/muster.service"), text(&dir, "units/muster.service.d/backups.conf")),
        (UNIT.into(), DROP_IN.into())
    );
    let mode = |name: &str| std::fs::metadata(dir.path(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("units/muster.service.d/backups.conf"), 0o640);
    assert_eq!(dir.muster_ok(&["check", "--data-dir", "new"]), "clean: 1 contacts, 2 scopes\n");
    // The database that is in use keeps nothing of it.
    assert!(!has_table(&dir.path("new").join(DATABASE_FILE)));
}

#[test]
fn settings_of_flags_and_variables_are_kept_in_a_file_that_reproduces_them() {
    let dir = machine();
    let token = dir.token("admin");
    let mut serve = dir.command(&["serve", "--listen", "127.0.0.1:0", "--cors-origin", "https://a.example"]);
    serve.env("MUSTER_BACKUP_DIR", "backups").env("MUSTER_READERS", "3").env("MUSTER_INSTALLATION_NAME", "hamburg");
    let server = crate::support::TestServer::start(&dir, &token, serve);
    let made = server.client().post("/backup", &json!({}));
    let file = made["backup"]["file"].as_str().unwrap().to_owned();
    assert!(file.contains("/backups/hamburg/muster-hamburg-"), "{file}");
    drop(server);
    let restored =
        dir.muster(&["restore", &file, "--data-dir", "new", "--with-settings", "--yes", "--unit-dir", "units"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    let backups = dir.path("backups").canonicalize().unwrap();
    let expected = [
        ("backup-dir", json!(backups)),
        ("cors-origin", json!(["https://a.example"])),
        ("installation-name", json!("hamburg")),
        ("listen", json!("127.0.0.1:0")),
        ("readers", json!(3)),
    ];
    assert_eq!(settings_of(&dir, "new"), expected.map(|(key, value)| (key.to_owned(), value)).into());
    let written = text(&dir, "new/muster.toml");
    assert!(written.contains("# The server of our branch.\nlisten = \"127.0.0.1:0\" # inside\n"), "{written}");
}

#[test]
fn a_machine_without_a_settings_file_gets_one_with_its_name() {
    let dir = machine();
    std::fs::remove_file(dir.path("muster-data/muster.toml")).unwrap();
    back_up(&dir, &[]);
    assert_eq!(restore(&dir, &[]).code, Some(0));
    let name = settings_of(&dir, "new");
    assert_eq!(name.keys().collect::<Vec<_>>(), ["installation-name"]);
    let mode = std::fs::metadata(dir.path("new/muster.toml")).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_settings_file_outside_of_the_data_directory_comes_back_where_the_command_line_says() {
    let dir = machine();
    std::fs::create_dir(dir.path("etc")).unwrap();
    let data_dir = dir.path("muster-data").canonicalize().unwrap();
    let settings = format!("data-dir = '{}'\nlog = 'json'\n", data_dir.display());
    dir.write("etc/muster.toml", &settings);
    back_up(&dir, &["--config", "etc/muster.toml", "--installation-name", "berlin"]);
    for name in ["etc", "muster-data", "units"] {
        std::fs::remove_dir_all(dir.path(name)).unwrap();
    }
    // Into the directory that the settings name, and no other.
    let ended = restore(&dir, &["--config", "etc/muster.toml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the kept settings name the data directory "), "{}", ended.stderr);
    let restored =
        ["restore", "x.db", "--with-settings", "--yes", "--unit-dir", "units", "--config", "etc/muster.toml"];
    let ended = dir.muster(&restored);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let config = dir.muster_ok(&["config", "--json", "--config", "etc/muster.toml"]);
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!((&config["log"]["value"], &config["data-dir"]["value"]), (&json!("json"), &json!(data_dir)));
    // In the data directory's own file there must be none.
    assert_eq!(restore(&dir, &[]).code, Some(0));
    assert_eq!(dir.muster(&["config", "--data-dir", "new"]).stderr, "");
}

/// Lets the settings name a certificate and a key, and writes both.
fn write_certificate(dir: &WorkDir, more: &str) {
    let tls = dir.path("tls");
    std::fs::create_dir_all(&tls).unwrap();
    dir.write("tls/cert.pem", CERTIFICATE);
    dir.write("tls/key.pem", KEY);
    std::fs::set_permissions(dir.path("tls/key.pem"), PermissionsExt::from_mode(0o600)).unwrap();
    let tls = tls.canonicalize().unwrap();
    let names = format!("tls-cert = '{0}/cert.pem'\ntls-key = '{0}/key.pem'\n{more}", tls.display());
    dir.write("muster-data/muster.toml", format!("{SETTINGS}{names}"));
}

#[test]
fn certificates_are_kept_on_request_alone_and_never_stay_in_the_database() {
    let dir = machine();
    write_certificate(&dir, "");
    let holds_key = |name: &str| dir.read(name).windows(9).any(|bytes| bytes == b"SECRETKEY");
    back_up(&dir, &[]);
    assert!(!holds_key("x.db"));
    let ended = restore(&dir, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    std::fs::remove_dir_all(dir.path("new")).unwrap();

    for (settings, arguments) in [("", &["--with-certificates"][..]), ("backup-certificates = 'on'\n", &[])] {
        write_certificate(&dir, settings);
        let ended = back_up(&dir, arguments);
        assert!(ended.stderr.contains("its private key: keep the file as secret as the key"), "{}", ended.stderr);
        assert!(holds_key("x.db"));
        let mode = |name: &str| std::fs::metadata(dir.path(name)).unwrap().mode() & 0o777;
        assert_eq!(mode("x.db"), 0o600);
        std::fs::remove_dir_all(dir.path("tls")).unwrap();
        let ended = restore(&dir, &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains("SECRETKEY"), "{}", ended.stderr);
        assert_eq!((text(&dir, "tls/cert.pem"), text(&dir, "tls/key.pem")), (CERTIFICATE.into(), KEY.into()));
        assert_eq!(mode("tls/key.pem"), 0o600);
        assert!(!holds_key(&format!("new/{DATABASE_FILE}")), "the key stays in the database");
        std::fs::remove_dir_all(dir.path("new")).unwrap();
    }
}

#[test]
fn a_restore_without_its_certificate_says_so() {
    let dir = machine();
    write_certificate(&dir, "");
    back_up(&dir, &[]);
    std::fs::remove_dir_all(dir.path("tls")).unwrap();
    let ended = restore(&dir, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("key.pem, which is not here and not in the backup"), "{}", ended.stderr);
}

#[test]
fn a_file_of_the_machine_that_cannot_be_read_does_not_keep_the_data_from_being_backed_up() {
    let dir = machine();
    write_certificate(&dir, "");
    std::fs::remove_file(dir.path("tls/key.pem")).unwrap();
    std::fs::write(dir.path("muster-data/muster.toml.big"), "").unwrap();
    let ended = back_up(&dir, &["--with-certificates"]);
    assert!(
        ended.stderr.contains("does not keep a file of the machine") && ended.stderr.contains("key.pem: "),
        "{}",
        ended.stderr
    );
    assert!(kept(&dir).keys().all(|(kind, _)| kind != "key"));
}

#[test]
fn files_that_differ_are_replaced_only_with_force_and_kept_beside() {
    let dir = machine();
    back_up(&dir, &[]);
    dir.write("units/muster.service.d/backups.conf", "[Service]\n# mine\n");
    let ended = restore(&dir, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("backups.conf would be replaced; say so with --force"), "{}", ended.stderr);
    assert_eq!(text(&dir, "units/muster.service.d/backups.conf"), "[Service]\n# mine\n");
    assert!(!dir.path("new").join(DATABASE_FILE).exists(), "the database was restored");

    let ended = restore(&dir, &["--force", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(text(&dir, "units/muster.service.d/backups.conf"), DROP_IN);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let files = report["files"].as_array().unwrap();
    let old = files.iter().find_map(|file| file["kept"].as_str()).unwrap();
    assert_eq!(std::fs::read_to_string(old).unwrap(), "[Service]\n# mine\n");
    assert!(old.contains("backups.conf.replaced-"), "{old}");
    // The unit was there already.
    assert_eq!(files.iter().filter(|file| file["written"] == false).count(), 1, "{files:?}");
}

#[test]
fn without_being_asked_for_or_confirmed_no_file_is_written() {
    let dir = machine();
    back_up(&dir, &[]);
    let ended = dir.muster(&["restore", "x.db", "--data-dir", "new"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("--with-settings would put them back"), "{}", ended.stderr);
    assert!(!dir.exists("new/muster.toml") && !has_table(&dir.path("new").join(DATABASE_FILE)));
    let ended = dir.muster(&["restore", "x.db", "--data-dir", "other", "--with-settings", "--unit-dir", "units"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("say so with --yes"), "{}", ended.stderr);
    assert!(!dir.exists("other/muster.toml") && !dir.path("other").join(DATABASE_FILE).exists());
}

#[test]
fn a_crafted_backup_writes_nothing_but_where_it_may() {
    let dir = machine();
    write_certificate(&dir, "");
    let root = dir.path("").canonicalize().unwrap().display().to_string();
    // What would be written is missing, so that nothing but the refusal keeps it from being written.
    let check = |sql: &str, expected: &str| {
        write_units(&dir);
        write_certificate(&dir, "");
        back_up(&dir, &["--with-certificates"]);
        std::fs::remove_dir_all(dir.path("units")).unwrap();
        std::fs::remove_dir_all(dir.path("tls")).unwrap();
        craft(&dir, &sql.replace("ROOT", &root));
        let ended = restore(&dir, &["--force"]);
        assert_eq!(ended.code, Some(1), "{sql}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("muster: nothing was restored: "), "{sql}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{sql}: {}", ended.stderr);
        for name in ["units", "tls", "stolen", "new/muster.toml"] {
            assert!(!dir.exists(name), "{sql}: {name} was written");
        }
        assert!(!dir.path("new").join(DATABASE_FILE).exists(), "{sql}: the database was restored");
    };
    let unit = |path: &str| format!("UPDATE kept_file SET path = '{path}' WHERE path LIKE '%backups.conf'");
    for path in [
        "/etc/cron.d/muster",
        "ROOT/stolen/x.conf",
        "ROOT/units/muster.service.d/../../stolen",
        "ROOT/units/muster.service.d/../sshd.service.d/x.conf",
        "ROOT/units/sshd.service.d/x.conf",
        "ROOT/units/muster.service.d/deeper/x.conf",
        "units/muster.service.d/x.conf",
    ] {
        check(&unit(path), "which is no file of the unit muster.service");
    }
    let other_key = "UPDATE kept_file SET path = 'ROOT/stolen' WHERE kind = 'key'";
    check(other_key, "as key, which its settings do not name");
    check("UPDATE kept_file SET kind = 'certificate' WHERE kind = 'key'", "which its settings do not name");
    let not_pem = "UPDATE kept_file SET content = CAST('* * * * * root id' AS BLOB) WHERE kind = 'key'";
    check(not_pem, "which holds no certificate or key in PEM");
    let named = "UPDATE kept_file
                    SET content = CAST('tls-cert = \"ROOT/new/muster.db\"\ntls-key = \"ROOT/tls/key.pem\"' AS BLOB)
                  WHERE kind = 'settings';
                 UPDATE kept_file SET path = 'ROOT/new/muster.db' WHERE kind = 'certificate'";
    check(named, "a file of Muster's own");
    let twice =
        "INSERT INTO kept_file SELECT 99, installation, kind, '/x', mode, owner, owner_group, modified_at, content
                   FROM kept_file WHERE kind = 'settings'";
    check(twice, "more than one settings file");
    let invalid = "UPDATE kept_file SET content = CAST('listen = 7' AS BLOB) WHERE kind = 'settings'";
    check(invalid, "the kept settings cannot be used: listen");
    check("UPDATE kept_file SET kind = 'program'", "a kind that this Muster does not know");
    check("ALTER TABLE kept_file ADD COLUMN more TEXT", "kept_file");
}

#[test]
fn a_symbolic_link_leads_a_restore_nowhere() {
    let dir = machine();
    back_up(&dir, &[]);
    std::fs::create_dir(dir.path("elsewhere")).unwrap();
    let check = |prepare: &dyn Fn(), expected: &str| {
        let _ = std::fs::remove_dir_all(dir.path("units"));
        let _ = std::fs::remove_dir_all(dir.path("new"));
        std::fs::create_dir(dir.path("units")).unwrap();
        std::fs::create_dir(dir.path("new")).unwrap();
        prepare();
        let ended = restore(&dir, &["--force"]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!(std::fs::read_dir(dir.path("elsewhere")).unwrap().count(), 0);
        assert!(!dir.path("new").join(DATABASE_FILE).exists(), "the database was restored");
    };
    let elsewhere = |name: &str| dir.path("elsewhere").join(name);
    check(&|| symlink(elsewhere(""), dir.path("units/muster.service.d")).unwrap(), "leads through the symbolic link");
    check(&|| symlink(elsewhere("x"), dir.path("units/muster.service")).unwrap(), "muster.service is a symbolic link");
    check(&|| symlink(elsewhere("x"), dir.path("new/muster.toml")).unwrap(), "muster.toml is a symbolic link");
}

#[test]
fn owners_come_back_by_name_and_what_systemd_runs_belongs_to_whoever_restores() {
    let dir = machine();
    let (settings, drop_in) = (dir.path("muster-data/muster.toml"), dir.path("units/muster.service.d/backups.conf"));
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let nobody = users.lines().any(|line| line.starts_with("nobody:x:65534:"));
    if !nobody || chown(&settings, Some(65_534), None).is_err() {
        println!("skipped: this user may not give files away, or there is no user nobody");
        return;
    }
    chown(&drop_in, Some(65_534), None).unwrap();
    chown(dir.data_dir(), Some(65_534), None).unwrap();
    back_up(&dir, &[]);
    std::fs::remove_dir_all(dir.path("units")).unwrap();
    let ended = restore(&dir, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let owner = |path: &Path| std::fs::metadata(path).unwrap().uid();
    for name in ["new", "new/muster.toml", "new/muster.db", "new/muster.lock", "new/home"] {
        assert_eq!(owner(&dir.path(name)), 65_534, "{name}");
    }
    assert_eq!(owner(&drop_in), owner(&dir.path("")));
    // An owner that is not on this machine is named.
    craft(&dir, "UPDATE kept_file SET owner = 'somebody-else' WHERE kind = 'settings'");
    std::fs::remove_dir_all(dir.path("new")).unwrap();
    let ended = restore(&dir, &[]);
    assert!(ended.stderr.contains("belonged to \"somebody-else\", who is not on this machine"), "{}", ended.stderr);
}

#[test]
fn the_file_of_a_backup_in_the_place_of_the_database_loses_what_it_keeps() {
    let dir = machine();
    write_certificate(&dir, "");
    back_up(&dir, &["--with-certificates"]);
    let sql = "SELECT sql FROM sqlite_schema WHERE name LIKE '%kept_file%'";
    let table: String = Connection::open(dir.path("x.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(table, KEPT_FILE_TABLE);
    std::fs::create_dir(dir.path("new")).unwrap();
    std::fs::copy(dir.path("x.db"), dir.path("new").join(DATABASE_FILE)).unwrap();
    dir.muster_ok(&["token", "create", "--role", "viewer", "--data-dir", "new"]);
    assert!(!has_table(&dir.path("new").join(DATABASE_FILE)));
    assert!(!dir.read("new/muster.db").windows(9).any(|bytes| bytes == b"SECRETKEY"));
}

#[test]
fn a_backup_of_an_older_version_is_restored_without_settings() {
    let dir = machine();
    back_up(&dir, &[]);
    craft(&dir, "DROP TABLE kept_file");
    let ended = restore(&dir, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the backup keeps no settings"), "{}", ended.stderr);
    dir.muster_ok(&["restore", "x.db", "--data-dir", "new"]);
}

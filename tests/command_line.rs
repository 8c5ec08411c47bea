//! The command line as users see it: exit codes, and one line that states what is wrong and what to do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    CommandOutput, NOTICE_ROUNDS, RunningCommand, TestServer, WireClient, WorkDir, assert_no_panic,
    assert_noticed_in_time, eventually, read_reply,
};

/// A file with one contact, and the import that creates acme, sales and u1 for it.
const SEED: &str = "name,email,latitude\nGrace,grace@contoso.example,52.5\n";
const SEED_ARGUMENTS: &str = "import seed.csv --enterprise acme --department sales --employee u1 --create-missing";

/// Exit codes.
const FAILED: i32 = 1;
const USAGE: i32 = 2;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A working directory whose database has one contact.
fn seeded() -> WorkDir {
    let dir = WorkDir::new();
    dir.write("seed.csv", SEED);
    dir.muster_ok(&words(SEED_ARGUMENTS));
    dir
}

/// The one line in which a command stated why it failed.
fn error_line(ended: &CommandOutput, code: i32) -> &str {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    let mut lines = ended.stderr.lines();
    let line = lines.next().unwrap_or_default();
    if let Some(error_line) = line.strip_prefix("error: ") {
        // The argument parser adds the possible values and a reference to the help.
        assert_eq!((code, lines.last()), (USAGE, Some("For more information, try '--help'.")), "{}", ended.stderr);
        return error_line;
    }
    assert_eq!(lines.count(), 0, "more than a line: {}", ended.stderr);
    line.strip_prefix("muster: ").unwrap_or_else(|| panic!("no error of Muster: {line}"))
}

/// Files that the arguments of a case may name.
const FILES: [(&str, &[u8]); 8] = [
    ("empty.csv", b""),
    ("blank.csv", b"\n\n\r\n"),
    ("workbook.xlsx", b"PK\x03\x04\x14\x00\x06\x00\x08\x00"),
    ("picture.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"),
    ("unknown.csv", b"foo,bar\n1,2\n"),
    ("good.csv", b"name,email\nAda,ada@fabrikam.example\n"),
    ("owners.csv", b"name,department,employee\nAda,lab,u7\n"),
    ("broken.toml", b"listen = [\n"),
];

/// Writes those files that the arguments name.
fn write_files(dir: &WorkDir, arguments: &str) {
    for (name, content) in FILES.into_iter().filter(|(name, _)| arguments.contains(name)) {
        dir.write(name, content);
    }
}

#[test]
fn bad_input_fails_with_one_line_that_names_it_and_leaves_no_files() {
    // In a directory that contains nothing but the files that the arguments name.
    let check = |arguments: &str, environment: &[(&str, &str)], code: i32, expected: &[&str]| {
        let dir = WorkDir::new();
        std::fs::create_dir(dir.path("folder")).unwrap();
        write_files(&dir, arguments);
        let entries = || std::fs::read_dir(dir.path("")).unwrap().count();
        let before = entries();
        let mut command = dir.command(&words(arguments));
        command.envs(environment.iter().copied());
        let ended = RunningCommand::start(command).finish();
        let error_line = error_line(&ended, code);
        for part in expected {
            assert!(error_line.contains(part), "{arguments}: {error_line}\nlacks {part}");
        }
        assert_eq!(ended.stdout, "", "{arguments}");
        assert_eq!(entries(), before, "{arguments} left something behind");
    };
    let owner = "--enterprise acme --department sales --employee u1 --create-missing";

    // No owner is named.
    let flags = ["good.csv", "--department", "--employee", "department", "employee_email"];
    check("import good.csv --enterprise acme", &[], USAGE, &flags);
    check("import good.csv --enterprise acme --department sales --create-missing", &[], USAGE, &flags);

    // Files without contacts.
    check(&format!("import missing.csv {owner}"), &[], FAILED, &["missing.csv", "cannot be read", "No such file"]);
    check(&format!("import folder {owner}"), &[], FAILED, &["folder", "is a directory"]);
    check(&format!("import empty.csv {owner}"), &[], FAILED, &["empty.csv", "is empty"]);
    check(&format!("import blank.csv {owner}"), &[], FAILED, &["blank.csv", "is empty"]);
    check(&format!("import workbook.xlsx {owner}"), &[], FAILED, &["workbook.xlsx", "workbook", "save it as CSV"]);
    check(&format!("import picture.png {owner}"), &[], FAILED, &["picture.png", "not a text file"]);
    check(&format!("import unknown.csv {owner}"), &[], FAILED, &["unknown.csv", "\"foo\", \"bar\"", "surname"]);

    // Missing files and databases.
    check("import good.csv --enterprise acme --employee u1", &[], FAILED, &["muster-data", "no Muster database"]);
    check("export --enterprise acme", &[], FAILED, &["muster-data", "no Muster database"]);
    check("check", &[], FAILED, &["muster-data", "no Muster database", "--data-dir"]);
    check("token list", &[], FAILED, &["muster-data", "no Muster database"]);
    check("token create --role admin", &[], FAILED, &["muster-data", "no Muster database", "muster serve"]);
    check("token create --role admin --data-dir mistyped", &[], FAILED, &["mistyped", "no Muster database"]);
    check("token create --role admin --data-dir folder", &[], FAILED, &["folder", "no Muster database"]);
    check("token revoke x", &[], FAILED, &["muster-data", "no Muster database"]);
    check("sign-in-link", &[], FAILED, &["muster-data", "no Muster database"]);
    check("check --data-dir folder", &[], FAILED, &["folder", "no Muster database"]);
    check("check --config missing.toml", &[], USAGE, &["missing.toml", "No such file"]);

    // Invalid ids, roles, addresses and settings.
    check("import good.csv --enterprise a/b --employee u1", &[], USAGE, &["a/b", "--enterprise", "1 to 64 characters"]);
    check("import good.csv --enterprise acme --department ü", &[], USAGE, &["ü", "--department"]);
    check("import good.csv --enterprise acme --employee u,1", &[], USAGE, &["u,1", "--employee"]);
    check("import good.csv", &[], USAGE, &["required"]);
    check("token create --role king", &[], USAGE, &["king", "--role"]);
    check("token create --role viewer --expires-in soon", &[], USAGE, &["soon", "90d"]);
    check("serve --listen nowhere", &[], USAGE, &["listen", "nowhere", "127.0.0.1:8383"]);
    check("check", &[("MUSTER_LISTEN", "nowhere")], USAGE, &["MUSTER_LISTEN", "nowhere"]);
    check("check --config broken.toml", &[], USAGE, &["line 1", "broken.toml", "TOML"]);
    check("nonsense", &[], USAGE, &["nonsense"]);
    check("check --listen 127.0.0.1:0", &[], USAGE, &["--listen"]);

    // Paths that cannot be a data directory.
    for command in ["serve", "check", "token list", "token create --role admin"] {
        check(&format!("{command} --data-dir good.csv"), &[], FAILED, &["good.csv", "it is a file", "--data-dir"]);
    }
    check(&format!("import good.csv {owner} --data-dir good.csv"), &[], FAILED, &["it is a file", "--data-dir"]);
    check("serve --data-dir good.csv/in", &[], FAILED, &["good.csv/in", "part of the path is a file", "--data-dir"]);
    // Not writable, not even for root.
    check("serve --data-dir /sys/muster-data", &[], FAILED, &["/sys/muster-data", "--data-dir"]);
    check("token create --role admin --data-dir /sys/muster-data", &[], FAILED, &["/sys/muster-data", "--data-dir"]);
}

#[test]
fn a_missing_enterprise_department_or_employee_is_named_with_the_flag_that_creates_it() {
    let dir = seeded();
    write_files(&dir, "good.csv owners.csv");
    let check = |arguments: &str, expected: &[&str]| {
        let ended = dir.muster(&words(arguments));
        let error_line = error_line(&ended, FAILED);
        assert!(expected.iter().all(|part| error_line.contains(part)), "{arguments}: {error_line}");
    };
    let hint = "--create-missing";
    check("import good.csv --enterprise nope --employee u1", &["good.csv", "enterprise \"nope\"", hint]);
    check("import good.csv --enterprise acme --department lab --employee u9", &["department \"lab\"", hint]);
    check("import good.csv --enterprise acme --department lab --employee u1", &["department \"lab\" does not exist"]);
    check("import good.csv --enterprise acme --department sales --employee u9", &["employee \"u9\"", hint]);
    check("import good.csv --enterprise acme --employee u9", &["employee \"u9\"", hint]);
    check("import good.csv --enterprise acme --employee u9 --create-missing", &["employee \"u9\"", "no department"]);
    check("export --enterprise nope", &["enterprise \"nope\" does not exist"]);
    check("export --enterprise acme --department lab", &["department \"lab\"", "enterprise \"acme\""]);
    check("export --enterprise acme --output folder/none.csv", &["folder/none.csv", "cannot be written"]);
    check("token create --role viewer --enterprise nope", &["enterprise \"nope\" does not exist"]);
    check("token revoke nope", &["\"nope\"", "muster token list"]);
    assert!(!dir.exists("good.csv.rejects.csv"));
    // In a file that names its owners the rows are rejected one by one.
    let ended = dir.muster(&words("import owners.csv --enterprise acme"));
    assert_eq!(ended.code, Some(FAILED));
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.contains("1 of 1 rows were rejected") && last.contains("department \"lab\""), "{last}");
    dir.muster_ok(&words("import owners.csv --enterprise acme --create-missing"));
    assert!(dir.muster_ok(&["check"]).starts_with("clean: 2 contacts"));
}

#[test]
fn rejected_rows_are_reported_saved_and_imported_once_corrected() {
    let dir = WorkDir::new();
    let rows =
        "name,email,latitude\nAda,ada@fabrikam.example,north\nBob,bob@fabrikam.example,1\n,,\nCy,cy@x.example,1,2\n";
    dir.write("rows.csv", rows);
    let arguments = words("import rows.csv --enterprise acme --department sales --employee u1 --create-missing");
    let ended = dir.muster(&arguments);
    assert_eq!(ended.code, Some(FAILED));
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(lines[0].contains("4 rows read") && lines[0].contains("1 imported") && lines[0].contains("3 rejected"));
    assert_eq!(lines[1].trim(), "row 1 (line 2): latitude: must be a number from -90 to 90");
    assert_eq!(lines[2].trim(), "row 3 (line 4): at least one of name, surname, email and phone is needed");
    assert_eq!(lines[3].trim(), "row 4 (line 5): has 4 fields, the header has 3");
    let last = lines[4];
    assert!(
        last.starts_with("muster: rows.csv: 3 of 4 rows were rejected; they are in rows.csv.rejects.csv"),
        "{last}"
    );
    assert!(last.ends_with("the first is row 1 (line 2): latitude: must be a number from -90 to 90"), "{last}");
    assert_eq!(lines.len(), 5);
    // The JSON report contains the same.
    let json = dir.muster(&[&arguments[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&report["rows"], &report["duplicates"], &report["rejected"]), (&json!(4), &json!(1), &json!(3)));
    assert_eq!(report["rejects"][1]["row"], 3);
    // Corrected by hand: two rows are repaired, the empty one is removed.
    let rejects = String::from_utf8(dir.read("rows.csv.rejects.csv")).unwrap();
    let corrected = rejects.replace(",north", ",1").replace(",1,2", ",1").replace("needed\",,,", "needed\",Dora,,");
    dir.write("corrected.csv", corrected);
    dir.muster_ok(&words("import corrected.csv --enterprise acme --department sales --employee u1"));
    assert!(!dir.exists("corrected.csv.rejects.csv"));
    assert!(dir.muster_ok(&["check"]).starts_with("clean: 4 contacts"));
}

#[test]
fn an_unusable_database_is_refused_in_one_sentence_and_left_unchanged() {
    let sound = seeded();
    let check = |damage: &dyn Fn(&WorkDir), expected: &[&str]| {
        let dir = WorkDir::new();
        std::fs::create_dir(dir.data_dir()).unwrap();
        std::fs::copy(sound.path("muster-data/muster.db"), dir.path("muster-data/muster.db")).unwrap();
        dir.write("seed.csv", SEED);
        damage(&dir);
        let before = dir.read("muster-data/muster.db");
        for arguments in
            ["serve --listen 127.0.0.1:0", "check", "token list", "export --enterprise acme", SEED_ARGUMENTS]
        {
            let ended = dir.muster(&words(arguments));
            let error_line = error_line(&ended, FAILED);
            assert!(expected.iter().all(|part| error_line.contains(part)), "{arguments}: {error_line}");
            assert_eq!(ended.stdout, "");
        }
        assert!(dir.read("muster-data/muster.db") == before, "the file was changed");
    };
    let database = "muster-data/muster.db";
    check(
        &|dir| dir.write(database, "not a database, but long enough to be one ".repeat(200)),
        &["muster.db", "no SQLite file"],
    );
    check(&|dir| dir.write(database, &sound.read(database)[..5_000]), &["muster.db", "damaged", "restore a backup"]);
    let foreign = |dir: &WorkDir| {
        std::fs::remove_file(dir.path(database)).unwrap();
        dir.database().execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)").unwrap();
    };
    check(&foreign, &["muster.db", "another program", "--data-dir"]);
    let newer = |dir: &WorkDir| dir.database().pragma_update(None, "user_version", 4_711).unwrap();
    check(&newer, &["muster.db", "version 4711", &format!("up to {}", muster::store::SCHEMA_VERSION), "newer"]);
}

#[test]
fn check_reports_a_damaged_file_by_its_name() {
    let dir = seeded();
    let (page, size): (usize, usize) = {
        let root =
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'contact'";
        dir.database().query_row(root, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let mut bytes = dir.read("muster-data/muster.db");
    bytes[(page - 1) * size..page * size].fill(0xa5);
    dir.write("muster-data/muster.db", bytes);
    let ended = dir.muster(&["check"]);
    let error_line = error_line(&ended, FAILED);
    assert!(error_line.contains("muster.db is damaged") && error_line.contains("backup"), "{error_line}");
}

#[test]
fn check_finds_a_rollup_row_that_was_edited() {
    let dir = seeded();
    let changed = dir.database().execute("UPDATE scope SET contacts = contacts + 41 WHERE department = 'sales'", []);
    assert_eq!(changed.unwrap(), 1);
    let ended = dir.muster(&["check"]);
    let error_line = error_line(&ended, FAILED);
    assert!(error_line.contains("1 difference") && error_line.contains("muster.db"), "{error_line}");
    assert!(ended.stdout.contains("acme/sales") && ended.stdout.contains("42"), "{}", ended.stdout);
    let ended = dir.muster(&["check", "--json"]);
    assert_eq!(ended.code, Some(FAILED));
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["differences"].as_array().unwrap().len(), 1, "{report:#}");
}

#[test]
fn a_second_server_and_a_taken_port_are_refused() {
    let dir = seeded();
    let server = dir.serve();
    let second = dir.muster(&words("serve --listen 127.0.0.1:0"));
    let line = error_line(&second, FAILED);
    assert!(line.contains("muster-data") && line.contains("in use by `muster serve`"), "{line}");
    let address = server.address().to_string();
    let elsewhere = dir.muster(&["serve", "--data-dir", "elsewhere", "--listen", &address]);
    let line = error_line(&elsewhere, FAILED);
    assert!(line.contains(&address) && line.contains("another program") && line.contains("--listen"), "{line}");
    // The first server is not affected.
    server.client().get("/readyz");
}

#[test]
fn a_token_works_at_its_first_request_and_a_revoked_one_stops_at_once() {
    let dir = seeded();
    let server = dir.serve();
    let list = || -> Vec<Value> { serde_json::from_str(&dir.muster_ok(&["token", "list", "--json"])).unwrap() };
    assert_eq!(list().len(), 1);
    let secret =
        dir.muster_ok(&words("token create --role viewer --enterprise acme --name reporting --expires-in 90d"));
    assert_eq!(secret.lines().count(), 1, "the token alone: {secret}");
    let mut client = WireClient::new(server.address(), secret.trim());
    assert_eq!(client.get("/enterprise/acme/contacts/summary")["data"]["totalContacts"], 1);
    client.send("POST", "/AddContact", "{}").expect(403);
    client.send("GET", "/enterprise/other/contacts/summary", "").expect(404);
    let tokens = list();
    let token = tokens.iter().find(|token| token["name"] == "reporting").unwrap();
    assert_eq!((&token["role"], token["expiresAt"].is_string()), (&json!("viewer"), true), "{token:#}");
    assert!(!token.to_string().contains(secret.trim()));
    let table = dir.muster_ok(&["token", "list"]);
    assert!(table.starts_with("ID ") && table.contains("reporting") && !table.contains(secret.trim()), "{table}");

    revoke(&dir, token, &mut client);
    assert_eq!(list().len(), 1);
}

/// Revokes a token on the command line; returns for how long its holder was still served.
fn revoke(dir: &WorkDir, token: &Value, holder: &mut WireClient) -> Duration {
    assert_eq!(dir.muster_ok(&["token", "revoke", token["id"].as_str().unwrap()]), "");
    let revoked = Instant::now();
    eventually("a revoked token is refused", || {
        let reply = holder.send("GET", "/enterprise/acme/contacts/summary", "");
        let refused = reply.status == 401;
        assert!(!refused || reply.header("www-authenticate") == Some("Bearer"));
        refused.then_some(())
    });
    revoked.elapsed()
}

#[test]
fn a_token_revoked_on_the_command_line_is_refused_within_a_quarter_of_a_second() {
    let dir = seeded();
    let create = words("token create --role viewer --enterprise acme");
    let secrets: Vec<String> = (0..NOTICE_ROUNDS).map(|_| dir.muster_ok(&create)).collect();
    // Oldest first.
    let tokens: Vec<Value> = serde_json::from_str(&dir.muster_ok(&["token", "list", "--json"])).unwrap();
    assert_eq!(tokens.len(), NOTICE_ROUNDS);
    // Started after the tokens were created, so that it has them in memory and must detect each revocation.
    let server = dir.serve();
    let rounds = secrets.iter().zip(&tokens).map(|(secret, token)| {
        let mut holder = WireClient::new(server.address(), secret.trim());
        holder.get("/enterprise/acme/contacts/summary");
        revoke(&dir, token, &mut holder)
    });
    assert_noticed_in_time(rounds.collect());
}

#[test]
fn config_shows_every_value_with_its_origin() {
    let dir = WorkDir::new();
    std::fs::create_dir(dir.path("here")).unwrap();
    dir.write("here/muster.toml", "body-max = \"2MiB\"\nrequest-timeout = \"7s\"\nshoe-size = 42\n");
    let mut command = dir.command(&words("config --data-dir here --listen 127.0.0.1:0"));
    command.env("MUSTER_REQUEST_TIMEOUT", "9s").env("MUSTER_BODYMAX", "1").env("MUSTER_LOG_LEVEL", "");
    let ended = RunningCommand::start(command).finish();
    assert_eq!(ended.code, Some(0));
    for line in [
        "data-dir = \"here\"  # --data-dir",
        "listen = \"127.0.0.1:0\"  # --listen",
        "request-timeout = \"9s\"  # MUSTER_REQUEST_TIMEOUT",
        "body-max = \"2MiB\"  # here/muster.toml",
        "log-level = \"info\"  # default",
    ] {
        assert!(ended.stdout.lines().any(|own| own == line), "{}\nlacks {line}", ended.stdout);
    }
    let warnings: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(warnings.len(), 2, "{}", ended.stderr);
    assert!(
        warnings[0].contains("WARN")
            && warnings[0].contains("MUSTER_BODYMAX")
            && warnings[0].contains("MUSTER_BODY_MAX?")
    );
    assert!(warnings[1].contains("WARN") && warnings[1].contains("shoe-size") && warnings[1].contains("muster.toml"));
    // The output is a settings file with the same values.
    dir.write("saved.toml", &ended.stdout);
    let again = dir.muster_ok(&words("config --config saved.toml"));
    let values =
        |text: &str| text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&ended.stdout));
}

#[test]
fn commands_say_everything_as_text_also_where_the_log_of_the_server_is_json() {
    let dir = seeded();
    dir.write("muster-data/muster.toml", "log = \"json\"\nshoe-size = 42\n");
    let ended = dir.muster(&words("token create --role viewer"));
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stderr.contains("WARN") && ended.stderr.contains("INFO") && !ended.stderr.contains('{'),
        "{}",
        ended.stderr
    );
    let mut command = dir.command(&words("serve --listen 127.0.0.1:0"));
    let mut server = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stderr.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(line.starts_with('{') && line.contains("shoe-size"), "{line}");
}

#[test]
fn a_cause_is_said_once() {
    let dir = seeded();
    dir.write("key.pem", "");
    let check = |arguments: &str, cause: &str| {
        let ended = dir.muster(&words(arguments));
        assert_ne!(ended.code, Some(0));
        assert_eq!(ended.stderr.matches(cause).count(), 1, "{arguments}: {}", ended.stderr);
    };
    check("serve --listen 127.0.0.1:0 --tls-cert gone.pem --tls-key key.pem", "No such file or directory");
    check("import gone.csv --enterprise acme --employee u1", "No such file or directory");
    check("export --enterprise acme --output gone/x.csv", "No such file or directory");
    check("restore gone.db", "there is no such file");
    check("backup gone/x.db", "does not exist");
    check("check --config gone.toml", "No such file or directory");
    check("health --listen 127.0.0.1:9", "Connection refused");
}

#[test]
fn the_data_directory_may_be_named_before_and_after_a_command() {
    let dir = WorkDir::new();
    dir.write("seed.csv", SEED);
    dir.muster_ok(&words(&format!("--data-dir a {SEED_ARGUMENTS}")));
    dir.muster_ok(&words(&format!("{SEED_ARGUMENTS} --data-dir b")));
    let before = dir.muster_ok(&words("--data-dir a token create --role viewer"));
    let behind = dir.muster_ok(&words("token create --role viewer --data-dir b"));
    assert!(before != behind && dir.exists("a/muster.db") && dir.exists("b/muster.db"));
    assert!(!dir.data_dir().exists());
    let mut command = dir.command(&["check"]);
    command.env("MUSTER_DATA_DIR", "a");
    assert_eq!(RunningCommand::start(command).finish().code, Some(0));
}

#[test]
fn completions_are_scripts_for_each_shell() {
    let dir = WorkDir::new();
    for (shell, mark) in [("bash", "complete -F _muster"), ("zsh", "#compdef muster"), ("fish", "complete -c muster")] {
        // Invalid settings must not keep a shell from starting.
        let mut command = dir.command(&["completions", shell]);
        command.env("MUSTER_LISTEN", "nowhere");
        let ended = RunningCommand::start(command).finish();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(ended.stdout.contains(mark) && ended.stdout.contains("create-missing"), "{shell}");
    }
    assert!(!dir.data_dir().exists());
}

/// A pipe whose reader is closed.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_list_or_text_that_is_cut_short_ends_without_an_error() {
    let dir = seeded();
    for arguments in ["token list", "token list --json", "completions bash", "man", "--help", "--version"] {
        let mut command = dir.command(&words(arguments));
        let output = command.stdout(closed_pipe()).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_no_panic(&stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {stderr}");
        assert!(!stderr.contains("muster: "), "{arguments}: {stderr}");
    }
    // Without a reader of the error message, the exit code still reports the failure.
    for (arguments, code) in [
        ("import seed.csv --enterprise acme --employee u1", 0),
        ("token create --role viewer", 0),
        ("import missing.csv --enterprise acme --employee u1", FAILED),
        ("import seed.csv", USAGE),
    ] {
        let mut command = dir.command(&words(arguments));
        let status = command.stdout(Stdio::null()).stderr(closed_pipe()).stdin(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments}");
    }
}

#[test]
fn without_a_command_the_server_starts() {
    let dir = seeded();
    let token = dir.token("viewer");
    let server = TestServer::start(&dir, &token, dir.command(&words("--listen 127.0.0.1:0")));
    assert_eq!(server.client().get("/enterprise/acme/contacts/summary")["data"]["totalContacts"], 1);
    drop(server);
    // An existing empty folder is accepted, and the first start logs how to sign in.
    let dir = WorkDir::new();
    std::fs::create_dir(dir.data_dir()).unwrap();
    let server = TestServer::start(&dir, "", dir.command(&words("--listen 127.0.0.1:0")));
    eventually("the log states how", || server.log().contains("muster token create").then_some(()));
}

#[test]
fn a_server_that_is_stopped_as_soon_as_it_serves_shuts_down_gracefully() {
    let dir = seeded();
    let token = dir.token("viewer");
    for _ in 0..20 {
        drop(dir.serve_as(&token, &[]));
    }
}

#[test]
fn a_request_in_flight_is_finished_before_the_server_stops() {
    let dir = seeded();
    let mut server = dir.serve();
    let client = server.client();
    let body = json!({"userId": "u1", "contactInfo": {"name": "Late"}}).to_string();
    let request = client.request("POST", "/AddContact", &[("Expect", "100-continue")], body.as_bytes());
    let (head, rest) = request.split_at(request.len() - body.len());
    let mut connection = client.connect().unwrap();
    connection.get_mut().write_all(head).unwrap();
    // The server has started to process the request when it requests the body.
    let mut line = String::new();
    connection.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");
    connection.read_line(&mut String::new()).unwrap();
    server.terminate();
    eventually("the server is stopping", || server.log().contains("stopping").then_some(()));
    eventually("no new connection is taken", || client.connect().is_err().then_some(()));
    connection.get_mut().write_all(rest).unwrap();
    read_reply(&mut connection).unwrap().expect(201);
    drop(server);
    assert!(dir.muster_ok(&["check"]).starts_with("clean: 2 contacts"));
}

#[test]
fn a_dry_run_reports_everything_and_leaves_no_files() {
    let dir = WorkDir::new();
    dir.write("rows.csv", "name,email,latitude\nAda,a@x.example,north\nBob,b@x.example,1\nBob,b@x.example,1\n");
    std::fs::create_dir(dir.path("temporary")).unwrap();
    let arguments =
        words("import rows.csv --enterprise acme --department sales --employee u1 --create-missing --dry-run");
    let dry_run = || {
        let mut command = dir.command(&arguments);
        command.env("TMPDIR", dir.path("temporary"));
        let ended = RunningCommand::start(command).finish();
        assert_eq!(ended.code, Some(FAILED), "a row is bad: {}", ended.stderr);
        assert!(ended.stderr.contains("1 there already, 1 rejected"), "{}", ended.stderr);
        assert!(!dir.exists("rows.csv.rejects.csv"));
        assert_eq!(std::fs::read_dir(dir.path("temporary")).unwrap().count(), 0);
        ended.stderr
    };
    assert!(dry_run().contains("1 would be imported"));
    assert!(!dir.data_dir().exists());
    // The same with an existing database, and beside a server.
    dir.write("seed.csv", SEED);
    dir.muster_ok(&words(SEED_ARGUMENTS));
    dry_run();
    let server = dir.serve();
    dry_run();
    assert_eq!(server.client().get("/enterprise/acme/contacts/summary")["data"]["totalContacts"], 1);
}

#[test]
fn standard_input_is_imported_like_a_file() {
    let dir = WorkDir::new();
    let arguments = words("import - --enterprise acme --department sales --employee u1 --create-missing");
    let mut command: Command = dir.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(SEED.as_bytes()).unwrap();
    let mut report = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut report).unwrap();
    assert!(report.starts_with("standard input: 1 rows read"), "{report}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(dir.muster_ok(&["check"]).starts_with("clean: 1 contacts"));
}

#[test]
fn variables_of_the_build_script_are_not_taken_for_settings() {
    // `cargo run` passes these on to the program, which would warn about unknown settings.
    let script = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs")).unwrap();
    let names: Vec<&str> = script
        .split("cargo::rustc-env=")
        .skip(1)
        .map(|rest| rest.split_once('=').expect("a name and a value").0)
        .collect();
    assert!(!names.is_empty());
    assert!(names.iter().all(|name| !name.starts_with("MUSTER_")), "{names:?}");
}

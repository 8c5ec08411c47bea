//! The server's backups: on request and by schedule, their retention, their status, and the report of failures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use muster::clock::Clock;
use muster::config::{BackupSettings, InstallationName};
use muster::domain::access::Role;
use muster::store::{Actor, BackupObserver, back_up, database_path, record_backup, unobserved};
use serde_json::{Value, json};

use crate::support::{
    Client, Directory, Exposition, PausingObserver, TestApp, TestSettings, at, backup_request, people,
};

const DAY: Duration = Duration::from_hours(24);

/// The server makes no scheduled backup for this long after its start.
const START_DELAY: Duration = Duration::from_mins(1);

/// A server with its data in one directory and its backups in a folder of another.
struct Server {
    app: TestApp,
    admin: Client,
    folder: PathBuf,
    /// Dropped last, which deletes its contents.
    backups: Directory,
}

struct Options {
    clock: Clock,
    every: Option<Duration>,
    keep: usize,
    settings: TestSettings,
    observer: Option<Arc<dyn BackupObserver>>,
    name: &'static str,
}

fn options() -> Options {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    Options { clock, every: Some(DAY), keep: 7, settings: TestSettings::default(), observer: None, name: "berlin" }
}

/// The settings of an installation of this name.
fn named(name: &str) -> BackupSettings {
    BackupSettings { installation_name: InstallationName::parse(name), ..BackupSettings::default() }
}

impl Server {
    async fn start(options: Options) -> Self {
        Self::start_beside(options, Directory::in_memory()).await
    }

    /// A server that shares its backup folder with another one.
    async fn start_beside(options: Options, backups: Directory) -> Self {
        let data = Directory::in_memory();
        let folder = backups.path().join("backups");
        let store = data.open_with(options.clock, |_| {});
        let settings = BackupSettings {
            backup_every: options.every,
            backup_keep: options.keep,
            backup_dir: Some(folder.clone()),
            ..named(options.name)
        };
        let app = TestApp::serve_backing_up(store, options.settings, &settings, options.observer);
        app.write(people).await;
        let admin = app.client(Role::Admin).await;
        Self { app, admin, folder, backups }
    }

    /// Restarts the server, with this text appended to the path of its backup folder.
    async fn restart(self, suffix: &str) -> Self {
        let Self { mut app, folder, backups, .. } = self;
        app.stop();
        let (directory, clock) = (app.store.directory().clone(), app.store.clock().clone());
        drop(app);
        let dir = format!("{}{suffix}", folder.display()).into();
        let settings =
            BackupSettings { backup_every: Some(DAY), backup_keep: 7, backup_dir: Some(dir), ..named("berlin") };
        let store = directory.open_with(clock, |_| {});
        let app = TestApp::serve_backing_up(store, TestSettings::default(), &settings, None);
        let admin = app.client(Role::Admin).await;
        Self { app, admin, folder, backups }
    }

    fn clock(&self) -> Clock {
        self.app.store.clock().clone()
    }

    async fn status(&self) -> Value {
        self.admin.get("/backup").await.expect(200)["backup"].clone()
    }

    /// Polls the status of the backups until it meets a condition.
    async fn until(&self, what: &str, is_met: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..2_000 {
            let status = self.status().await;
            if is_met(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain until {what}: {:#}", self.status().await);
    }

    async fn audited(&self) -> Vec<(String, String)> {
        let log = self.admin.get("/audit?action=backup").await.expect(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        log["audit"].as_array().unwrap().iter().map(|act| (text(&act["action"]), text(&act["actor"]))).collect()
    }

    async fn metric(&self, name: &str) -> u64 {
        let page = Exposition::read(&self.admin.get("/metrics").await.text());
        page.count(name, &[])
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_on_request_is_in_the_status_the_metrics_and_the_audit_log() {
    let server = Server::start(options()).await;
    let status = server.status().await;
    assert_eq!((&status["status"], &status["last"], &status["files"]), (&json!("waiting"), &Value::Null, &json!([])));
    assert_eq!(status["nextAt"], "2026-11-22T08:01:00.000Z");
    assert_eq!(server.metric("muster_backup_last_success_timestamp_seconds").await, 0);

    let made = server.admin.post("/backup", json!({})).await.expect(201);
    let file = server.folder.join("berlin/muster-berlin-2026-11-22T08-00-00Z.db");
    assert_eq!(made["backup"]["file"], file.display().to_string());
    assert_eq!(made["backup"]["rows"]["contacts"], 3);
    assert_eq!(made["backup"]["bytes"], std::fs::metadata(&file).unwrap().len());
    assert!(made["backup"]["by"].as_str().unwrap().starts_with("admin (token "), "{made:#}");

    server.clock().advance(Duration::from_secs(90));
    let status = server.status().await;
    assert_eq!(
        (&status["status"], &status["failure"], &status["running"]),
        (&json!("good"), &Value::Null, &Value::Null)
    );
    assert_eq!((&status["last"]["file"], &status["last"]["ageSeconds"]), (&made["backup"]["file"], &json!(90)));
    assert_eq!(status["files"][0]["file"], "berlin/muster-berlin-2026-11-22T08-00-00Z.db");
    assert_eq!((&status["every"], &status["keep"]), (&json!(86_400_000), &json!(7)));
    assert_eq!(status["nextAt"], "2026-11-23T08:00:00.000Z");
    let audited = server.audited().await;
    assert!(audited.len() == 1 && audited[0].0 == "backup.create" && audited[0].1.starts_with("admin (token "));
    let seconds = u64::try_from(at("2026-11-22T08:00:00Z").millis()).unwrap() / 1_000;
    assert_eq!(server.metric("muster_backup_last_success_timestamp_seconds").await, seconds);
    assert_eq!(server.metric("muster_backup_interval_seconds").await, 86_400);
    assert_eq!(server.metric("muster_backups_total").await, 1);
    // The backup is a database like any other.
    let copy = Directory::in_memory();
    std::fs::copy(file, database_path(copy.path())).unwrap();
    drop(copy.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_keeps_the_configured_number_of_backups_and_every_other_file() {
    let server = Server::start(Options { keep: 2, ..options() }).await;
    std::fs::create_dir(&server.folder).unwrap();
    std::fs::write(server.folder.join("by-hand.db"), "precious").unwrap();
    // A partial file of a killed process is deleted.
    std::fs::write(server.folder.join("muster-2026-11-21T08-00-00Z.db.partial"), "half").unwrap();
    for _ in 0..2 {
        server.admin.post("/backup", json!({})).await.expect(201);
    }
    server.clock().advance(DAY);
    server.until("the schedule has made another", |status| status["last"]["by"] == "schedule").await;
    assert_eq!(names(&server.folder), ["berlin", "by-hand.db"].map(str::to_owned).into());
    let expected = ["muster-berlin-2026-11-22T08-00-00Z-2.db", "muster-berlin-2026-11-23T08-00-00Z.db"];
    assert_eq!(names(&server.folder.join("berlin")), expected.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_share_a_backup_folder_do_not_delete_each_others_files() {
    let first = Server::start(Options { keep: 1, ..options() }).await;
    let clock = Clock::manual(at("2026-11-22T09:00:00Z"));
    let second = Server::start_beside(Options { clock, keep: 1, ..options() }, first.backups.clone()).await;
    for server in [&first, &second, &second] {
        server.admin.post("/backup", json!({})).await.expect(201);
    }
    first.clock().advance(DAY);
    first.until("the first has made another", |status| status["last"]["by"] == "schedule").await;
    let expected = ["muster-berlin-2026-11-22T09-00-00Z-2.db", "muster-berlin-2026-11-23T08-00-00Z.db"];
    // Also where nobody gave them names of their own.
    assert_eq!(names(&first.folder.join("berlin")), expected.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_in_one_backup_folder_are_told_apart_by_file_folder_and_listing() {
    let berlin = Server::start(options()).await;
    let clock = Clock::manual(at("2026-11-22T09:00:00Z"));
    let options = Options { clock, name: "hamburg", ..options() };
    let hamburg = Server::start_beside(options, berlin.backups.clone()).await;
    for server in [&berlin, &hamburg] {
        server.admin.post("/backup", json!({})).await.expect(201);
    }
    assert_eq!(names(&berlin.folder), ["berlin", "hamburg"].map(str::to_owned).into());
    let status = berlin.status().await;
    assert_eq!(status["installation"], "berlin");
    assert_eq!(
        status["last"]["file"],
        berlin.folder.join("berlin/muster-berlin-2026-11-22T08-00-00Z.db").display().to_string()
    );
    let listed: Vec<_> =
        status["files"].as_array().unwrap().iter().map(|file| (&file["installation"], &file["file"])).collect();
    let expected = [
        (&json!("hamburg"), &json!("hamburg/muster-hamburg-2026-11-22T09-00-00Z.db")),
        (&json!("berlin"), &json!("berlin/muster-berlin-2026-11-22T08-00-00Z.db")),
    ];
    assert_eq!(listed, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_of_older_versions_are_listed_and_go_when_newer_ones_are_enough() {
    let server = Server::start(Options { keep: 2, ..options() }).await;
    let old = server.folder.join("muster-2026-11-21T08-00-00Z.db");
    std::fs::create_dir(&server.folder).unwrap();
    let made = back_up(&backup_request(server.app.store.directory().path(), &old), &server.clock(), &unobserved());
    record_backup(server.app.store.directory().path(), &Actor::command_line(), &made.unwrap(), &server.clock())
        .unwrap();
    server.admin.post("/backup", json!({})).await.expect(201);
    let status = server.status().await;
    let files = status["files"].as_array().unwrap();
    assert_eq!(
        (&files[1]["file"], &files[1]["installation"]),
        (&json!("muster-2026-11-21T08-00-00Z.db"), &Value::Null)
    );
    server.admin.post("/backup", json!({})).await.expect(201);
    assert!(!old.exists());
    assert_eq!(names(&server.folder.join("berlin")).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_makes_one_backup_a_day_and_survives_a_restart() {
    let server = Server::start(options()).await;
    let clock = server.clock();
    clock.advance(START_DELAY);
    let first = server.until("the first is made", |status| status["status"] == "good").await;
    assert_eq!(first["last"]["by"], "schedule");
    clock.advance(DAY / 2);
    assert_eq!(server.status().await["files"].as_array().unwrap().len(), 1);

    let server = server.restart("").await;
    let status = server.status().await;
    assert_eq!(
        (&status["status"], &status["last"]),
        (&json!("good"), &{
            let mut last = first["last"].clone();
            last["ageSeconds"] = (DAY / 2).as_secs().into();
            last
        })
    );
    assert_eq!(status["nextAt"], "2026-11-23T08:01:00.000Z");
    clock.advance(DAY / 2);
    // The status changes once the backup is recorded; the file exists before that.
    let status = server.until("the second is made", |status| status["last"]["at"] != first["last"]["at"]).await;
    assert_eq!(status["files"].as_array().unwrap().len(), 2);
    assert_eq!(status["files"][0]["file"], "berlin/muster-berlin-2026-11-23T08-01-00Z.db");
    assert_eq!(server.audited().await, pairs(&[("backup.create", "schedule"); 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_matched_by_canonical_folder_path_after_a_restart() {
    let server = Server::start(options()).await;
    server.clock().advance(START_DELAY);
    server.until("the first is made", |status| status["status"] == "good").await;
    let mut server = server;
    for suffix in ["/", "/.", "//./"] {
        server = server.restart(suffix).await;
        assert_eq!(server.status().await["nextAt"], "2026-11-23T08:01:00.000Z", "{suffix}");
        assert_eq!(server.status().await["folder"], server.folder.display().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_dated_in_the_future_does_not_delay_the_schedule() {
    // The clock was years ahead, and is correct when the server restarts.
    let server = Server::start(Options { clock: Clock::manual(at("2036-01-01T00:00:00Z")), ..options() }).await;
    server.clock().advance(START_DELAY);
    server.until("one is made in the future", |status| status["status"] == "good").await;
    server.clock().set_wall(at("2026-11-22T08:00:00Z"));
    let server = server.restart("").await;
    assert_eq!(server.status().await["nextAt"], "2026-11-22T08:01:00.000Z");
    // A backup by another program is newer all the same.
    let (data_dir, elsewhere) = (server.app.store.directory().path(), server.backups.path().join("by-hand.db"));
    let made = back_up(&backup_request(data_dir, &elsewhere), &server.clock(), &unobserved()).unwrap();
    record_backup(data_dir, &Actor::of_program("command line"), &made, &server.clock()).unwrap();
    assert_eq!(server.status().await["last"]["file"], elsewhere.display().to_string());
    server.clock().advance(START_DELAY);
    server.until("the schedule has made one", |status| status["files"].as_array().unwrap().len() == 2).await;
    server.until("it is the last", |status| status["last"]["at"] == "2026-11-22T08:01:00.000Z").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_is_reported_everywhere_and_retried() {
    let server = Server::start(options()).await;
    // A file in the place of the folder represents every reason why no backup can be made.
    std::fs::write(&server.folder, "in the way").unwrap();
    let clock = server.clock();
    clock.advance(START_DELAY);
    let status = server.until("the first attempt has failed", |status| status["failure"]["attempts"] == 1).await;
    let reason = status["failure"]["reason"].as_str().unwrap();
    assert!(reason.contains("it is a file, not a folder"), "{reason}");
    assert_eq!((&status["failure"]["attempts"], &status["nextAt"]), (&json!(1), &json!("2026-11-22T08:02:00.000Z")));
    assert_eq!(server.metric("muster_backup_failures_total").await, 1);
    assert_eq!(server.metric("muster_backup_failing").await, 1);
    // A repeated failure is one entry of the audit log.
    clock.advance(Duration::from_mins(1));
    server.until("it was tried again", |status| status["failure"]["attempts"] == 2).await;
    assert_eq!(server.audited().await, pairs(&[("backup.fail", "schedule")]));
    // A request for a backup gets the reason of the failure, and is audited.
    let problem = server.admin.post("/backup", json!({})).await.problem(503);
    assert!(problem.starts_with("No backup was made: cannot write ") && problem.ends_with(reason), "{problem}");
    assert_eq!(server.audited().await.len(), 2);
    assert_eq!(server.status().await["failure"]["attempts"], 3);

    std::fs::remove_file(&server.folder).unwrap();
    clock.advance(Duration::from_mins(4));
    let status = server.until("the next attempt has succeeded", |status| status["status"] == "good").await;
    assert_eq!(status["failure"], Value::Null);
    assert_eq!(server.metric("muster_backup_failing").await, 0);
    assert_eq!(server.metric("muster_backup_failures_total").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_schedule_off_a_backup_is_made_on_request_only() {
    let server = Server::start(Options { every: None, ..options() }).await;
    server.clock().advance(DAY);
    server.clock().advance(DAY);
    let status = server.status().await;
    assert_eq!((&status["status"], &status["every"], &status["nextAt"]), (&json!("off"), &Value::Null, &Value::Null));
    server.admin.post("/backup", json!({})).await.expect(201);
    let status = server.status().await;
    assert_eq!((&status["status"], &status["last"]["rows"]["contacts"]), (&json!("off"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_runs_at_a_time_and_reports_its_progress() {
    let (observer, pause) = PausingObserver::new();
    let mut settings = TestSettings::default();
    settings.http.request_timeout = Duration::from_millis(200);
    let observer: Arc<dyn BackupObserver> = observer;
    let server = Server::start(Options { settings, observer: Some(observer), ..options() }).await;
    // It takes longer than a request may, so the response states that it continues.
    let begun = server.admin.post("/backup", json!({})).await.expect(202);
    assert_eq!(begun["running"]["startedAt"], "2026-11-22T08:00:00.000Z");
    pause.wait();
    let running = server.status().await["running"].clone();
    assert_eq!(running["stage"], "copying");
    assert!(running["bytesTotal"].as_u64().unwrap() > 0, "{running:#}");
    assert_eq!(server.metric("muster_backup_running").await, 1);
    let problem = server.admin.post("/backup", json!({})).await.problem(409);
    assert_eq!(problem, "A backup is being made already; GET /backup tells how far it is");
    // Reads and writes continue meanwhile.
    server.admin.post("/enterprise", json!({"id": "new", "name": "New"})).await.expect(201);
    pause.release();
    let status = server.until("it is made", |status| status["running"].is_null()).await;
    assert_eq!(status["last"]["rows"]["enterprises"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_during_a_backup_leaves_no_partial_file() {
    let (observer, pause) = PausingObserver::new();
    let mut settings = TestSettings::default();
    settings.http.request_timeout = Duration::from_millis(200);
    let observer: Arc<dyn BackupObserver> = observer;
    let mut server = Server::start(Options { settings, observer: Some(observer), ..options() }).await;
    server.admin.post("/backup", json!({})).await.expect(202);
    pause.wait();
    assert_eq!(names(&server.folder.join("berlin")).len(), 1);
    server.app.request_shutdown();
    pause.release();
    server.app.stop();
    // The release and the shutdown race; what remains is a complete backup or none.
    let left = names(&server.folder.join("berlin"));
    assert!(left.iter().all(|name| !name.contains("partial")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_folder_without_space_fails_the_backup_and_nothing_else() {
    let server = Server::start(options()).await;
    std::fs::create_dir(&server.folder).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=256k", "muster-test"]).arg(&server.folder);
    if !mount.output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount a file system");
        return;
    }
    let reply = server.admin.post("/backup", json!({})).await;
    let left = names(&server.folder);
    let left: BTreeSet<String> = left.into_iter().filter(|name| name != "berlin").collect();
    let in_own = names(&server.folder.join("berlin"));
    assert!(Command::new("umount").arg(&server.folder).status().unwrap().success());
    assert_eq!(in_own, BTreeSet::new());
    let problem = reply.problem(507);
    assert!(problem.contains("there is no room in "), "{problem}");
    assert_eq!(left, BTreeSet::new());
    server.admin.post("/enterprise", json!({"id": "new", "name": "New"})).await.expect(201);
    assert_eq!(server.admin.get("/readyz").await.status, 200);
}

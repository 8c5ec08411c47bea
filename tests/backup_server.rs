//! The server's own backups: on request and by schedule, kept and let go, told of everywhere, and loud when they fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use muster::clock::Clock;
use muster::config::BackupSettings;
use muster::domain::access::Role;
use muster::http::HttpSettings;
use muster::store::{Actor, BackupObserver, back_up, database_path, record_backup, unobserved};
use serde_json::{Value, json};

use crate::support::{Client, Directory, Exposition, Holder, TestApp, at, backup_request, people};

const DAY: Duration = Duration::from_hours(24);

/// A server leaves its backups alone for so long after its start.
const QUIET: Duration = Duration::from_mins(1);

/// A server that has its data in one directory and its backups in a folder of another.
struct Server {
    app: TestApp,
    admin: Client,
    folder: PathBuf,
    /// Goes last, with what is in it.
    backups: Directory,
}

struct Wanted {
    clock: Clock,
    every: Option<Duration>,
    keep: usize,
    http: HttpSettings,
    observer: Option<Arc<dyn BackupObserver>>,
}

fn wanted() -> Wanted {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    Wanted { clock, every: Some(DAY), keep: 7, http: HttpSettings::default(), observer: None }
}

impl Server {
    async fn start(wanted: Wanted) -> Self {
        Self::start_beside(wanted, Directory::in_memory()).await
    }

    /// A server that shares the folder of its backups with whoever else has it.
    async fn start_beside(wanted: Wanted, backups: Directory) -> Self {
        let data = Directory::in_memory();
        let folder = backups.path().join("backups");
        let store = data.open_with(wanted.clock, |_| {});
        let settings = BackupSettings { every: wanted.every, keep: wanted.keep, dir: folder.clone() };
        let app = TestApp::serve_backing_up(store, wanted.http, &settings, wanted.observer);
        app.write(people).await;
        let admin = app.client(Role::Admin).await;
        Self { app, admin, folder, backups }
    }

    /// The same server once more, with the folder of its backups written with something at its end.
    async fn restart(self, behind: &str) -> Self {
        let Self { mut app, folder, backups, .. } = self;
        app.stop();
        let (directory, clock) = (app.store.directory().clone(), app.store.clock().clone());
        drop(app);
        let dir = format!("{}{behind}", folder.display()).into();
        let settings = BackupSettings { every: Some(DAY), keep: 7, dir };
        let store = directory.open_with(clock, |_| {});
        let app = TestApp::serve_backing_up(store, HttpSettings::default(), &settings, None);
        let admin = app.client(Role::Admin).await;
        Self { app, admin, folder, backups }
    }

    fn clock(&self) -> Clock {
        self.app.store.clock().clone()
    }

    async fn told(&self) -> Value {
        self.admin.get("/backup").await.expect(200)["backup"].clone()
    }

    /// Waits until what is told of the backups is so.
    async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..2_000 {
            let told = self.told().await;
            if is_so(&told) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain until {what}: {:#}", self.told().await);
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
async fn an_administrator_makes_a_backup_and_everything_tells_of_it() {
    let server = Server::start(wanted()).await;
    let told = server.told().await;
    assert_eq!((&told["status"], &told["last"], &told["files"]), (&json!("waiting"), &Value::Null, &json!([])));
    assert_eq!(told["nextAt"], "2026-11-22T08:01:00.000Z");
    assert_eq!(server.metric("muster_backup_last_success_timestamp_seconds").await, 0);

    let made = server.admin.post("/backup", json!({})).await.expect(201);
    let file = server.folder.join("muster-2026-11-22T08-00-00Z.db");
    assert_eq!(made["backup"]["file"], file.display().to_string());
    assert_eq!(made["backup"]["rows"]["contacts"], 3);
    assert_eq!(made["backup"]["bytes"], std::fs::metadata(&file).unwrap().len());
    assert!(made["backup"]["by"].as_str().unwrap().starts_with("admin (token "), "{made:#}");

    server.clock().advance(Duration::from_secs(90));
    let told = server.told().await;
    assert_eq!((&told["status"], &told["failure"], &told["running"]), (&json!("good"), &Value::Null, &Value::Null));
    assert_eq!((&told["last"]["file"], &told["last"]["ageSeconds"]), (&made["backup"]["file"], &json!(90)));
    assert_eq!(told["files"][0]["file"], "muster-2026-11-22T08-00-00Z.db");
    assert_eq!((&told["every"], &told["keep"]), (&json!(86_400_000), &json!(7)));
    assert_eq!(told["nextAt"], "2026-11-23T08:00:00.000Z");
    let audited = server.audited().await;
    assert!(audited.len() == 1 && audited[0].0 == "backup.create" && audited[0].1.starts_with("admin (token "));
    let seconds = u64::try_from(at("2026-11-22T08:00:00Z").millis()).unwrap() / 1_000;
    assert_eq!(server.metric("muster_backup_last_success_timestamp_seconds").await, seconds);
    assert_eq!(server.metric("muster_backup_interval_seconds").await, 86_400);
    assert_eq!(server.metric("muster_backups_total").await, 1);
    // It is a database like any other.
    let copy = Directory::in_memory();
    std::fs::copy(file, database_path(copy.path())).unwrap();
    drop(copy.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_are_kept_as_wanted_and_what_others_put_there_stays() {
    let server = Server::start(Wanted { keep: 2, ..wanted() }).await;
    std::fs::create_dir(&server.folder).unwrap();
    std::fs::write(server.folder.join("by-hand.db"), "precious").unwrap();
    // What a killed process left is cleared away.
    std::fs::write(server.folder.join("muster-2026-11-21T08-00-00Z.db.partial"), "half").unwrap();
    for _ in 0..2 {
        server.admin.post("/backup", json!({})).await.expect(201);
    }
    server.clock().advance(DAY);
    server.until("the schedule has made another", |told| told["last"]["by"] == "schedule").await;
    let expected =
        ["by-hand.db", "muster-2026-11-22T08-00-00Z-2.db", "muster-2026-11-23T08-00-00Z.db"].map(str::to_owned);
    assert_eq!(names(&server.folder), expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_share_a_folder_delete_none_of_each_other() {
    let first = Server::start(Wanted { keep: 1, ..wanted() }).await;
    let clock = Clock::manual(at("2026-11-22T09:00:00Z"));
    let second = Server::start_beside(Wanted { clock, keep: 1, ..wanted() }, first.backups.clone()).await;
    for server in [&first, &second, &second] {
        server.admin.post("/backup", json!({})).await.expect(201);
    }
    first.clock().advance(DAY);
    first.until("the first has made another", |told| told["last"]["by"] == "schedule").await;
    let expected = ["muster-2026-11-22T09-00-00Z-2.db", "muster-2026-11-23T08-00-00Z.db"].map(str::to_owned);
    assert_eq!(names(&first.folder), expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_makes_one_a_day_and_survives_a_restart() {
    let server = Server::start(wanted()).await;
    let clock = server.clock();
    clock.advance(QUIET);
    let first = server.until("the first is made", |told| told["status"] == "good").await;
    assert_eq!(first["last"]["by"], "schedule");
    clock.advance(DAY / 2);
    assert_eq!(server.told().await["files"].as_array().unwrap().len(), 1);

    let server = server.restart("").await;
    let told = server.told().await;
    assert_eq!(
        (&told["status"], &told["last"]),
        (&json!("good"), &{
            let mut last = first["last"].clone();
            last["ageSeconds"] = (DAY / 2).as_secs().into();
            last
        })
    );
    assert_eq!(told["nextAt"], "2026-11-23T08:01:00.000Z");
    clock.advance(DAY / 2);
    // Told once it is written down; the file is there before.
    let told = server.until("the second is made", |told| told["last"]["at"] != first["last"]["at"]).await;
    assert_eq!(told["files"].as_array().unwrap().len(), 2);
    assert_eq!(told["files"][0]["file"], "muster-2026-11-23T08-01-00Z.db");
    assert_eq!(server.audited().await, pairs(&[("backup.create", "schedule"); 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_no_backup_however_its_folder_is_written() {
    let server = Server::start(wanted()).await;
    server.clock().advance(QUIET);
    server.until("the first is made", |told| told["status"] == "good").await;
    let mut server = server;
    for behind in ["/", "/.", "//./"] {
        server = server.restart(behind).await;
        assert_eq!(server.told().await["nextAt"], "2026-11-23T08:01:00.000Z", "{behind}");
        assert_eq!(server.told().await["folder"], server.folder.display().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_the_future_stands_in_for_none_that_is_made_after_it() {
    // The clock ran ahead by years, and is right when the server starts anew.
    let server = Server::start(Wanted { clock: Clock::manual(at("2036-01-01T00:00:00Z")), ..wanted() }).await;
    server.clock().advance(QUIET);
    server.until("one is made in the future", |told| told["status"] == "good").await;
    server.clock().set_wall(at("2026-11-22T08:00:00Z"));
    let server = server.restart("").await;
    assert_eq!(server.told().await["nextAt"], "2026-11-22T08:01:00.000Z");
    // What somebody else makes is newer all the same.
    let (data_dir, elsewhere) = (server.app.store.directory().path(), server.backups.path().join("by-hand.db"));
    let made = back_up(&backup_request(data_dir, &elsewhere), &server.clock(), &unobserved()).unwrap();
    record_backup(data_dir, &Actor::of_program("command line"), &made, &server.clock()).unwrap();
    assert_eq!(server.told().await["last"]["file"], elsewhere.display().to_string());
    server.clock().advance(QUIET);
    server.until("the schedule has made one", |told| told["files"].as_array().unwrap().len() == 2).await;
    server.until("it is the last", |told| told["last"]["at"] == "2026-11-22T08:01:00.000Z").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_is_loud_everywhere_and_is_tried_again() {
    let server = Server::start(wanted()).await;
    // A file where the folder belongs stands for every reason why none can be made.
    std::fs::write(&server.folder, "in the way").unwrap();
    let clock = server.clock();
    clock.advance(QUIET);
    let told = server.until("the first attempt has failed", |told| told["status"] == "failed").await;
    let reason = told["failure"]["reason"].as_str().unwrap();
    assert!(reason.contains("it is a file, not a folder"), "{reason}");
    assert_eq!((&told["failure"]["attempts"], &told["nextAt"]), (&json!(1), &json!("2026-11-22T08:02:00.000Z")));
    assert_eq!(server.metric("muster_backup_failures_total").await, 1);
    assert_eq!(server.metric("muster_backup_failing").await, 1);
    // The same failure again is one entry of the audit log.
    clock.advance(Duration::from_mins(1));
    server.until("it was tried again", |told| told["failure"]["attempts"] == 2).await;
    assert_eq!(server.audited().await, pairs(&[("backup.fail", "schedule")]));
    // Whoever asks for one is told why there is none, and is written down.
    let problem = server.admin.post("/backup", json!({})).await.problem(503);
    assert!(problem.starts_with("No backup was made: cannot write ") && problem.ends_with(reason), "{problem}");
    assert_eq!(server.audited().await.len(), 2);
    assert_eq!(server.told().await["failure"]["attempts"], 3);

    std::fs::remove_file(&server.folder).unwrap();
    clock.advance(Duration::from_mins(4));
    let told = server.until("the next attempt has succeeded", |told| told["status"] == "good").await;
    assert_eq!(told["failure"], Value::Null);
    assert_eq!(server.metric("muster_backup_failing").await, 0);
    assert_eq!(server.metric("muster_backup_failures_total").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_is_off_says_so_and_still_makes_one_on_request() {
    let server = Server::start(Wanted { every: None, ..wanted() }).await;
    server.clock().advance(DAY);
    server.clock().advance(DAY);
    let told = server.told().await;
    assert_eq!((&told["status"], &told["every"], &told["nextAt"]), (&json!("off"), &Value::Null, &Value::Null));
    server.admin.post("/backup", json!({})).await.expect(201);
    let told = server.told().await;
    assert_eq!((&told["status"], &told["last"]["rows"]["contacts"]), (&json!("off"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_runs_at_a_time_and_tells_how_far_it_is() {
    let (holder, hold) = Holder::new();
    let http = HttpSettings { request_time_max: Duration::from_millis(200), ..HttpSettings::default() };
    let observer: Arc<dyn BackupObserver> = holder;
    let server = Server::start(Wanted { http, observer: Some(observer), ..wanted() }).await;
    // It takes longer than its request may: the answer says that it goes on.
    let begun = server.admin.post("/backup", json!({})).await.expect(202);
    assert_eq!(begun["running"]["startedAt"], "2026-11-22T08:00:00.000Z");
    hold.wait();
    let running = server.told().await["running"].clone();
    assert_eq!(running["stage"], "copying");
    assert!(running["bytesTotal"].as_u64().unwrap() > 0, "{running:#}");
    assert_eq!(server.metric("muster_backup_running").await, 1);
    let problem = server.admin.post("/backup", json!({})).await.problem(409);
    assert_eq!(problem, "A backup is being made already; GET /backup tells how far it is");
    // Reading and writing go on meanwhile.
    server.admin.post("/enterprise", json!({"id": "new", "name": "New"})).await.expect(201);
    hold.release();
    let told = server.until("it is made", |told| told["running"].is_null()).await;
    assert_eq!(told["last"]["rows"]["enterprises"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_during_a_backup_leaves_nothing_of_it() {
    let (holder, hold) = Holder::new();
    let http = HttpSettings { request_time_max: Duration::from_millis(200), ..HttpSettings::default() };
    let observer: Arc<dyn BackupObserver> = holder;
    let mut server = Server::start(Wanted { http, observer: Some(observer), ..wanted() }).await;
    server.admin.post("/backup", json!({})).await.expect(202);
    hold.wait();
    assert_eq!(names(&server.folder).len(), 1);
    server.app.begin_to_stop();
    // Whoever asks for another is refused, or meets a closed door, once the server has noticed.
    hold.release();
    server.app.stop();
    // Letting go and noticing race; what is left is a whole backup or none.
    let left = names(&server.folder);
    assert!(left.iter().all(|name| !name.contains("partial")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_room_fails_the_backup_and_nothing_else() {
    let server = Server::start(wanted()).await;
    std::fs::create_dir(&server.folder).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=256k", "muster-test"]).arg(&server.folder);
    if !mount.output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount a file system");
        return;
    }
    let reply = server.admin.post("/backup", json!({})).await;
    let left = names(&server.folder);
    assert!(Command::new("umount").arg(&server.folder).status().unwrap().success());
    let problem = reply.problem(507);
    assert!(problem.contains("there is no room in "), "{problem}");
    assert_eq!(left, BTreeSet::new());
    server.admin.post("/enterprise", json!({"id": "new", "name": "New"})).await.expect(201);
    assert_eq!(server.admin.get("/readyz").await.status, 200);
}

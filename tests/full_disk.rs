//! A full disk: writes are refused, reads continue, and once there is space every acknowledged write is there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::{TestServer, WireClient, WireReply, WorkDir, eventually, read_reply, run_in_mount_namespace};

/// The size of the disk: enough for an empty database and some thousand contacts.
const DISK_BYTES: usize = 6 * 1024 * 1024;

/// Rows of a file that does not fit.
const ROWS: usize = 30_000;

/// A small disk, mounted as the data directory of a working directory.
struct Disk {
    mounted_at: PathBuf,
}

impl Disk {
    /// Mounts a disk; `None` where this user may not.
    fn mount(dir: &WorkDir) -> Option<Self> {
        let mounted_at = dir.data_dir();
        std::fs::create_dir(&mounted_at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "muster-test"]).arg(&mounted_at);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self { mounted_at })
    }

    fn filler(&self) -> PathBuf {
        self.mounted_at.join("filler")
    }

    /// Takes the remaining space, except for this many bytes.
    fn fill_except(&self, bytes: usize) {
        let mut size = 0;
        for step in [1 << 20, 1 << 16, 1 << 12] {
            loop {
                let content = vec![1; size + step];
                if std::fs::write(self.filler(), content).is_err() {
                    break;
                }
                size += step;
            }
        }
        std::fs::write(self.filler(), vec![1; size.saturating_sub(bytes)]).unwrap();
    }

    /// Enlarges the disk.
    fn grow(&self) {
        let remount = format!("remount,size={}", 8 * DISK_BYTES);
        assert!(Command::new("mount").args(["-o", &remount]).arg(&self.mounted_at).status().unwrap().success());
    }

    fn free_space(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.mounted_at).status();
        if !std::thread::panicking() {
            assert!(unmounted.unwrap().success());
        }
    }
}

/// A client that adds contacts and counts those that were acknowledged.
struct Writer {
    client: WireClient,
    acknowledged: usize,
}

impl Writer {
    /// Sends one contact; returns whether there was space for it.
    fn add(&mut self) -> bool {
        let name = format!("Person {}", self.acknowledged);
        let info = json!({"name": name, "company": "Contoso", "notes": "x".repeat(2_000)});
        let reply = self.client.send("POST", "/saveContact", json!({"userId": "u1", "contactInfo": info}).to_string());
        if reply.status == 507 {
            let problem = reply.json();
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("no space left on the disk") && detail.contains("nothing was changed"), "{detail}");
            return false;
        }
        reply.expect(200);
        self.acknowledged += 1;
        true
    }

    /// Adds contacts until nothing more fits. A refused write may leave space for a smaller one, but not for long.
    fn add_until_full(&mut self) {
        let mut refused = 0;
        for _ in 0..10_000 {
            refused += usize::from(!self.add());
            if refused == 20 {
                return;
            }
        }
        panic!("the disk never fills");
    }

    fn import(&mut self, file: &str) -> WireReply {
        let path = "/enterprise/acme/contacts/import?employee=u1";
        self.client.try_send("POST", path, &[("Content-Type", "text/csv")], file).unwrap()
    }

    fn total(&mut self) -> usize {
        let summary = self.client.get("/enterprise/acme/contacts/summary");
        usize::try_from(summary["data"]["totalContacts"].as_u64().unwrap()).unwrap()
    }
}

/// Signs in and returns the cookie.
fn sign_in(client: &mut WireClient, token: &str) -> String {
    let reply = client.send("POST", "/session", json!({"token": token}).to_string()).expect(200);
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

/// The status of a response to a request with this cookie.
fn status_with(server: &TestServer, cookie: &str) -> u16 {
    let mut connection = server.client().connect().unwrap();
    write!(
        connection.get_mut(),
        "GET /enterprise/acme/contacts/summary HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"
    )
    .unwrap();
    read_reply(&mut connection).unwrap().status
}

#[test]
fn a_full_disk_refuses_writes_answers_reads_and_loses_nothing() {
    let dir = WorkDir::new();
    let Some(disk) = Disk::mount(&dir) else {
        if !run_in_mount_namespace("full_disk::a_full_disk_refuses_writes_answers_reads_and_loses_nothing") {
            // Written to standard error directly, since the test harness hides what a passing test prints.
            let _ =
                writeln!(std::io::stderr(), "SKIPPED: a full disk; this user may not mount one (mount, unshare -Urm)");
        }
        return;
    };
    dir.write("seed.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1"];
    dir.muster_ok(&[&["import", "seed.csv", "--create-missing"], &owner[..]].concat());
    let mut people = "name,email\n".to_owned();
    for row in 0..ROWS {
        let _ = writeln!(people, "Given{row},p{row}@people.example");
    }
    dir.write("people.csv", &people);
    let token = dir.token("admin");

    let server = dir.serve_as(&token, &[]);
    let mut writer = Writer { client: server.client(), acknowledged: 0 };
    disk.fill_except(256 * 1024);
    writer.add_until_full();
    assert!(writer.acknowledged > 0, "nothing fitted at all");
    assert_eq!(writer.total(), 1 + writer.acknowledged);
    assert_eq!(writer.client.get("/Contacts/u1?limit=1000")["totalCount"], 1 + writer.acknowledged);
    // The cache is read and cleared as usual; that this could not be audited is in the log.
    writer.client.send("DELETE", "/cache/clear", "").expect(200);
    assert_eq!(writer.client.get("/enterprise/acme/contacts/summary")["cached"], false);
    assert_eq!(writer.client.get("/cache/stats")["cache"]["totalEntries"], 1);
    let export = writer.client.send("GET", "/enterprise/acme/contacts/export", "").expect(200);
    assert_eq!(export.text().matches("Contoso").count(), writer.acknowledged);
    // The server is not ready and states why, and signing in still works.
    disk.fill_except(0);
    let problem = writer.client.send("GET", "/readyz", "").expect(503).json();
    assert!(problem["detail"].as_str().unwrap().contains("make room"), "{problem:#}");
    assert_eq!(writer.client.get("/healthz")["trouble"]["kind"], "diskFull");
    let cookie = sign_in(&mut writer.client, &token);
    assert_eq!(status_with(&server, &cookie), 200);
    // Another process fails, too, with one line; the part of its file that was committed before is complete.
    let import = dir.muster(&[&["import", "people.csv"], &owner[..]].concat());
    assert_eq!((import.code, import.stdout.as_str()), (Some(1), ""), "{}", import.stderr);
    let last = import.stderr.lines().last().unwrap();
    assert!(last.contains("people.csv") && last.contains("no space") && last.contains("run it again"), "{last}");
    let total = writer.total();

    // Once there is space, writes resume by themselves, and what was kept in memory is stored.
    disk.free_space();
    eventually("the trouble is over", || writer.client.get("/healthz")["trouble"].is_null().then_some(()));
    writer.client.send("GET", "/readyz", "").expect(200);
    assert!(writer.add());
    eventually("the session is stored", || {
        let stored = dir.database().query_row("SELECT count(*) FROM session", [], |row| row.get::<_, i64>(0));
        (stored == Ok(1)).then_some(())
    });
    let clears = writer.client.get("/audit?action=cache.clear");
    assert_eq!(clears["totalCount"], 1);
    let total = total + 1;

    // A server stops and starts on a full disk as on any other.
    disk.fill_except(256 * 1024);
    writer.add_until_full();
    let total = writer.total().max(total);
    drop(server);
    disk.fill_except(0);
    let server = dir.serve_as(&token, &[]);
    let mut writer = Writer { client: server.client(), ..writer };
    assert_eq!(writer.total(), total);
    assert_eq!(status_with(&server, &cookie), 200);
    let before = writer.acknowledged;
    writer.add_until_full();
    assert_eq!(writer.total(), total + writer.acknowledged - before);

    // Once there is space, writes resume by themselves.
    disk.free_space();
    assert!(writer.add());
    // An upload that does not fit is aborted; once it fits, it is sent again and its remaining rows are imported.
    let problem = writer.import(&people).expect(507).json();
    assert!(problem["detail"].as_str().unwrap().contains("rows that went in before stay"), "{problem:#}");
    let so_far = writer.total();
    assert!((1 + writer.acknowledged..ROWS).contains(&so_far), "{so_far}");
    disk.grow();
    let report = writer.import(&people).expect(200).json()["report"].clone();
    assert_eq!(report["rejected"], 0);
    assert_eq!(report["imported"], ROWS + 1 + writer.acknowledged - so_far, "{report:#}");
    assert_eq!(writer.total(), ROWS + 1 + writer.acknowledged);
}

#[test]
fn a_disk_that_another_process_has_filled_makes_the_server_not_ready_before_its_own_first_write() {
    let dir = WorkDir::new();
    let Some(disk) = Disk::mount(&dir) else {
        let name =
            "full_disk::a_disk_that_another_process_has_filled_makes_the_server_not_ready_before_its_own_first_write";
        if !run_in_mount_namespace(name) {
            let _ = writeln!(std::io::stderr(), "SKIPPED: a disk that another process filled; see above");
        }
        return;
    };
    let server = dir.serve();
    let mut client = server.client();
    client.get("/readyz");
    disk.fill_except(0);
    let problem = client.send("GET", "/readyz", "").expect(503).json();
    assert!(problem["detail"].as_str().unwrap().contains("make room"), "{problem:#}");
    assert_eq!(client.get("/healthz")["trouble"]["kind"], "diskFull");
    let health = dir.muster(&["health"]);
    assert_eq!((health.code, health.stderr.contains("make room")), (Some(1), true), "{}", health.stderr);
    disk.free_space();
    eventually("the server is ready again", || (client.send("GET", "/readyz", "").status == 200).then_some(()));
}

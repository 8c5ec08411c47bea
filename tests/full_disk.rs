//! A full disk: writes are told so, reads go on, and when there is room again everything is as it was acknowledged.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::{Place, WireClient, WireReply};

/// The size of the disk: enough for an empty database and some thousand contacts.
const DISK_BYTES: usize = 6 * 1024 * 1024;

/// Rows of a file that does not fit.
const ROWS: usize = 30_000;

/// A small disk of its own, mounted where a place has its data directory.
struct Disk {
    mounted_at: PathBuf,
}

impl Disk {
    /// Mounts one; nothing where this user may not.
    fn mount(place: &Place) -> Option<Self> {
        let mounted_at = place.data_dir();
        std::fs::create_dir(&mounted_at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "muster-test"]).arg(&mounted_at);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self { mounted_at })
    }

    fn filler(&self) -> PathBuf {
        self.mounted_at.join("filler")
    }

    /// Takes what room there is, but for so many bytes.
    fn fill_but(&self, bytes: usize) {
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

    /// Makes it a larger disk.
    fn grow(&self) {
        let remount = format!("remount,size={}", 8 * DISK_BYTES);
        assert!(Command::new("mount").args(["-o", &remount]).arg(&self.mounted_at).status().unwrap().success());
    }

    fn make_room(&self) {
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

/// Somebody who adds contacts and counts those that were acknowledged.
struct Writer {
    client: WireClient,
    acknowledged: usize,
}

impl Writer {
    /// Sends one contact; says whether there was room for it.
    fn add(&mut self) -> bool {
        let name = format!("Person {}", self.acknowledged);
        let info = json!({"name": name, "company": "Contoso", "notes": "x".repeat(2_000)});
        let reply = self.client.send("POST", "/saveContact", json!({"userId": "u1", "contactInfo": info}).to_string());
        if reply.status == 507 {
            let problem = reply.json();
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            assert!(problem["detail"].as_str().unwrap().contains("no space"), "{problem:#}");
            return false;
        }
        reply.expect(200);
        self.acknowledged += 1;
        true
    }

    /// Adds until nothing more fits. A refused write may leave a little room for a smaller one, but not for long.
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

#[test]
fn a_full_disk_refuses_writes_answers_reads_and_loses_nothing() {
    let place = Place::new();
    let Some(disk) = Disk::mount(&place) else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    place.write("seed.csv", "name\nGrace\n");
    let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1"];
    place.done(&[&["import", "seed.csv", "--create-missing"], &owner[..]].concat());
    let mut people = "name,email\n".to_owned();
    for row in 0..ROWS {
        let _ = writeln!(people, "Given{row},p{row}@people.example");
    }
    place.write("people.csv", &people);
    let token = place.token("admin");

    let server = place.serve_as(&token, &[]);
    let mut writer = Writer { client: server.client(), acknowledged: 0 };
    disk.fill_but(256 * 1024);
    writer.add_until_full();
    assert!(writer.acknowledged > 0, "nothing fitted at all");
    assert_eq!(writer.total(), 1 + writer.acknowledged);
    assert_eq!(writer.client.get("/Contacts/u1?limit=1000")["totalCount"], 1 + writer.acknowledged);
    // The cache is read and cleared as ever; that this could not be written down stands in the log.
    writer.client.send("DELETE", "/cache/clear", "").expect(200);
    assert_eq!(writer.client.get("/enterprise/acme/contacts/summary")["cached"], false);
    assert_eq!(writer.client.get("/cache/stats")["cache"]["totalEntries"], 1);
    // Another process is told, too, in one line; what of its file went in before is in whole.
    let import = place.muster(&[&["import", "people.csv"], &owner[..]].concat());
    assert_eq!((import.code, import.stdout.as_str()), (Some(1), ""), "{}", import.stderr);
    let last = import.stderr.lines().last().unwrap();
    assert!(last.contains("people.csv") && last.contains("no space") && last.contains("run it again"), "{last}");
    let total = writer.total();

    // A server stops and starts on a full disk as on any other.
    drop(server);
    let server = place.serve_as(&token, &[]);
    let mut writer = Writer { client: server.client(), ..writer };
    assert_eq!(writer.total(), total);
    let before = writer.acknowledged;
    writer.add_until_full();
    assert_eq!(writer.total(), total + writer.acknowledged - before);

    // With room it goes on by itself.
    disk.make_room();
    assert!(writer.add());
    // A file over HTTP that does not fit breaks off; once it fits, it is sent again and the rest goes in.
    assert_eq!(writer.import(&people).status, 507);
    let so_far = writer.total();
    assert!((1 + writer.acknowledged..ROWS).contains(&so_far), "{so_far}");
    disk.grow();
    let report = writer.import(&people).expect(200).json()["report"].clone();
    assert_eq!(report["rejected"], 0);
    assert_eq!(report["imported"], ROWS + 1 + writer.acknowledged - so_far, "{report:#}");
    assert_eq!(writer.total(), ROWS + 1 + writer.acknowledged);
}

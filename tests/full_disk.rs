//! A full disk: writes are told so, reads go on, and when there is room again everything is as it was acknowledged.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Place, WireClient};

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

fn add(client: &mut WireClient, number: usize) -> u16 {
    let info = json!({"name": format!("Person {number}"), "company": "Contoso", "notes": "x".repeat(2_000)});
    let body = json!({"userId": "u1", "contactInfo": info}).to_string();
    let reply = client.send("POST", "/saveContact", body);
    if reply.status == 507 {
        let problem = reply.json();
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert!(problem["detail"].as_str().unwrap().contains("no space"), "{problem:#}");
    }
    reply.status
}

fn total(client: &mut WireClient) -> Value {
    client.get("/enterprise/acme/contacts/summary")["data"]["totalContacts"].clone()
}

/// Adds contacts until there is no room; gives how many went in.
fn add_until_full(client: &mut WireClient) -> usize {
    for number in 0..10_000 {
        match add(client, number) {
            200 => {}
            507 => return number,
            other => panic!("status {other}"),
        }
    }
    panic!("the disk never fills");
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
    let rows: String = (0..ROWS).map(|row| format!("Given{row},p{row}@people.example\n")).collect();
    place.write("people.csv", format!("name,email\n{rows}"));
    {
        let server = place.serve();
        let mut client = server.client();
        disk.fill_but(256 * 1024);
        let added = add_until_full(&mut client);
        assert!(added > 0, "nothing fitted at all");
        for again in 0..20 {
            assert_eq!(add(&mut client, again), 507);
            assert_eq!(total(&mut client), added + 1);
        }
        client.send("GET", "/readyz", "");
        client.get("/Contacts/u1?limit=10");
        // Another process is told, too, in one line.
        let import = place.muster(&[&["import", "people.csv"], &owner[..]].concat());
        assert_eq!((import.code, import.stdout.as_str()), (Some(1), ""), "{}", import.stderr);
        let last = import.stderr.lines().last().unwrap();
        assert!(last.contains("people.csv") && last.contains("no space") && last.contains("run it again"), "{last}");
        // With room it goes on by itself.
        disk.make_room();
        assert_eq!(add(&mut client, 0), 200);
        assert_eq!(total(&mut client), added + 2);
        // The same for a file over HTTP: what of it is in is in whole, and once it fits the rest goes in.
        let import = "/enterprise/acme/contacts/import?employee=u1";
        let reply = client.try_send("POST", import, &[("Content-Type", "text/csv")], place.read("people.csv")).unwrap();
        assert_eq!(reply.status, 507, "{}", reply.text());
        let so_far = total(&mut client).as_u64().unwrap();
        assert!((added as u64 + 2..ROWS as u64).contains(&so_far), "{so_far}");
        assert_eq!(add(&mut client, 1), 507);
        let remount = format!("remount,size={}", 16 * DISK_BYTES);
        assert!(Command::new("mount").args(["-o", &remount]).arg(place.data_dir()).status().unwrap().success());
        let reply = client.try_send("POST", import, &[("Content-Type", "text/csv")], place.read("people.csv")).unwrap();
        let report = reply.expect(200).json()["report"].clone();
        assert_eq!(report["imported"].as_u64().unwrap() + so_far, (ROWS + added) as u64 + 2, "{report:#}");
        assert_eq!(total(&mut client), ROWS + added + 2);
    }
}

//! Clients that import files, over HTTP and by a command beside the server, and record which were acknowledged.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Random, WireClient, WorkDir};

/// Rows of a file.
const ROWS: usize = 8;

/// How often a command is polled for its end.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A client whose contacts come only from files.
pub struct Importer {
    pub user: &'static str,
    /// The number of acknowledged files.
    pub files: usize,
    /// Whether the file after them may be imported, in part or completely.
    pub is_unanswered: bool,
}

impl Importer {
    pub fn new(user: &'static str) -> Self {
        Self { user, files: 0, is_unanswered: false }
    }

    fn name(&self, file: usize, row: usize) -> String {
        format!("{} file {file} row {row}", self.user)
    }

    /// The next file.
    fn file(&self) -> String {
        let mut text = "name,email\n".to_owned();
        for row in 0..ROWS {
            let _ = writeln!(text, "{},{}.{}.{row}@people.example", self.name(self.files, row), self.user, self.files);
        }
        text
    }

    /// Imports over HTTP until the server is killed.
    pub fn send_until_killed(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        while self.send(&mut client) {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends the next file; returns whether it was answered. A file that may be imported already is sent again.
    pub fn send(&mut self, client: &mut WireClient) -> bool {
        let path = format!("/enterprise/acme/contacts/import?employee={}", self.user);
        let headers = [("Content-Type", "text/csv")];
        self.is_unanswered = true;
        let Ok(reply) = client.try_send("POST", &path, &headers, self.file()) else { return false };
        let report = reply.expect(200).json()["report"].clone();
        assert_eq!((&report["rows"], &report["rejected"]), (&ROWS.into(), &0.into()), "{report:#}");
        self.files += 1;
        self.is_unanswered = false;
        true
    }

    /// Imports by one command after the other. When the server is killed, the command is killed with it, or continues
    /// to its end.
    pub fn run_until_killed(
        &mut self,
        dir: &WorkDir,
        killed: &AtomicBool,
        random: &mut Random,
        acknowledged: &AtomicUsize,
    ) {
        while !killed.load(Ordering::Relaxed) {
            self.is_unanswered = true;
            dir.write("people.csv", self.file());
            if end_with_server(self.command(dir), killed, random) {
                self.files += 1;
                self.is_unanswered = false;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn command(&self, dir: &WorkDir) -> Command {
        dir.command(&["import", "people.csv", "--enterprise", "acme", "--employee", self.user])
    }

    /// Every acknowledged row must be stored once, and none that was not sent.
    pub fn assert_nothing_lost(&self, client: &mut WireClient) {
        let stored = self.stored(client);
        let acknowledged = self.names(self.files);
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert_eq!(lost, Vec::<&String>::new(), "{}", self.user);
        let sent = self.names(self.files + usize::from(self.is_unanswered));
        let unknown: Vec<_> = stored.difference(&sent).collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{}", self.user);
    }

    /// Sends a file that was not answered again; then all of its rows are stored, once.
    pub fn send_unanswered(&mut self, client: &mut WireClient) {
        if self.is_unanswered {
            assert!(self.send(client));
        }
        assert_eq!(self.stored(client), self.names(self.files), "{}", self.user);
    }

    pub fn rows(&self) -> usize {
        self.files * ROWS
    }

    fn names(&self, files: usize) -> BTreeSet<String> {
        (0..files).flat_map(|file| (0..ROWS).map(move |row| self.name(file, row))).collect()
    }

    fn stored(&self, client: &mut WireClient) -> BTreeSet<String> {
        let mut stored = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let page = client.get(&format!("/Contacts/{}?limit=1000{cursor}", self.user));
            for contact in page["contactList"].as_array().unwrap() {
                assert!(stored.insert(contact["name"].as_str().unwrap().to_owned()), "a row is in twice: {contact}");
            }
            match page["pagination"]["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return stored,
            }
        }
    }
}

/// Runs a command to its end; returns whether it succeeded. When the server is killed meanwhile, the command is killed
/// with it, or continues.
pub fn end_with_server(mut command: Command, killed: &AtomicBool, random: &mut Random) -> bool {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_killed = random.percent(50);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            // Otherwise only the signal ends it.
            assert!(status.success() || (is_killed && status.code().is_none()), "{command:?}: {status}");
            return status.success();
        }
        if is_killed && killed.load(Ordering::Relaxed) {
            child.kill().unwrap();
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

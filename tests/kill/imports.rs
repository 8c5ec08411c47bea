//! Who imports files, over HTTP and by a command beside the server, and knows which went in.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Place, Random, WireClient};

/// Rows of a file.
const ROWS: usize = 8;

/// How often it is looked whether a command has ended.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Somebody whose contacts come from files, and from nowhere else.
pub struct Importer {
    pub user: &'static str,
    /// How many files are in for certain.
    pub files: usize,
    /// Whether the file after them may be in, in part or as a whole.
    pub is_open: bool,
}

impl Importer {
    pub fn new(user: &'static str) -> Self {
        Self { user, files: 0, is_open: false }
    }

    fn name(&self, file: usize, row: usize) -> String {
        format!("{} file {file} row {row}", self.user)
    }

    /// The file that comes next.
    fn file(&self) -> String {
        let mut text = "name,email\n".to_owned();
        for row in 0..ROWS {
            let _ = writeln!(text, "{},{}.{}.{row}@people.example", self.name(self.files, row), self.user, self.files);
        }
        text
    }

    /// Imports over HTTP until the server is gone.
    pub fn send_on(&mut self, mut client: WireClient, acknowledged: &AtomicUsize) {
        while self.send(&mut client) {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends the next file; says whether that was answered. A file that may be in is sent again.
    pub fn send(&mut self, client: &mut WireClient) -> bool {
        let path = format!("/enterprise/acme/contacts/import?employee={}", self.user);
        let headers = [("Content-Type", "text/csv")];
        self.is_open = true;
        let Ok(reply) = client.try_send("POST", &path, &headers, self.file()) else { return false };
        let report = reply.expect(200).json()["report"].clone();
        assert_eq!((&report["rows"], &report["rejected"]), (&ROWS.into(), &0.into()), "{report:#}");
        self.files += 1;
        self.is_open = false;
        true
    }

    /// Imports by a command of its own, again and again. When the server is killed, the command is killed with it, or goes
    /// on to its end.
    pub fn run_on(&mut self, place: &Place, killed: &AtomicBool, random: &mut Random, acknowledged: &AtomicUsize) {
        while !killed.load(Ordering::Relaxed) {
            self.is_open = true;
            place.write("people.csv", self.file());
            if end_with_server(self.command(place), killed, random) {
                self.files += 1;
                self.is_open = false;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn command(&self, place: &Place) -> Command {
        place.command(&["import", "people.csv", "--enterprise", "acme", "--employee", self.user])
    }

    /// Every row that was acknowledged must be there once, and none that was not sent.
    pub fn assert_nothing_lost(&self, client: &mut WireClient) {
        let stored = self.stored(client);
        let acknowledged = self.names(self.files);
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert_eq!(lost, Vec::<&String>::new(), "{}", self.user);
        let sent = self.names(self.files + usize::from(self.is_open));
        let unknown: Vec<_> = stored.difference(&sent).collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{}", self.user);
    }

    /// Sends what may be in once more; then all of it is in, once.
    pub fn settle(&mut self, client: &mut WireClient) {
        if self.is_open {
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

/// Runs a command to its end; says whether it was done. When the server is killed meanwhile, the command is killed with it,
/// or goes on.
pub fn end_with_server(mut command: Command, killed: &AtomicBool, random: &mut Random) -> bool {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_victim = random.percent(50);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            // Nothing but the signal ends it otherwise.
            assert!(status.success() || (is_victim && status.code().is_none()), "{command:?}: {status}");
            return status.success();
        }
        if is_victim && killed.load(Ordering::Relaxed) {
            child.kill().unwrap();
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

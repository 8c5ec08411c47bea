//! Kills with random mistakes of an administrator between them: every start either serves exactly what the files in place
//! had acknowledged, or is refused with a sentence whose way out leads to that. No entity tag ever stands for two states.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{SUMMARY, contents, copy_over, place};
use crate::support::{Random, TestServer, WireClient, WorkDir, eventually, installed};

/// How many rounds by default, and what sets it.
const ROUNDS: usize = 12;
const ROUNDS_VARIABLE: &str = "MUSTER_MISTAKE_ROUNDS";

/// Contacts of one round at most.
const CONTACTS_MAX: usize = 6;

type State = BTreeSet<String>;
type Files = BTreeMap<String, Vec<u8>>;

/// What an administrator may do to the data directory of a killed server.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    Nothing,
    /// `cp backup.db muster.db`, beside the log.
    CopyBackupOver,
    /// The same, and the log removed.
    CopyBackupOverAndRemoveLog,
    /// `mv backup.db muster.db`, beside the log.
    MoveBackupOver,
    /// An earlier `muster.db`, copied while it was served.
    CopyRawOver,
    CopyRawOverAndRemoveLog,
    MoveAway,
    RemoveLog,
    EmptyLog,
    RemoveIndex,
    RemoveHome,
    RemoveLock,
    /// The whole directory copied elsewhere and back.
    CopyWhole,
    /// An earlier copy of all files, restored raw.
    RestoreWhole,
    RestoreByLitestream,
    WrongOwner,
}

const MISTAKES: [Mistake; 16] = [
    Mistake::Nothing,
    Mistake::CopyBackupOver,
    Mistake::CopyBackupOverAndRemoveLog,
    Mistake::MoveBackupOver,
    Mistake::CopyRawOver,
    Mistake::CopyRawOverAndRemoveLog,
    Mistake::MoveAway,
    Mistake::RemoveLog,
    Mistake::EmptyLog,
    Mistake::RemoveIndex,
    Mistake::RemoveHome,
    Mistake::RemoveLock,
    Mistake::CopyWhole,
    Mistake::RestoreWhole,
    Mistake::RestoreByLitestream,
    Mistake::WrongOwner,
];

/// An installation, and what is known of it.
struct Installation {
    dir: WorkDir,
    token: String,
    random: Random,
    /// What was acknowledged of the files that are in place.
    state: State,
    /// Sent, and not answered before the kill.
    unanswered: Option<String>,
    /// Every state that ever was.
    history: Vec<State>,
    /// The content of each entity tag ever seen.
    tags: BTreeMap<String, u64>,
    /// A verified backup, an earlier raw `muster.db`, and earlier files, each with its state.
    backup: Option<State>,
    raw: Option<Vec<u8>>,
    whole: Option<(Files, State, Option<String>)>,
    replica: Option<Child>,
    number: usize,
}

impl Installation {
    fn database(&self) -> std::path::PathBuf {
        self.dir.path("muster-data/muster.db")
    }

    fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.dir.data_dir().join(name));
    }

    /// Serves, adds contacts, makes copies meanwhile, and is killed.
    fn work_until_killed(&mut self, server: TestServer) {
        let mut client = server.client();
        for _ in 0..=self.random.below(CONTACTS_MAX) {
            let name = format!("contact {}", self.number);
            self.number += 1;
            let body = json!({"userId": "u1", "contactInfo": {"name": name}}).to_string();
            client.send("POST", "/AddContact", body).expect(201);
            self.state.insert(name);
            self.history.push(self.state.clone());
            self.note_tag(&mut client);
        }
        match self.random.below(5) {
            0 => {
                self.dir.muster_ok(&["backup", "--force", "backup.db"]);
                self.backup = Some(self.state.clone());
            }
            // Torn or not: it must never be served beside a log that it does not belong to.
            1 => self.raw = Some(fs::read(self.database()).unwrap()),
            2 => {
                let second = self.dir.muster(&["serve", "--listen", "127.0.0.1:0"]);
                assert_eq!(second.code, Some(1), "a second server: {}", second.stderr);
                assert!(second.stderr.contains("is in use by `muster serve`"), "{}", second.stderr);
            }
            3 => {
                // A full disk: every file has its largest size.
                server.limit_file_size("0");
                let reply = client.send("POST", "/AddContact", self.next_contact());
                assert!([503, 507].contains(&reply.status), "{} {}", reply.status, reply.text());
            }
            _ => {
                // Unanswered, since the server is killed meanwhile.
                let body = self.next_contact();
                let mut other = server.client();
                let sending = std::thread::spawn(move || other.try_send("POST", "/AddContact", &[], body));
                server.kill();
                let name = format!("contact {}", self.number - 1);
                match sending.join().unwrap() {
                    Ok(reply) if reply.status == 201 => drop(self.state.insert(name)),
                    _ => self.unanswered = Some(name),
                }
                return;
            }
        }
        server.kill();
    }

    fn next_contact(&mut self) -> String {
        let name = format!("contact {}", self.number);
        self.number += 1;
        json!({"userId": "u1", "contactInfo": {"name": name}}).to_string()
    }

    fn note_tag(&mut self, client: &mut WireClient) {
        let reply = client.send("GET", SUMMARY, "").expect(200);
        let total = reply.json()["data"]["totalContacts"].as_u64().unwrap();
        let tag = reply.header("etag").unwrap().to_owned();
        // Contacts that differ in name alone have other revisions, so the total tells them apart well enough here.
        let before = self.tags.insert(tag.clone(), total);
        assert!(before.is_none_or(|before| before == total), "{tag} stood for {before:?} and stands for {total}");
        let body = reply.header("etag").map(str::to_owned);
        assert_eq!(body.as_deref(), Some(tag.as_str()));
    }

    /// Makes the mistake; returns whether it could be made.
    fn make(&mut self, mistake: Mistake) -> bool {
        let (database, dir) = (self.database(), self.dir.data_dir());
        match mistake {
            Mistake::Nothing => {}
            Mistake::CopyBackupOver | Mistake::CopyBackupOverAndRemoveLog | Mistake::MoveBackupOver => {
                let Some(state) = self.backup.clone() else { return false };
                if matches!(mistake, Mistake::MoveBackupOver) {
                    fs::copy(self.dir.path("backup.db"), self.dir.path("moved.db")).unwrap();
                    fs::rename(self.dir.path("moved.db"), &database).unwrap();
                } else {
                    fs::write(&database, self.dir.read("backup.db")).unwrap();
                }
                if matches!(mistake, Mistake::CopyBackupOverAndRemoveLog) {
                    self.remove("muster.db-wal");
                    self.remove("muster.db-shm");
                }
                self.state = state;
                self.unanswered = None;
            }
            Mistake::CopyRawOver | Mistake::CopyRawOverAndRemoveLog => {
                let Some(raw) = &self.raw else { return false };
                fs::write(&database, raw).unwrap();
                if matches!(mistake, Mistake::CopyRawOverAndRemoveLog) {
                    self.remove("muster.db-wal");
                    self.remove("muster.db-shm");
                }
            }
            Mistake::MoveAway => fs::rename(&database, self.dir.path("away.db")).unwrap(),
            Mistake::RemoveLog => {
                self.remove("muster.db-wal");
                self.remove("muster.db-shm");
            }
            Mistake::EmptyLog => fs::write(dir.join("muster.db-wal"), "").unwrap(),
            Mistake::RemoveIndex => self.remove("muster.db-shm"),
            Mistake::RemoveHome => self.remove("home"),
            Mistake::RemoveLock => self.remove("muster.lock"),
            Mistake::CopyWhole => {
                let files = contents(&dir);
                fs::remove_dir_all(&dir).unwrap();
                fs::create_dir(&dir).unwrap();
                copy_over(&files, &dir);
            }
            Mistake::RestoreWhole => {
                let now = contents(&dir);
                let unanswered = self.unanswered.clone();
                let Some((files, state, unanswered)) = self.whole.replace((now, self.state.clone(), unanswered)) else {
                    return false;
                };
                for name in ["muster.db", "muster.db-wal", "muster.db-shm", "home"] {
                    self.remove(name);
                }
                copy_over(&files, &dir);
                (self.state, self.unanswered) = (state, unanswered);
            }
            Mistake::RestoreByLitestream => return self.restore_by_litestream(),
            Mistake::WrongOwner => {
                // Only root may give files away, and root may use them all the same.
                let given = std::os::unix::fs::chown(&database, Some(65_534), Some(65_534));
                return given.is_ok();
            }
        }
        true
    }

    /// Puts in place what a replica holds; its state is whatever it was sent.
    fn restore_by_litestream(&mut self) -> bool {
        let Some(litestream) = installed("litestream").filter(|_| self.replica.is_some()) else { return false };
        let (restored, replica) =
            (self.dir.path("restored.db"), format!("file://{}", self.dir.path("replica").display()));
        let _ = fs::remove_file(&restored);
        let mut command = Command::new(litestream);
        command.arg("restore").arg("-o").arg(&restored).arg(replica);
        if !command.output().unwrap().status.success() {
            return false;
        }
        for name in ["muster.db", "muster.db-wal", "muster.db-shm"] {
            self.remove(name);
        }
        fs::rename(&restored, self.database()).unwrap();
        // Litestream was not told what happened to the file meanwhile, so the restored one may be damaged.
        let Some(state) = names_in(&self.database()) else { return true };
        self.state = state;
        self.unanswered = None;
        true
    }

    /// What is served is exactly what the files in place had acknowledged.
    fn assert_serves_exactly(&mut self, server: &TestServer, expected: &[State], mistake: Mistake) {
        let mut client = server.client();
        let found: State = client.get("/Contacts/u1?limit=1000")["contactList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|contact| contact["name"].as_str().unwrap().to_owned())
            .collect();
        let mut allowed = Vec::new();
        for state in expected {
            allowed.push(state.clone());
            if let Some(name) = &self.unanswered {
                allowed.push(state.iter().chain([name]).cloned().collect());
            }
        }
        let surplus: Vec<_> = found.difference(&allowed[0]).collect();
        let missing: Vec<_> = allowed[0].difference(&found).collect();
        assert!(allowed.contains(&found), "{mistake:?}: surplus {surplus:?}, missing {missing:?}");
        self.history.push(found.clone());
        self.state = found;
        self.unanswered = None;
        self.note_tag(&mut client);
    }
}

/// The contacts in a single file, if it can be read.
fn names_in(database: &Path) -> Option<State> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut statement = connection.prepare("SELECT name FROM contact").ok()?;
    let names = statement.query_map([], |row| row.get(0)).ok()?;
    names.collect::<rusqlite::Result<_>>().ok()
}

#[test]
fn whatever_an_administrator_does_between_kills_is_served_exactly_or_refused_with_a_way_out() {
    let rounds = std::env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed = Random::seed_of_this_run();
    println!("{}={seed}", Random::SEED_VARIABLE);
    let (dir, token) = place();
    let mut installation = Installation {
        dir: dir.clone(),
        token,
        random: Random::new(seed),
        state: State::new(),
        unanswered: None,
        history: vec![State::new()],
        tags: BTreeMap::new(),
        backup: None,
        raw: None,
        whole: None,
        replica: None,
        number: 0,
    };
    if let Some(litestream) = installed("litestream") {
        let url = format!("file://{}", dir.path("replica").display());
        let mut command = Command::new(litestream);
        command.arg("replicate").arg(installation.database()).arg(url).stdout(Stdio::null()).stderr(Stdio::null());
        installation.replica = Some(command.spawn().unwrap());
    }
    let (mut refused, mut made) = (0, BTreeMap::<String, usize>::new());
    for _ in 0..rounds {
        let server = dir.serve_as(&installation.token, &[]);
        installation.work_until_killed(server);
        if installation.whole.is_none() {
            let (state, unanswered) = (installation.state.clone(), installation.unanswered.clone());
            installation.whole = Some((contents(&dir.data_dir()), state, unanswered));
        }
        let (before, files) = (installation.state.clone(), contents(&dir.data_dir()));
        let unanswered = installation.unanswered.clone();
        let mistake = MISTAKES[installation.random.below(MISTAKES.len())];
        if !installation.make(mistake) {
            copy_over(&files, &dir.data_dir());
            continue;
        }
        *made.entry(format!("{mistake:?}")).or_default() += 1;
        let mut serve = dir.command(&["serve", "--listen", "127.0.0.1:0"]);
        serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        match attempt(serve) {
            Ok(log) => {
                // It serves: started anew, so that the test's server stops and checks it.
                let server = dir.serve_as(&installation.token, &[]);
                let expected = match mistake {
                    // The log brings a raw copy up to date that it belongs to.
                    Mistake::CopyRawOver => vec![before],
                    // Without the log it is what the file held at that moment: a state of the past, and said so.
                    Mistake::CopyRawOverAndRemoveLog => {
                        let found = names_served(&server);
                        assert!(found == before || log.contains("came from elsewhere"), "taken for current: {log}");
                        assert!(installation.history.contains(&found), "a state that never was: {found:?}");
                        vec![found]
                    }
                    _ => vec![installation.state.clone()],
                };
                installation.assert_serves_exactly(&server, &expected, mistake);
            }
            Err(sentence) => {
                refused += 1;
                let ways_out =
                    ["put the", "put it back", "restore a backup", "muster restore", "move muster.db-wal", "stop that"];
                assert!(ways_out.iter().any(|way| sentence.contains(way)), "{mistake:?}: no way out: {sentence}");
                // What was there is put back.
                copy_over(&files, &dir.data_dir());
                (installation.state, installation.unanswered) = (before.clone(), unanswered);
                let server = dir.serve_as(&installation.token, &[]);
                installation.assert_serves_exactly(&server, &[before], mistake);
            }
        }
    }
    if let Some(mut replica) = installation.replica {
        replica.kill().unwrap();
        replica.wait().unwrap();
    }
    let tags = installation.tags.len();
    println!(
        "{rounds} kills with mistakes, {refused} starts refused, {tags} entity tags, none with two meanings: {made:?}"
    );
}

fn names_served(server: &TestServer) -> State {
    let contacts = server.client().get("/Contacts/u1?limit=1000");
    contacts["contactList"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// Starts a server and kills it once it serves: the log so far, or why it ended.
fn attempt(mut serve: Command) -> Result<String, String> {
    use std::io::{BufRead, BufReader};
    let mut child = serve.spawn().unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut log = String::new();
    let serves = eventually("it serves or ends", || {
        while let Ok(line) = lines.try_recv() {
            log.push_str(&line);
            log.push('\n');
        }
        if log.contains("serving http://") {
            return Some(true);
        }
        let has_ended = child.try_wait().unwrap().is_some();
        let is_said = has_ended && log.contains("muster: ");
        is_said.then_some(false)
    });
    let _ = child.kill();
    child.wait().unwrap();
    if serves { Ok(log) } else { Err(log) }
}

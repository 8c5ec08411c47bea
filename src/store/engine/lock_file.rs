//! The text of the lock file: who has the data directory and what for, and how a server is reached.
//!
//! The first line is for programs and the second for people. A server adds a line `name: value` for each thing that
//! commands on the same machine would otherwise have to guess.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::error::OpenError;

pub const LOCK_FILE: &str = "muster.lock";

/// How the first line begins; the purpose follows.
const LOCK_LINE_START: &str = "muster-lock: ";

/// The lines about a server.
const PROCESS: &str = "process";
const PROCESS_NAMESPACE: &str = "process-namespace";
const LISTENING: &str = "listening";
const URL: &str = "url";
const RELOAD: &str = "reload";

/// The words for how a reload went.
const DONE: &str = "done";
const REFUSED: &str = "refused";

/// What the data directory is locked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum LockPurpose {
    /// A server has the database until somebody stops it; commands may open it beside the server.
    Serve,
    /// A command has the database and ends by itself; others may open it beside the command.
    Command,
    /// The database is replaced by a backup; opened beside the holder, it would be the old one.
    Restore,
}

impl LockPurpose {
    pub(super) const ALL: [Self; 3] = [Self::Serve, Self::Command, Self::Restore];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Command => "command",
            Self::Restore => "restore",
        }
    }
}

/// The process that has the lock, as the lock file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct LockHolder {
    /// None where the file does not say, as those of older versions.
    pub(super) purpose: Option<LockPurpose>,
    pub(super) description: String,
}

impl LockHolder {
    pub(super) fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let (purpose, sentence) = match first.strip_prefix(LOCK_LINE_START) {
            Some(word) => (
                LockPurpose::ALL.into_iter().find(|purpose| purpose.as_str() == word.trim()),
                lines.next().unwrap_or_default(),
            ),
            None => (None, first),
        };
        let description = if sentence.trim().is_empty() { "another Muster" } else { sentence.trim() };
        Self { purpose, description: description.to_owned() }
    }

    pub(super) fn is_restoring(&self) -> bool {
        self.purpose == Some(LockPurpose::Restore)
    }

    /// Whether it gives the data directory up when it is done.
    fn ends_by_itself(&self) -> bool {
        matches!(self.purpose, Some(LockPurpose::Command | LockPurpose::Restore))
    }

    pub(in crate::store) fn in_use(self, dir: &Path) -> OpenError {
        let ends_by_itself = self.ends_by_itself();
        OpenError::InUse { path: dir.display().to_string(), holder: self.description, ends_by_itself }
    }
}

/// The text by which this process describes itself.
pub(super) fn text_of(purpose: LockPurpose, holder: &str) -> String {
    format!("{LOCK_LINE_START}{}\n{holder} (process {})\n", purpose.as_str(), std::process::id())
}

/// A server as its lock file describes it to commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningServer {
    pub process: u32,
    /// Where the number of the process is valid; none where the system does not say.
    pub process_namespace: Option<String>,
    /// The address of its port, as a URL that this machine can use.
    pub listening: String,
    /// The address at which people reach it, its base path included.
    pub url: String,
    /// How many reloads it was asked for.
    pub reloads: u64,
    /// How the last of them went; the error is the reason why the files were refused.
    pub last_reload: Option<Result<(), String>>,
}

impl RunningServer {
    /// This process.
    #[must_use]
    pub fn this_process(listening: String, url: String) -> Self {
        let (process, process_namespace) = (std::process::id(), own_process_namespace());
        Self { process, process_namespace, listening, url, reloads: 0, last_reload: None }
    }

    /// Whether the number of its process means the same to this process.
    #[must_use]
    pub fn is_in_own_namespace(&self) -> bool {
        self.process_namespace == own_process_namespace()
    }

    fn parse(text: &str) -> Option<Self> {
        // What a longer text left behind a shorter one comes later.
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned);
        let reload = value(RELOAD).unwrap_or_default();
        let mut words = reload.splitn(3, ' ');
        let reloads = words.next().and_then(|count| count.parse().ok()).unwrap_or(0);
        let last_reload = match words.next() {
            Some(DONE) => Some(Ok(())),
            Some(REFUSED) => Some(Err(words.next().unwrap_or_default().to_owned())),
            _ => None,
        };
        Some(Self {
            process: value(PROCESS)?.parse().ok()?,
            process_namespace: value(PROCESS_NAMESPACE),
            listening: value(LISTENING)?,
            url: value(URL)?,
            reloads,
            last_reload,
        })
    }

    fn lines(&self) -> String {
        let mut text = format!("{PROCESS}: {}\n", self.process);
        if let Some(namespace) = &self.process_namespace {
            let _ = writeln!(text, "{PROCESS_NAMESPACE}: {namespace}");
        }
        let _ = write!(text, "{LISTENING}: {}\n{URL}: {}\n{RELOAD}: {}", self.listening, self.url, self.reloads);
        match &self.last_reload {
            Some(Ok(())) => text.push_str(" done\n"),
            Some(Err(reason)) => {
                let _ = writeln!(text, " {REFUSED} {}", reason.replace('\n', " "));
            }
            None => text.push('\n'),
        }
        text
    }
}

/// Writes into the lock file of a data directory, whose lock this process has, how its server is reached.
pub fn describe_server(dir: &Path, server: &RunningServer) -> io::Result<()> {
    let path = dir.join(LOCK_FILE);
    let head: String = fs::read_to_string(&path)?.split_inclusive('\n').take(2).collect();
    let text = head + &server.lines();
    let mut file = File::options().write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path)?;
    // The new text first: who reads meanwhile finds it, or the old one.
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The server that the lock file of a data directory describes. It may have been killed since.
#[must_use]
pub fn described_server(dir: &Path) -> Option<RunningServer> {
    RunningServer::parse(&fs::read_to_string(dir.join(LOCK_FILE)).ok()?)
}

/// Writes down how a reload of this process's server went.
pub fn note_reload(dir: &Path, outcome: Result<(), String>) -> io::Result<()> {
    let Some(server) = described_server(dir).filter(|server| server.process == std::process::id()) else {
        return Ok(());
    };
    describe_server(dir, &RunningServer { reloads: server.reloads + 1, last_reload: Some(outcome), ..server })
}

fn own_process_namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_read_also_from_the_files_of_older_versions() {
        let check = |text: &str, purpose: Option<LockPurpose>, description: &str, ends: bool| {
            let holder = LockHolder::parse(text);
            assert_eq!(holder, LockHolder { purpose, description: description.to_owned() }, "{text:?}");
            assert_eq!(holder.ends_by_itself(), ends, "{text:?}");
        };
        check("muster-lock: restore\n`x` (process 7)\n", Some(LockPurpose::Restore), "`x` (process 7)", true);
        check("muster-lock: command\n`x` (process 7)\n", Some(LockPurpose::Command), "`x` (process 7)", true);
        check("muster-lock: serve\n`x` (process 7)\nurl: y\n", Some(LockPurpose::Serve), "`x` (process 7)", false);
        check("muster-lock: command\n", Some(LockPurpose::Command), "another Muster", true);
        check("muster-lock: use\n`muster serve` (process 7)\n", None, "`muster serve` (process 7)", false);
        check("`muster restore` (process 7)\n", None, "`muster restore` (process 7)", false);
        check("", None, "another Muster", false);
        for purpose in LockPurpose::ALL {
            assert_eq!(LockHolder::parse(&text_of(purpose, "`x`")).purpose, Some(purpose));
        }
    }

    #[test]
    fn a_server_is_described_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        fs::write(&path, text_of(LockPurpose::Serve, "`muster serve`")).unwrap();
        assert_eq!(described_server(dir.path()), None);
        let mut server = RunningServer::this_process("https://[::1]:9".to_owned(), "https://x.example/m".to_owned());
        assert!(server.is_in_own_namespace());
        describe_server(dir.path(), &server).unwrap();
        assert_eq!(described_server(dir.path()), Some(server.clone()));
        for outcome in [Err("the file\nis gone".to_owned()), Ok(())] {
            note_reload(dir.path(), outcome.clone()).unwrap();
            server.reloads += 1;
            server.last_reload = Some(outcome.map_err(|reason| reason.replace('\n', " ")));
            assert_eq!(described_server(dir.path()), Some(server.clone()));
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(LockHolder::parse(&text).purpose, Some(LockPurpose::Serve));
        assert!(!text.contains("is gone"), "a shorter text leaves nothing of a longer one: {text}");
        // Another process's server is none of this one's.
        let other = RunningServer { process: 1, ..server };
        describe_server(dir.path(), &other).unwrap();
        note_reload(dir.path(), Ok(())).unwrap();
        assert_eq!(described_server(dir.path()), Some(other));
    }
}

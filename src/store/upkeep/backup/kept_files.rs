//! The files of the machine that a backup keeps beside the data, in a table that no database in use has.
//!
//! What they are and where they may be put back is decided in `backups`; here they are only written and read.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::error::BackupError;
use crate::domain::time::Timestamp;
use crate::store::engine::connection;

/// The table, as its text stands in the schema of a backup. A restore admits a table of this name only with this text.
pub const KEPT_FILE_TABLE: &str = "CREATE TABLE kept_file (
    position     INTEGER PRIMARY KEY,
    installation TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    mode         INTEGER NOT NULL,
    owner        TEXT,
    owner_group  TEXT,
    modified_at  INTEGER NOT NULL,
    content      BLOB    NOT NULL
) STRICT";

/// The most files that are read from a backup. A machine has a handful; a crafted file may claim any number.
const FILES_MAX: usize = 256;

/// The largest content of a kept file, in bytes: many times the largest settings file or chain of certificates.
pub const KEPT_FILE_BYTES_MAX: u64 = 1 << 20;

/// What a kept file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptKind {
    /// The data directory itself: its mode and owner, without content.
    DataDir,
    /// The settings, as a settings file that reproduces them.
    Settings,
    /// A unit of systemd, or a drop-in of it.
    Unit,
    /// The server's certificate with its chain.
    Certificate,
    /// The private key of the certificate.
    Key,
}

impl KeptKind {
    const ALL: [Self; 5] = [Self::DataDir, Self::Settings, Self::Unit, Self::Certificate, Self::Key];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataDir => "data-dir",
            Self::Settings => "settings",
            Self::Unit => "unit",
            Self::Certificate => "certificate",
            Self::Key => "key",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A file of the machine, as it was when the backup was made.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptFile {
    pub kind: KeptKind,
    /// Its absolute path.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// The names of its owner and its group, where the machine had names for them.
    pub owner: Option<String>,
    pub group: Option<String>,
    pub modified_at: Timestamp,
    pub content: Vec<u8>,
}

/// Without the content, which may be a private key.
impl fmt::Debug for KeptFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, path, mode, owner, group, modified_at, content: _ } = self;
        let fields = (kind, path, mode, owner, group, modified_at);
        f.debug_tuple("KeptFile").field(&fields).finish_non_exhaustive()
    }
}

/// The files that a backup keeps, and what the installation that made it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptFiles {
    /// Empty where the backup does not tell.
    pub installation: String,
    pub files: Vec<KeptFile>,
}

/// Puts the files into a backup that is a single file and that no other process has open. Without files there is no
/// table.
pub(super) fn write(path: &Path, kept: &KeptFiles) -> rusqlite::Result<()> {
    const ADD: &str = "INSERT INTO kept_file (installation, kind, path, mode, owner, owner_group, modified_at, content)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let connection = connection::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // An unfinished backup is deleted, and a finished one is flushed before it gets its name.
    let _: String = connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.unchecked_transaction()?;
    remove(&transaction)?;
    if !kept.files.is_empty() {
        transaction.execute_batch(KEPT_FILE_TABLE)?;
        let mut add = transaction.prepare(ADD)?;
        for file in &kept.files {
            let KeptFile { kind, path, mode, owner, group, modified_at, content } = file;
            let (kind, modified_at) = (kind.as_str(), modified_at.millis());
            add.execute(params![kept.installation, kind, path, mode, owner, group, modified_at, content])?;
        }
    }
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

/// The files that a backup keeps; none where it has no such table.
pub(in crate::store) fn read(connection: &Connection) -> Result<KeptFiles, BackupError> {
    const TEXT: &str = "SELECT coalesce(sql, '') FROM sqlite_schema WHERE lower(name) = 'kept_file'";
    const FILES: &str = "SELECT installation, kind, path, mode, owner, owner_group, modified_at, content
                           FROM kept_file ORDER BY position LIMIT ?1";
    const TOO_LARGE: &str = "SELECT EXISTS (SELECT 1 FROM kept_file WHERE length(content) > ?1)";
    let unsound = |reason: &str| BackupError::Unsound(format!("its table kept_file {reason}"));
    let mut statement = connection.prepare(TEXT)?;
    let texts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    match &texts[..] {
        [] => return Ok(KeptFiles::default()),
        [text] if text == KEPT_FILE_TABLE => {}
        _ => return Err(unsound("is not as Muster makes it")),
    }
    if connection.query_row(TOO_LARGE, [KEPT_FILE_BYTES_MAX], |row| row.get(0))? {
        return Err(unsound("has a file that is too large"));
    }
    let mut kept = KeptFiles::default();
    let mut statement = connection.prepare(FILES)?;
    let mut rows = statement.query([FILES_MAX + 1])?;
    while let Some(row) = rows.next()? {
        kept.installation = row.get(0)?;
        let kind: String = row.get(1)?;
        let Some(kind) = KeptKind::parse(&kind) else {
            return Err(unsound(&format!("has a file of a kind that this Muster does not know: {kind:?}")));
        };
        kept.files.push(KeptFile {
            kind,
            path: row.get(2)?,
            mode: row.get::<_, u32>(3).map_err(|_| unsound("has a mode that is none"))?,
            owner: row.get(4)?,
            group: row.get(5)?,
            modified_at: Timestamp::from_millis(row.get(6)?),
            content: row.get(7)?,
        });
    }
    if kept.files.len() > FILES_MAX { Err(unsound("has too many files")) } else { Ok(kept) }
}

/// Removes the table where there is one: a database in use has none.
pub(in crate::store) fn remove(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DROP TABLE IF EXISTS kept_file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> KeptFiles {
        let file = |kind, path: &str, content: &[u8]| KeptFile {
            kind,
            path: path.to_owned(),
            mode: 0o640,
            owner: Some("muster".to_owned()),
            group: None,
            modified_at: Timestamp::from_millis(1_234),
            content: content.to_owned(),
        };
        let files = vec![
            file(KeptKind::Settings, "/var/lib/muster/muster.toml", b"log = 'json'"),
            file(KeptKind::Key, "/etc/muster/key.pem", &[0, 255]),
        ];
        KeptFiles { installation: "berlin".to_owned(), files }
    }

    fn database() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        (dir, path)
    }

    #[test]
    fn kept_files_read_back_as_they_were_and_are_replaced_and_removed_whole() {
        let (_dir, path) = database();
        let read_back = || read(&Connection::open(&path).unwrap()).unwrap();
        assert_eq!(read_back(), KeptFiles::default());
        for _ in 0..2 {
            write(&path, &kept()).unwrap();
            assert_eq!(read_back(), kept());
        }
        write(&path, &KeptFiles::default()).unwrap();
        assert_eq!(read_back(), KeptFiles::default());
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%kept_file%'";
        let left: u32 = Connection::open(&path).unwrap().query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn a_table_that_muster_did_not_make_is_refused() {
        let check = |change: &str, expected: &str| {
            let (_dir, path) = database();
            write(&path, &kept()).unwrap();
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch(change).unwrap();
            let error = read(&connection).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("ALTER TABLE kept_file ADD more TEXT", "is not as Muster makes it");
        check("DROP TABLE kept_file; CREATE VIEW kept_file AS SELECT 1", "is not as Muster makes it");
        check("UPDATE kept_file SET kind = 'program'", "a kind that this Muster does not know: \"program\"");
        check("UPDATE kept_file SET mode = -1", "a mode that is none");
        check("UPDATE kept_file SET content = zeroblob(1048577)", "a file that is too large");
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300)
                    INSERT INTO kept_file (installation, kind, path, mode, modified_at, content)
                    SELECT 'x', 'unit', 'y', 0, 0, x'' FROM n";
        check(many, "too many files");
    }
}

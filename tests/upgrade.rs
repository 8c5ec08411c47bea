//! Databases that released versions left behind, opened by this one. Each lies in `tests/fixtures/released` as the file that
//! the real binary wrote, with what that binary answered.

mod fill;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use muster::clock::Clock;
use muster::store::{SCHEMA_VERSION, database_path};
use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Directory, TestApp, TestStore, at, fixture};

/// Tables that may be empty in a database at rest: a purge takes its row with it when it is done.
const EMPTY_AT_REST: [&str; 1] = ["purge"];

/// What an answer says of its own moment.
const OF_THE_MOMENT: [&str; 8] = [
    "timestamp",
    "generatedAt",
    "cacheExpiry",
    "calculationTime",
    "cached",
    "stale",
    "lastUsedAt",
    // Until version 5 of the schema it was the whole installation's; each scope counts its own since.
    "revision",
];

/// A released version's database, and what is known of it.
struct Released {
    version: String,
    database: Vec<u8>,
    /// Its server's last moment, its administrator's token and session, and its answers by path.
    known: Value,
}

impl Released {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/released");
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(version) = name.strip_suffix(".db.gz") {
                let mut database = Vec::new();
                let packed = fixture(&format!("released/{name}"));
                GzDecoder::new(&packed[..]).read_to_end(&mut database).unwrap();
                let known = serde_json::from_slice(&fixture(&format!("released/{version}.json"))).unwrap();
                all.push(Self { version: version.to_owned(), database, known });
            }
        }
        assert!(all.len() >= 2, "the databases of released versions are missing");
        all
    }

    /// Its database in a directory, as its server left it.
    fn unpack(&self) -> Directory {
        let directory = Directory::in_memory();
        std::fs::write(database_path(directory.path()), &self.database).unwrap();
        directory
    }

    /// A clock that stands at the moment when it was left, so that nothing of it has expired.
    fn clock(&self) -> Clock {
        Clock::manual(at(self.known["madeAt"].as_str().unwrap()))
    }

    fn open(&self, directory: &Directory) -> TestStore {
        directory.open_with(self.clock(), |_| {})
    }
}

/// The rows of every table as texts.
fn contents(connection: &Connection) -> BTreeMap<String, Vec<Vec<String>>> {
    let tables =
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'";
    texts(connection, tables).into_iter().map(|table| (table.clone(), rows(connection, &table))).collect()
}

fn rows(connection: &Connection, table: &str) -> Vec<Vec<String>> {
    let columns = texts(connection, &format!("SELECT name FROM pragma_table_info('{table}')"));
    let quoted: Vec<String> = columns.iter().map(|column| format!("'{column}=' || quote(\"{column}\")")).collect();
    let mut statement = connection.prepare(&format!("SELECT {} FROM \"{table}\"", quoted.join(", "))).unwrap();
    let rows = statement.query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect()).unwrap();
    let mut rows: Vec<Vec<String>> = rows.collect::<rusqlite::Result<_>>().unwrap();
    rows.sort();
    rows
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let texts = statement.query_map([], |row| row.get(0)).unwrap();
    texts.collect::<rusqlite::Result<_>>().unwrap()
}

/// Everything that the schema defines, without comments and white space.
fn schema(connection: &Connection) -> BTreeSet<String> {
    texts(connection, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .iter()
        .map(|sql| {
            let bare: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
            // `ALTER TABLE` leaves the line break before the comma of a new column.
            bare.join(" ").split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",").replace(" )", ")")
        })
        .collect()
}

fn schema_version(connection: &Connection) -> i64 {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn every_released_version_has_left_a_database() {
    let changelog = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md")).unwrap();
    let headings =
        changelog.lines().filter_map(|line| line.strip_prefix("## [")?.split_once(']').map(|(name, _)| name));
    let released: BTreeSet<&str> = headings.filter(|name| *name != "Unreleased").collect();
    let all = Released::all();
    let left: BTreeSet<&str> = all.iter().map(|released| released.version.as_str()).collect();
    assert_eq!(left, released);
    assert!(released.contains(env!("CARGO_PKG_VERSION")), "the changelog does not know this version");
}

#[test]
fn a_released_versions_database_opens_with_all_that_is_in_it_and_todays_schema() {
    let fresh = Directory::in_memory();
    drop(fresh.open());
    for released in Released::all() {
        let directory = released.unpack();
        let (before, version) = {
            let connection = directory.raw_reader();
            (contents(&connection), schema_version(&connection))
        };
        for (table, rows) in &before {
            let may_be_empty = EMPTY_AT_REST.contains(&table.as_str());
            assert!(may_be_empty || !rows.is_empty(), "{}: {table} is empty", released.version);
        }

        let store = released.open(&directory);
        store.assert_clean();
        let connection = directory.raw_reader();
        assert_eq!(schema(&connection), schema(&fresh.raw_reader()), "{}", released.version);

        // A migration may add tables and columns, draws revisions, and is audited with its backup.
        let is_migrated = version != SCHEMA_VERSION;
        let mut after = contents(&connection);
        let columns: BTreeMap<&String, BTreeSet<String>> = before
            .iter()
            .map(|(table, rows)| (table, rows.iter().flatten().map(|value| column(value).to_owned()).collect()))
            .collect();
        after.retain(|table, _| before.contains_key(table));
        for (table, rows) in &mut after {
            for row in rows.iter_mut() {
                row.retain(|value| columns[table].contains(column(value)));
            }
            if is_migrated && table == "audit" {
                rows.retain(|row| before[table].contains(row));
            }
        }
        let comparable = |contents: BTreeMap<String, Vec<Vec<String>>>| -> BTreeMap<String, Vec<Vec<String>>> {
            // Of an answer that is kept for a retry, version 5 keeps the ids alone.
            let keep = |value: &String| !(is_migrated && ["revision", "body"].contains(&column(value)));
            let row = |row: Vec<String>| row.into_iter().filter(keep).collect();
            contents.into_iter().map(|(table, rows)| (table, rows.into_iter().map(row).collect())).collect()
        };
        assert_eq!(comparable(after), comparable(before), "{}", released.version);
    }
}

/// The column of a value as `rows` gives it.
fn column(value: &str) -> &str {
    value.split('=').next().unwrap_or_default()
}

#[tokio::test]
async fn what_a_released_version_answered_is_answered_still() {
    for released in Released::all() {
        let app = TestApp::start_in(&released.unpack(), released.clock(), |_| {});
        let known = |name: &str| released.known[name].as_str().unwrap();
        let administrator = app.anonymous().with_token(known("token"));
        for (path, answered) in released.known["answers"].as_object().unwrap() {
            let reply = administrator.get(path).await;
            let mut answer = if answered.is_string() { reply.text().into() } else { reply.json() };
            if let Some(entries) = answer.get_mut("audit").and_then(Value::as_array_mut) {
                // Of the backup before the migration.
                let count = entries.len();
                entries.retain(|entry| entry["actor"] != "migration");
                let others = (count - entries.len()) as u64;
                for number in ["count", "totalCount"] {
                    answer[number] = (answer[number].as_u64().unwrap() - others).into();
                }
            }
            assert_eq!(reply.status, 200, "{}: {path}: {answer}", released.version);
            let difference = difference(answered, &answer);
            assert_eq!(difference, None, "{}: {path}: {answer:#}", released.version);
        }
        // Sessions stay valid.
        let browser = app.anonymous().with_session("muster_session", known("session"));
        browser.get("/session").await.expect(200);
    }
}

/// Where an answer lacks something that was answered before. Fields may have come in.
fn difference(before: &Value, now: &Value) -> Option<String> {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => before.iter().find_map(|(name, value)| {
            if OF_THE_MOMENT.contains(&name.as_str()) {
                return None;
            }
            let found = now.get(name).map_or(Some(String::new()), |now| difference(value, now))?;
            Some(format!("{name}.{found}"))
        }),
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => before
            .iter()
            .zip(now)
            .enumerate()
            .find_map(|(at, (before, now))| difference(before, now).map(|found| format!("{at}.{found}"))),
        _ => (before != now).then(|| format!(" {before} is {now}")),
    }
}

#[tokio::test]
async fn a_release_leaves_rows_in_every_table() {
    let made = fill::fill().await;
    for (table, rows) in contents(&made.database()) {
        let may_be_empty = EMPTY_AT_REST.contains(&table.as_str());
        assert!(may_be_empty || !rows.is_empty(), "{table} is empty; tests/upgrade/fill.rs should put something in");
    }
    if std::env::var_os("UPDATE_RELEASED").is_some() {
        made.keep(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/released"));
    }
}

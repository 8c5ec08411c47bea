//! Compares what a file defines with the schema of its version, before anything of it runs.
//!
//! A file that was given to somebody may have a trigger of its own, which would run with the next write. So every table,
//! index, view and trigger must be there with its exact text, and nothing besides: comments and white space aside.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::migrate::schema_of_version;

/// Tables of others that may be there, with their exact texts: SQLite's statistics, and those of Litestream
/// (<https://litestream.io>), which stores its place in the log in them.
const TOLERATED: [&str; 4] = [
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
    "CREATE TABLE _litestream_lock (id INTEGER)",
];

/// Objects by kind, name and table.
pub(super) type Objects = BTreeMap<(String, String, String), Option<String>>;

/// How a file's objects differ from those of a version: the first difference as the end of a sentence. `also` may be
/// there, too.
pub(in crate::store) fn find_difference(
    connection: &Connection,
    version: i64,
    also: &[&str],
) -> rusqlite::Result<Option<String>> {
    let expected = objects(&schema_of_version(version)?)?;
    let found = objects(connection)?;
    let tolerated: Vec<String> = TOLERATED.iter().chain(also).map(|sql| normalised(sql)).collect();
    for ((kind, name, _), sql) in found.iter().filter(|(key, sql)| expected.get(*key) != Some(*sql)) {
        let is_tolerated = kind == "table" && sql.as_ref().is_some_and(|sql| tolerated.contains(sql));
        if !is_tolerated {
            let text = if expected.keys().any(|(known, by, _)| (known, by) == (kind, name)) {
                format!("its {kind} {name:?} is not as Muster makes it")
            } else {
                format!("it has the {kind} {name:?}, which Muster does not make")
            };
            return Ok(Some(text));
        }
    }
    let missing = expected.keys().find(|key| !found.contains_key(*key));
    Ok(missing.map(|(kind, name, _)| format!("it lacks the {kind} {name:?}")))
}

pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        let sql: Option<String> = row.get(3)?;
        Ok(((row.get(0)?, row.get(1)?, row.get(2)?), sql.map(|sql| normalised(&sql))))
    })?;
    rows.collect()
}

/// A statement without comments, and with single spaces, outside of quotes. None before a comma or a parenthesis: where
/// `ALTER TABLE` adds a column, it leaves the line break before its comma.
fn normalised(sql: &str) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '\'' | '"' | '`' => 1 + rest[1..].find(first).map_or(rest.len() - 1, |end| end + 1),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            _ if rest.starts_with("--") => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            _ if rest.starts_with("/*") => {
                rest = rest[2..].find("*/").map_or("", |end| &rest[2 + end + 2..]);
                // A comment separates words.
                push_space(&mut text);
                continue;
            }
            _ if first.is_ascii_whitespace() => {
                rest = &rest[1..];
                push_space(&mut text);
                continue;
            }
            _ => first.len_utf8(),
        };
        if matches!(first, ',' | ')') && text.ends_with(' ') {
            text.pop();
        }
        text.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    text.trim_end().to_owned()
}

fn push_space(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::migrate::{SCHEMA_VERSION, create};

    fn fresh() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection).unwrap();
        connection
    }

    #[test]
    fn a_database_of_any_version_has_what_its_version_makes() {
        assert_eq!(find_difference(&fresh(), SCHEMA_VERSION, &[]).unwrap(), None);
        for version in 1..=SCHEMA_VERSION {
            let connection = schema_of_version(version).unwrap();
            assert_eq!(find_difference(&connection, version, &[]).unwrap(), None, "{version}");
        }
    }

    #[test]
    fn statistics_and_the_tables_of_litestream_are_tolerated_by_their_exact_texts() {
        let connection = fresh();
        connection.execute_batch("ANALYZE").unwrap();
        for sql in &TOLERATED[2..] {
            connection.execute_batch(sql).unwrap();
        }
        assert_eq!(find_difference(&connection, SCHEMA_VERSION, &[]).unwrap(), None);
        connection.execute_batch("ALTER TABLE _litestream_lock ADD COLUMN x DEFAULT 'y'").unwrap();
        let difference = find_difference(&connection, SCHEMA_VERSION, &[]).unwrap().unwrap();
        assert!(difference.contains("\"_litestream_lock\""), "{difference}");
    }

    #[test]
    fn anything_added_changed_or_removed_is_found() {
        let check = |change: &str, expected: &str| {
            let connection = fresh();
            connection.execute_batch(change).unwrap();
            let difference = find_difference(&connection, SCHEMA_VERSION, &[]).unwrap();
            assert_eq!(difference.as_deref(), Some(expected), "{change}");
        };
        let plant = "CREATE TRIGGER planted AFTER INSERT ON audit BEGIN DELETE FROM token; END";
        check(plant, "it has the trigger \"planted\", which Muster does not make");
        check("CREATE VIEW v AS SELECT 1", "it has the view \"v\", which Muster does not make");
        check("CREATE TABLE t (x)", "it has the table \"t\", which Muster does not make");
        check("CREATE INDEX i ON token (name)", "it has the index \"i\", which Muster does not make");
        check("DROP TRIGGER token_inserted", "it lacks the trigger \"token_inserted\"");
        check("DROP INDEX token_by_creation", "it lacks the index \"token_by_creation\"");
        let changed =
            "DROP TRIGGER token_deleted; CREATE TRIGGER token_deleted AFTER DELETE ON token BEGIN SELECT 1; END";
        check(changed, "its trigger \"token_deleted\" is not as Muster makes it");
        check("ALTER TABLE audit ADD COLUMN x TEXT", "its table \"audit\" is not as Muster makes it");
    }

    #[test]
    fn comments_and_white_space_do_not_count_and_quotes_do() {
        let check = |sql: &str, expected: &str| assert_eq!(normalised(sql), expected, "{sql}");
        check("CREATE  TABLE t (\n  a, -- one\n  b /* two */ c\n)", "CREATE TABLE t ( a, b c)");
        check("SELECT '--  x', \"/*  */\", [-- y]", "SELECT '--  x', \"/*  */\", [-- y]");
        check("SELECT 'it''s  --' -- end", "SELECT 'it''s  --'");
        check("-- only", "");
        check("'open", "'open");
        check("x /* open", "x");
    }
}

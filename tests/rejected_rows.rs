//! The rows that an import rejects: written where they are wanted, and named where they cannot be written.

use std::fmt::Write as _;
use std::process::Stdio;

use crate::support::{CommandOutput, RunningCommand, WorkDir};

const OWNER: [&str; 7] = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];

/// A file with one good row, and one row of so many that cannot be read.
fn file(bad: usize) -> String {
    let mut text = "name,latitude\nAda,1\n".to_owned();
    for row in 0..bad {
        let _ = writeln!(text, "Bob{row},north");
    }
    text
}

fn import(dir: &WorkDir, arguments: &[&str]) -> CommandOutput {
    dir.muster(&[&["import"], arguments, &OWNER[..]].concat())
}

#[test]
fn rejected_rows_go_to_the_file_that_is_named() {
    let dir = WorkDir::new();
    dir.write("rows.csv", file(2));
    let ended = import(&dir, &["rows.csv", "--rejects", "bad.csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("2 of 3 rows were rejected; they are in bad.csv"), "{}", ended.stderr);
    assert_eq!(String::from_utf8(dir.read("bad.csv")).unwrap().lines().count(), 3);
    assert!(!dir.exists("rows.csv.rejects.csv"));
    // Also those of standard input, which have no file beside them.
    let mut command = dir.command(&[&["import", "-", "--rejects", "piped.csv"], &OWNER[..]].concat());
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), file(2).as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(dir.read("piped.csv"), dir.read("bad.csv"));
}

#[test]
fn a_rejects_file_that_cannot_be_written_is_refused_before_anything_is_imported() {
    let dir = WorkDir::new();
    dir.write("rows.csv", file(0));
    std::fs::create_dir(dir.path("folder")).unwrap();
    for rejects in ["nowhere/bad.csv", "folder", "/proc/bad.csv"] {
        let ended = import(&dir, &["rows.csv", "--rejects", rejects]);
        assert_eq!(ended.code, Some(1));
        let line = ended.stderr.trim();
        let start = format!("muster: nothing was imported: {rejects} cannot be written: ");
        assert!(line.starts_with(&start) && line.lines().count() == 1, "{line}");
    }
    assert!(!dir.data_dir().exists());
}

#[test]
fn without_a_place_beside_the_file_that_is_said_first_and_every_row_is_named() {
    let dir = WorkDir::new();
    dir.write("rows.csv", file(130));
    // No file can be made beside one that lies in /proc, not even by root: it is this process's standard input there.
    let mut command = dir.command(&[&["import", "/proc/self/fd/0"], &OWNER[..]].concat());
    command.stdin(std::fs::File::open(dir.path("rows.csv")).unwrap());
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let first = stderr.lines().next().unwrap();
    assert!(first.contains("WARN") && first.contains("/proc/self/fd/0.rejects.csv"), "{stderr}");
    assert!(first.contains("--rejects FILE"), "{first}");
    assert!(stderr.contains("1 imported, 0 there already, 130 rejected"), "{stderr}");
    // The first hundred with their reasons, the others by their numbers.
    assert!(stderr.contains("row 101 (line 102): latitude"), "{stderr}");
    assert!(stderr.contains("\nrejected, too: rows 102-131\n"), "{stderr}");
    assert!(!stderr.contains("they are in"), "{stderr}");
}

#[test]
fn a_rejects_file_that_fills_its_disk_does_not_end_the_import() {
    let dir = WorkDir::new();
    dir.write("rows.csv", file(200) + "Zoe,2\n");
    // Every write to it fails as on a full disk.
    let ended = import(&dir, &["rows.csv", "--rejects", "/dev/full"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("2 imported, 0 there already, 200 rejected"), "{}", ended.stderr);
    assert!(ended.stderr.contains("not all of the rejected rows were written: No space left"), "{}", ended.stderr);
    assert!(ended.stderr.contains("rejected, too: rows 102-201"), "{}", ended.stderr);
}

#[test]
fn an_import_into_a_folder_without_a_database_says_that_it_made_one() {
    let dir = WorkDir::new();
    dir.write("rows.csv", file(0));
    let first = RunningCommand::start(dir.command(&[&["import", "rows.csv"], &OWNER[..]].concat())).finish();
    assert!(first.stderr.contains("a new database was made in muster-data"), "{}", first.stderr);
    let second = import(&dir, &["rows.csv"]);
    assert!(!second.stderr.contains("new database"), "{}", second.stderr);
}

//! Programs that some tests need and a machine may lack.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// The path of an installed program. Programs for administrators are also looked up in the `sbin` folders.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// The path of a program; if it is missing, reports that tests were skipped.
pub fn tool(name: &str, what: &str, install: &str) -> Option<PathBuf> {
    let found = installed(name);
    if found.is_none() {
        skip(what, install);
    }
    found
}

/// Reports once that tests were skipped and how to install what they need. With `CI=true` each of them fails instead.
pub fn skip(what: &str, install: &str) {
    static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    assert!(!must_run(), "{what} cannot run without: {install}");
    let mut reported = REPORTED.lock().unwrap();
    if !reported.iter().any(|earlier| earlier == what) {
        reported.push(what.to_owned());
        // Written to standard error directly, since the test harness hides what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {what}; install what they need with: {install}");
    }
}

fn must_run() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

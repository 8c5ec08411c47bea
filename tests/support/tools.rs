//! Programs that a test needs and a machine may lack.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// The path of a program that can be run. What only administrators use lies beside what everybody does.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.map(|directory| directory.join(name)).find(|program| program.is_file())
}

/// The path of a program; where it is missing, says that tests were skipped.
pub fn tool(name: &str, what: &str, install: &str) -> Option<PathBuf> {
    let found = installed(name);
    if found.is_none() {
        skip(what, install);
    }
    found
}

/// Says once that tests were skipped and how to install what they need; where everything must be tested that is a failure of
/// each of them.
pub fn skip(what: &str, install: &str) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    assert!(!must_run(), "{what} cannot run without: {install}");
    let mut said = SAID.lock().unwrap();
    if !said.iter().any(|before| before == what) {
        said.push(what.to_owned());
        // Past the test harness, which keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {what}; install what they need with: {install}");
    }
}

fn must_run() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

//! Embeds the commit in the binary.
//!
//! Only in release builds: a development build would have to be rebuilt after every commit. `MUSTER_COMMIT` sets the commit
//! where there is no git, such as in an unpacked archive or a container; without either, the version names no commit.

use std::path::Path;
use std::process::Command;

/// The environment variable with the commit, such as `e3b0f2d 2026-11-22`.
const COMMIT_VARIABLE: &str = "MUSTER_COMMIT";

fn main() {
    println!("cargo::rerun-if-env-changed={COMMIT_VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let given = std::env::var(COMMIT_VARIABLE).ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| if is_release { commit_of_checkout() } else { Some("development build".to_owned()) });
    let version = env!("CARGO_PKG_VERSION");
    let long = commit.as_ref().map_or(version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=BUILT_FROM={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=LONG_VERSION={long}");
}

/// The commit that is checked out, with its day.
fn commit_of_checkout() -> Option<String> {
    // An unpacked archive may lie within another git repository, whose commit would be wrong.
    let own = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&own).canonicalize().ok()? != Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().ok()? {
        return None;
    }
    // A commit or a checkout changes at least one of these files.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["log", "-1", "--abbrev=7", "--format=%h %cs"])
}

/// The output of git; `None` when there is no git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

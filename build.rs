//! Tells the binary which commit it is built from.
//!
//! Only a release is told: a development build would have to be made anew after every commit. `MUSTER_COMMIT` says it where there
//! is no git, such as in an unpacked archive or a container; where nothing says it, nothing is claimed.

use std::path::Path;
use std::process::Command;

/// Names the commit, such as `e3b0f2d 2026-11-22`.
const COMMIT_VARIABLE: &str = "MUSTER_COMMIT";

fn main() {
    println!("cargo::rerun-if-env-changed={COMMIT_VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let told = std::env::var(COMMIT_VARIABLE).ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(|| if is_release { commit_of_checkout() } else { Some("development build".to_owned()) });
    let version = env!("CARGO_PKG_VERSION");
    let long = commit.as_ref().map_or(version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=BUILT_FROM={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=LONG_VERSION={long}");
}

/// The commit that is checked out and its day, as git says.
fn commit_of_checkout() -> Option<String> {
    // Of a repository around this one it would be the wrong commit.
    let own = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&own).canonicalize().ok()? != Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().ok()? {
        return None;
    }
    // Each has a line more after a commit, or says another branch.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["log", "-1", "--abbrev=7", "--format=%h %cs"])
}

/// What git says; `None` where there is no git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

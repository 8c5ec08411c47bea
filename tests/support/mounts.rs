//! Tests that mount something, each in a process with a mount namespace of its own.

use std::process::Command;

/// Set in the process that has its own mount namespace.
const IN_NAMESPACE_VARIABLE: &str = "MUSTER_TEST_OWN_MOUNTS";

/// Runs a test in a process with its own mount namespace; false where the system does not allow that.
pub fn run_in_mount_namespace(test: &str) -> bool {
    if std::env::var_os(IN_NAMESPACE_VARIABLE).is_some() {
        return false;
    }
    let allowed = Command::new("unshare").args(["-Urm", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return false;
    }
    let mut within = Command::new("unshare");
    within.arg("-Urm").arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    assert!(within.env(IN_NAMESPACE_VARIABLE, "yes").status().unwrap().success(), "it failed in its mount namespace");
    true
}

//! `muster config --check`: whether a server could start with the settings, found out without starting one.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::{Context, Failure, server};
use crate::app::explain_listen;
use crate::store::{check_usable, refuse_files_of_others, try_to_write};

/// Checks what the settings name, and says what is wrong with each. Changes nothing.
pub(super) fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    let mut faults = context.config.warnings.clone();
    if let Err(error) = server::settings(context, "config --check") {
        faults.push(error.to_string());
    }
    if let Err(error) = check_usable(&context.config.store.data_dir) {
        faults.push(error.to_string());
    }
    // A service waits until somebody has put this right, and a check that failed would keep it from that.
    if let Err(error) = refuse_files_of_others(&context.config.store.data_dir) {
        tracing::warn!("{error}");
    }
    faults.extend(listen_fault(context.config.server.listen));
    // The server starts without it, and reports each backup that fails.
    if let Some(folder) = &context.config.backups.backup_dir
        && let Some(reason) = folder_fault(folder)
    {
        tracing::warn!("the folder of backups, {}, cannot be used now: {reason}", folder.display());
    }
    match faults.as_slice() {
        [] => context.print("no fault was found in the settings"),
        [fault] => Err(Failure::usage(fault.clone())),
        faults => {
            for fault in faults {
                // A closed standard error leaves the exit code.
                let _ = writeln!(std::io::stderr(), "{fault}");
            }
            Err(Failure::usage(format!("the settings have {} faults", faults.len())))
        }
    }
}

/// Why a server could not listen there; nothing where another program does, which is most likely the server itself.
fn listen_fault(address: SocketAddr) -> Option<String> {
    match TcpListener::bind(address) {
        Err(error) if error.kind() != ErrorKind::AddrInUse => {
            Some(format!("cannot listen on {address}: {}", explain_listen(&error)))
        }
        _ => None,
    }
}

/// Why no backup could be made in a folder. One that is missing is made by the server, if it may.
fn folder_fault(folder: &Path) -> Option<String> {
    let there = folder.ancestors().find(|path| !path.as_os_str().is_empty() && fs::symlink_metadata(path).is_ok());
    let there = there.unwrap_or(Path::new("."));
    match fs::metadata(there) {
        Ok(metadata) if !metadata.is_dir() => Some(format!("{} is a file, not a folder", there.display())),
        Ok(_) => try_to_write(there).err().map(|error| format!("{}: {error}", there.display())),
        Err(error) => Some(format!("{}: {error}", there.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_no_place_to_listen_and_a_taken_port_is() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listen_fault(taken.local_addr().unwrap()), None);
        // An address for documentation (RFC 5737), which no machine has.
        let fault = listen_fault("192.0.2.1:8383".parse().unwrap()).unwrap();
        assert!(fault.contains("192.0.2.1:8383") && fault.contains("no such address"), "{fault}");
    }

    #[test]
    fn a_folder_of_backups_may_be_missing_but_not_be_a_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        let check = |path: &str, expected: Option<&str>| {
            let fault = folder_fault(&dir.path().join(path));
            assert_eq!(fault.is_some(), expected.is_some(), "{path}: {fault:?}");
            assert!(fault.unwrap_or_default().contains(expected.unwrap_or_default()), "{path}");
        };
        check("", None);
        check("new/inner", None);
        check("file", Some("is a file"));
        check("file/inner", Some("is a file"));
        check("loop", Some("loop"));
    }
}

//! `muster config --check`: whether a server could start with the settings, found out without starting one.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::{Context, Failure, server};
use crate::app::explain_listen;
use crate::backups::folder_problem;
use crate::config::ListenAddress;
use crate::store::{check_usable, refuse_files_of_others};
use crate::telemetry;

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
        && let Some(reason) = folder_problem(folder)
    {
        tracing::warn!("the folder of backups, {}, cannot be used now: {reason}", folder.display());
    }
    match faults.as_slice() {
        [] => context.print("no fault was found in the settings"),
        [fault] => Err(Failure::usage(fault.clone())),
        faults => {
            for fault in faults {
                telemetry::message(&format!("{fault}\n"));
            }
            Err(Failure::usage(format!("the settings have {} faults", faults.len())))
        }
    }
}

/// Why a server could not listen there; nothing where another program does, which is most likely the server itself.
fn listen_fault(address: ListenAddress) -> Option<String> {
    match TcpListener::bind(address.candidates().as_slice()) {
        Err(error) if error.kind() != ErrorKind::AddrInUse => {
            Some(format!("cannot listen on {address}: {}", explain_listen(&error)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_no_place_to_listen_and_a_taken_port_is() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listen_fault(taken.local_addr().unwrap().into()), None);
        // An address for documentation (RFC 5737), which no machine has.
        let fault = listen_fault(ListenAddress::Address("192.0.2.1:8383".parse().unwrap())).unwrap();
        assert!(fault.contains("192.0.2.1:8383") && fault.contains("no such address"), "{fault}");
    }
}

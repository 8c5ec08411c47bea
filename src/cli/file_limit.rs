//! The limit for open files, and the connections that fit into it.

use super::Failure;

/// Files that are open beside connections and readers: the database for the writer, the watcher and a backup, each with
/// its log; the backup's own files; the lock, the log, the listener, the runtime's; and as many again to spare, for
/// certificates that are read anew, the folder of backups, and what SQLite sorts on the disk.
const FILES_RESERVED: u64 = 64;

/// Files of a connection that reads: the database, its log, and the index of the log while that is opened.
const FILES_PER_READER: u64 = 3;

/// How many connections may be open, of at most `connections_max`: as many files as may be open, without those that the
/// server needs for itself. So accepting a connection never fails for want of a file, and neither does anything else.
pub(super) fn connections_max(connections_max: usize, readers: u32) -> Result<usize, Failure> {
    let reserved = FILES_RESERVED + FILES_PER_READER * u64::from(readers);
    let needed = reserved.saturating_add(connections_max as u64);
    let files_max = match rlimit::increase_nofile_limit(needed) {
        Ok(files_max) => files_max,
        Err(error) => {
            tracing::warn!(%error, "cannot find out how many files this process may open");
            return Ok(connections_max);
        }
    };
    let fitting = fit(connections_max, files_max, reserved)?;
    if fitting < connections_max {
        tracing::warn!(
            "this process may open only {files_max} files, of which {reserved} are reserved for the database and its \
             backups: connections-max is {fitting} instead of {connections_max}; raise the limit (LimitNOFILE= of a systemd \
             unit, ulimit -n of a shell), or lower connections-max"
        );
    }
    Ok(fitting)
}

fn fit(connections_max: usize, files_max: u64, reserved: u64) -> Result<usize, Failure> {
    match files_max.checked_sub(reserved) {
        None | Some(0) => Err(Failure::failed(format!(
            "this process may open only {files_max} files, and needs {reserved} for the database and its backups and one for \
             each connection; raise the limit (LimitNOFILE= of a systemd unit, ulimit -n of a shell)"
        ))),
        Some(left) => Ok(usize::try_from(left).unwrap_or(usize::MAX).min(connections_max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_the_server_does_not_need() {
        let check = |connections_max, files_max, expected: Option<usize>| {
            assert_eq!(fit(connections_max, files_max, 70).ok(), expected, "{files_max}");
        };
        check(10_000, 1 << 20, Some(10_000));
        check(10_000, 10_070, Some(10_000));
        check(10_000, 10_069, Some(9_999));
        check(10_000, 256, Some(186));
        check(10_000, 71, Some(1));
        check(10_000, 70, None);
        check(10_000, 20, None);
    }
}

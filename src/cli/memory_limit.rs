//! The limits for memory and threads. Beyond them Rust and its libraries end the process, so they are looked at before.

use std::io;
use std::thread;

use parking_lot::Mutex;
use rlimit::Resource;

use super::Failure;

/// Address space that a command needs, in bytes: its program, the stacks of its threads, and the caches of the database.
const COMMAND_MEMORY_MIN: u64 = 96 << 20;

/// The same for a server, whose threads are more: for each, the system's allocator reserves some.
const SERVER_MEMORY_MIN: u64 = 256 << 20;

/// Threads of a command or a server beside the runtime's workers: of the store, of its pool of readers, of an import or a
/// backup.
const OWN_THREADS: usize = 8;

/// Refuses to start what would end for want of memory as soon as there is work.
pub(super) fn check_memory(is_server: bool) -> Result<(), Failure> {
    let (what, memory_min) =
        if is_server { ("a server", SERVER_MEMORY_MIN) } else { ("a command", COMMAND_MEMORY_MIN) };
    for resource in [Resource::AS, Resource::DATA] {
        // A system without such a limit sets none.
        let bytes = resource.get_soft().unwrap_or(rlimit::INFINITY);
        if bytes < memory_min {
            let (mib, needed) = (bytes >> 20, memory_min >> 20);
            return Err(Failure::failed(format!(
                "this process may use only {mib} MiB of memory, and {what} needs {needed} MiB of address space; raise the \
                 limit (ulimit -v and -d of a shell, LimitAS= and LimitDATA= of a systemd unit)"
            )));
        }
    }
    Ok(())
}

/// Finds out whether as many threads can be started as will be. Libraries panic where they cannot start one.
pub(super) fn check_threads() -> Result<(), Failure> {
    let count = OWN_THREADS + thread::available_parallelism().map_or(1, usize::from);
    start_and_end(count).map_err(|error| {
        Failure::failed(
            "this process may not start the threads that it needs; raise the limit for memory or for threads (ulimit -v \
             and -u of a shell, LimitAS= and TasksMax= of a systemd unit)",
        )
        .because(error)
    })
}

/// Has this many threads at the same moment.
fn start_and_end(count: usize) -> io::Result<()> {
    // Guards nothing; each thread waits here until all are there.
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let held = gate.lock();
        let started = (0..count).try_for_each(|_| {
            let wait = || drop(gate.lock());
            thread::Builder::new().name("muster-try".to_owned()).spawn_scoped(scope, wait).map(drop)
        });
        drop(held);
        started
    })
}

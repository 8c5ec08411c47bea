//! Processor time of a process with its descendants, of this process, of its ended children, and of the machine.

use std::collections::HashMap;
use std::fs;

/// Processor time, user and system together.
pub(crate) type Seconds = f64;

/// The unit of processor time in `/proc` on Linux (`USER_HZ`), independent of the kernel's timer frequency.
const TICKS_PER_SECOND: f64 = 100.0;

/// Of a process and all its running descendants.
pub(crate) fn of_process(process: u32) -> Seconds {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while the list is read.
        if let Some(fields) = fields_of(&id.to_string()) {
            parents.insert(id, (parent_of(&fields), ticks(&fields, 11) + ticks(&fields, 12)));
        }
    }
    let descends = |mut id: u32| loop {
        match parents.get(&id) {
            _ if id == process => return true,
            Some((parent, _)) => id = *parent,
            None => return false,
        }
    };
    let all: u64 = parents.iter().filter(|(id, _)| descends(**id)).map(|(_, (_, ticks))| ticks).sum();
    seconds(all)
}

/// Of the children of this process that have ended.
pub(crate) fn of_ended_children() -> Seconds {
    let fields = fields_of("self").unwrap();
    seconds(ticks(&fields, 13) + ticks(&fields, 14))
}

/// Of this process, all threads.
pub(crate) fn of_this_process() -> Seconds {
    let fields = fields_of("self").unwrap();
    seconds(ticks(&fields, 11) + ticks(&fields, 12))
}

/// Of everything on the machine that was not idle.
pub(crate) fn of_machine() -> Seconds {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<u64> =
        stat.lines().next().unwrap().split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
    // user, nice, system; then idle and waiting; then interrupts.
    seconds(fields[0] + fields[1] + fields[2] + fields[5] + fields[6])
}

/// The fields of `/proc/<process>/stat` after the program's name, which may hold spaces.
fn fields_of(process: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn parent_of(fields: &[String]) -> u32 {
    fields[1].parse().unwrap_or(0)
}

fn ticks(fields: &[String], field: usize) -> u64 {
    fields[field].parse().unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn seconds(ticks: u64) -> Seconds {
    ticks as f64 / TICKS_PER_SECOND
}

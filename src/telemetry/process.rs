//! The memory of this process according to the operating system.

use std::fs;

/// The file in which Linux reports the memory of this process; in KiB, so that the page size does not matter.
const STATUS_FILE: &str = "/proc/self/status";

const KIB: u64 = 1_024;

/// The resident memory of this process in bytes; `None` on systems without `/proc`.
///
/// Reads a small file of the kernel, which takes about ten microseconds: for a scrape or a page, not for each request.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    resident_bytes_of(&fs::read_to_string(STATUS_FILE).ok()?)
}

/// Parses the line `VmRSS:     31504 kB` of the file.
fn resident_bytes_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim_end().parse::<u64>().ok()?.checked_mul(KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read_from_its_line() {
        let check = |status: &str, expected: Option<u64>| assert_eq!(resident_bytes_of(status), expected, "{status}");
        check("Name:\tmuster\nVmPeak:\t  9 kB\nVmRSS:\t   31504 kB\nVmData:\t 1 kB\n", Some(31_504 * KIB));
        check("Name:\tVmRSS: 5 kB\n", None);
        check("VmRSS:\tmuch\n", None);
        check("", None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn used_memory_is_resident() {
        const HELD: usize = 64 * 1024 * 1024;
        let held = vec![1_u8; HELD];
        let resident = resident_bytes().unwrap();
        assert!(held.iter().all(|byte| *byte == 1));
        assert!(resident >= HELD as u64, "{resident}");
    }
}

//! Replays the inputs that fuzzing found: each file in `fuzz/corpus` against the properties that hold for any input.

use std::path::Path;

#[path = "fuzz/oracles/csv.rs"]
mod csv;
#[path = "fuzz/oracles/cursors.rs"]
mod cursors;
#[path = "fuzz/oracles/durations.rs"]
mod durations;

/// Passes every input of a target to its oracle; a failure names the file.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| check(&input));
        assert!(outcome.is_ok(), "{} does not hold; what is wrong stands above", path.display());
        count += 1;
    }
    assert!(count >= 10, "{} has {count} inputs", folder.display());
}

#[test]
fn any_bytes_are_read_as_a_file_of_contacts_or_refused() {
    replay("csv", csv::check);
}

#[test]
fn any_text_is_a_duration_that_is_read_as_it_is_shown_or_refused() {
    replay("durations", durations::check);
}

#[test]
fn any_text_is_a_cursor_that_was_given_out_or_refused() {
    replay("cursors", cursors::check);
}

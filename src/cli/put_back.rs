//! What `muster restore --with-settings` says of the files of the machine, before and after it writes them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::backups::machine::{FileState, PlannedFile, PutBack, Written};
use crate::domain::backup::Size;
use crate::store::KeptKind;

/// Every file that would be written, with the whole text of settings and units: they decide what the machine runs.
pub(super) fn preview(plan: &PutBack) -> String {
    let mut text = String::new();
    for file in plan.files() {
        let state = match file.state {
            FileState::New => "new",
            FileState::Unchanged => "unchanged",
            FileState::Replaces => "replaces another",
        };
        let _ = writeln!(
            text,
            "  {}: {} ({state}), {}",
            printable(&file.path.display().to_string()),
            what(file),
            how(file)
        );
        if file.state != FileState::Unchanged && matches!(file.kind, KeptKind::Settings | KeptKind::Unit) {
            for line in String::from_utf8_lossy(&file.content).lines() {
                let _ = writeln!(text, "    | {}", printable(line));
            }
        }
    }
    for note in plan.notes() {
        let _ = writeln!(text, "  note: {}", printable(note));
    }
    text
}

fn what(file: &PlannedFile) -> &'static str {
    match file.kind {
        KeptKind::DataDir => "data directory",
        KeptKind::Settings => "settings",
        KeptKind::Unit => "unit of systemd",
        KeptKind::Certificate => "certificate",
        KeptKind::Key => "private key",
    }
}

fn how(file: &PlannedFile) -> String {
    let mut text = format!("{}, mode {:o}", Size(file.content.len() as u64), file.mode);
    if let Some(owner) = &file.owner {
        let _ = write!(text, ", of {owner}");
    }
    if let Some(group) = &file.group {
        let _ = write!(text, ":{group}");
    }
    text
}

/// What was done with each file.
pub(super) fn tell(plan: &PutBack, written: &[Written]) -> String {
    let mut text = String::new();
    for one in written {
        let path = one.path.display();
        let _ = match (&one.kept, one.is_written) {
            (Some(kept), _) => writeln!(text, "wrote {path}; the file before is kept as {}", kept.display()),
            (None, true) => writeln!(text, "wrote {path}"),
            (None, false) => writeln!(text, "{path} is as it was"),
        };
        if let Some(note) = &one.note {
            let _ = writeln!(text, "note: {note}");
        }
    }
    if plan.files().iter().any(|file| file.kind == KeptKind::Unit && file.state != FileState::Unchanged) {
        text.push_str("units of systemd were written: `systemctl daemon-reload` reads them\n");
    }
    for note in plan.notes() {
        let _ = writeln!(text, "note: {}", printable(note));
    }
    text
}

pub(super) fn report(written: &[Written]) -> Value {
    let entry = |one: &Written| {
        let kept = one.kept.as_ref().map(|kept| kept.display().to_string());
        json!({"path": one.path.display().to_string(), "written": one.is_written, "kept": kept})
    };
    written.iter().map(entry).collect()
}

/// A text of the backup as a terminal may show it: control characters and those that change the order of others are
/// escaped, so that what is confirmed is what is seen.
pub(super) fn printable(text: &str) -> String {
    let is_order =
        |character| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::new();
    for character in text.chars() {
        if character.is_control() && character != '\t' || is_order(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_confirmed_is_what_is_seen() {
        assert_eq!(printable("a\tb 東京"), "a\tb 東京");
        assert_eq!(printable("x\u{1b}[2K\ry\u{202e}z"), "x\\u{1b}[2K\\u{d}y\\u{202e}z");
    }
}

//! The table that a run prints.

use std::fmt;

/// Rows of a name, a value and a note.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 3]>);

impl Table {
    pub(crate) fn row(&mut self, name: impl Into<String>, value: impl Into<String>, note: impl Into<String>) {
        let row = [name.into(), value.into(), note.into()];
        eprintln!("{}: {} ({})", row[0], row[1], row[2]);
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["What", "Value", "Note"].map(str::to_owned);
        let rows = || std::iter::once(&head).chain(&self.0);
        let widths = [0, 1, 2].map(|column: usize| rows().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for (number, [name, value, note]) in rows().enumerate() {
            let [a, b, c] = widths;
            writeln!(f, "| {name:<a$} | {value:>b$} | {note:<c$} |")?;
            if number == 0 {
                writeln!(f, "| {:-<a$} | {:->b$} | {:-<c$} |", "", ":", "")?;
            }
        }
        Ok(())
    }
}

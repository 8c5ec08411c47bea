//! The result of an import, as the command line prints it and the API returns it.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::csv::Delimiter;
use super::layout::Layout;
use super::text::TextEncoding;

/// The most rejected rows that a report describes; the rejects file has all of them.
pub const REJECTS_REPORTED_MAX: usize = 100;

/// What came of an import.
///
/// Every row is counted once: `rows` is the sum of `imported`, `duplicates` and `rejected`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Rows behind the header, blank lines not counted.
    pub rows: u64,
    /// Rows that became a contact.
    pub imported: u64,
    /// Rows that the employee had already: the same person with the same content.
    pub duplicates: u64,
    /// Rows that could not become a contact.
    pub rejected: u64,
    /// What was created because a row or an option named it.
    pub created: Created,
    /// The first rejected rows.
    pub rejects: Vec<Reject>,
    /// How many rejected rows are not among `rejects`.
    pub rejects_omitted: u64,
    /// The layout that the header was recognised as.
    pub layout: Layout,
    /// The encoding of the text.
    pub encoding: TextEncoding,
    /// The delimiter between cells.
    pub delimiter: Delimiter,
    /// Columns of a plain file that mean nothing to Muster, misspelt ones among them.
    pub ignored_columns: Vec<String>,
    /// How long it took.
    pub duration_millis: u64,
    /// Whether it was only tried: then nothing was stored, and the counts say what would have been.
    pub dry_run: bool,
    /// The rows that are not among `rejects`, where they were to be written to a file. For the command line: the file may
    /// not be what it should.
    #[serde(skip)]
    #[schema(ignore)]
    pub rejects_unnamed: Vec<RangeInclusive<u64>>,
    /// Why the file of rejected rows lacks some of them.
    #[serde(skip)]
    #[schema(ignore)]
    pub rejects_failure: Option<String>,
}

/// What an import created beside contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CreatedByImport)]
pub struct Created {
    /// Enterprises, at most one.
    pub enterprises: u64,
    /// Departments.
    pub departments: u64,
    /// Employees.
    pub employees: u64,
}

/// A row that did not become a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reject {
    /// Which row it is: 1 for the first one behind the header.
    pub row: u64,
    /// The line of the file that it begins in.
    pub line: u64,
    /// Why, with the name of the column that is wrong.
    pub reason: String,
}

impl ImportReport {
    /// The report of an import before its first row.
    #[must_use]
    pub fn new(layout: Layout, encoding: TextEncoding, delimiter: Delimiter) -> Self {
        Self {
            rows: 0,
            imported: 0,
            duplicates: 0,
            rejected: 0,
            created: Created::default(),
            rejects: Vec::new(),
            rejects_omitted: 0,
            layout,
            encoding,
            delimiter,
            ignored_columns: Vec::new(),
            duration_millis: 0,
            dry_run: false,
            rejects_unnamed: Vec::new(),
            rejects_failure: None,
        }
    }

    /// Counts a rejected row, and describes it unless the report is full.
    pub fn reject(&mut self, row: u64, line: u64, reason: impl Into<String>) {
        self.rejected += 1;
        if self.rejects.len() < REJECTS_REPORTED_MAX {
            self.rejects.push(Reject { row, line, reason: reason.into() });
        } else {
            self.rejects_omitted += 1;
        }
    }

    /// Remembers the number of a row that [`reject`](Self::reject) may have omitted.
    pub fn name_omitted(&mut self, row: u64) {
        if self.rejects_omitted == 0 {
            return;
        }
        match self.rejects_unnamed.last_mut() {
            Some(last) if *last.end() + 1 == row => *last = *last.start()..=row,
            _ => self.rejects_unnamed.push(row..=row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_describes_at_most_100_rejects_and_counts_all() {
        let mut report = ImportReport::new(Layout::Plain, TextEncoding::Utf8, Delimiter::Comma);
        let reasons = REJECTS_REPORTED_MAX as u64 + 5;
        for row in 1..=reasons {
            report.reject(row, row + 1, "is wrong");
        }
        assert_eq!((report.rejected, report.rejects_omitted), (reasons, 5));
        assert_eq!(report.rejects.last().map(|reject| reject.row), Some(reasons - 5));
    }

    #[test]
    fn rows_that_a_report_omits_are_named_by_ranges() {
        let mut report = ImportReport::new(Layout::Plain, TextEncoding::Utf8, Delimiter::Comma);
        for row in (1..=REJECTS_REPORTED_MAX as u64).chain([201, 202, 203, 207, 300, 301]) {
            report.reject(row, row + 1, "is wrong");
            report.name_omitted(row);
        }
        assert_eq!(report.rejects_unnamed, [201..=203, 207..=207, 300..=301]);
    }

    #[test]
    fn a_report_is_serialised_with_the_names_of_the_api() {
        let report = ImportReport::new(Layout::Outlook, TextEncoding::Windows1252, Delimiter::Semicolon);
        let written = serde_json::to_value(&report).unwrap();
        assert_eq!(written["layout"], "outlook");
        assert_eq!(written["encoding"], "windows-1252");
        assert_eq!(written["delimiter"], "semicolon");
        assert_eq!(written["rejectsOmitted"], 0);
        assert_eq!(written["dryRun"], false);
        assert_eq!(written["created"]["employees"], 0);
    }
}

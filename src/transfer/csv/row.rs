//! Converts one decoded row to a contact, or to the reason of its rejection.

use std::borrow::Cow;
use std::fmt;

use super::tags;
use crate::domain::FieldError;
use crate::domain::contacts::{ContactFields, ContactInfo, Location};
use crate::domain::time::Timestamp;
use crate::transfer::layout::{Columns, Field, Layout};
use crate::transfer::text::Cells;

/// The content of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedContact {
    pub info: ContactInfo,
    /// When it was collected, if the file has this column.
    pub created_at: Option<Timestamp>,
    /// Who collected it, if the file has such columns.
    pub owner: OwnerColumns,
}

/// The cells of a plain file that name a contact's owner, trimmed; always empty in an export of another program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerColumns {
    /// The name of the department.
    pub department: Option<String>,
    pub department_id: Option<String>,
    /// The id of the employee.
    pub employee: Option<String>,
    pub employee_email: Option<String>,
}

/// Why a row is rejected, as a text for the person who sent the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RowError {
    /// The name of the invalid column in the header; `None` when the error concerns the row as a whole.
    pub column: Option<String>,
    /// The error without the name of the column.
    pub message: String,
}

impl RowError {
    /// An error of a row as a whole.
    pub fn row(message: impl Into<String>) -> Self {
        Self { column: None, message: message.into() }
    }

    /// An error of one column of a row.
    pub fn column(column: impl Into<String>, message: impl Into<String>) -> Self {
        Self { column: Some(column.into()), message: message.into() }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Converts a row with the columns of a recognised header.
pub(super) fn contact(columns: &Columns, cells: Cells<'_>) -> Result<ImportedContact, RowError> {
    let row = RowReader { columns, cells };
    let created_at = row.parse(Field::CreatedAt, Timestamp::parse, CREATED_AT_EXPECTED)?;
    let fields = row.fields()?;
    let info = ContactInfo::parse(fields).map_err(|errors| row.refusal(&errors))?;
    Ok(ImportedContact { info, created_at, owner: row.owner() })
}

const CREATED_AT_EXPECTED: &str = "must be a time like 2026-11-22T07:31:37Z (RFC 3339), not before 1970";

struct RowReader<'a> {
    columns: &'a Columns,
    cells: Cells<'a>,
}

impl<'a> RowReader<'a> {
    fn fields(&self) -> Result<ContactFields, RowError> {
        let mut name = self.text(Field::Name);
        let surname = self.text(Field::Surname);
        if is_blank(name) && is_blank(surname) {
            let full_name = self.text(Field::FullName);
            name = if full_name.is_empty() { name } else { full_name };
        }
        let tags = match self.columns.layout {
            Layout::Google => tags::split_google(self.cell(Field::Tags)),
            _ => tags::split(self.cell(Field::Tags)),
        };
        Ok(ContactFields {
            name: name.to_owned(),
            surname: surname.to_owned(),
            email: self.text(Field::Email).to_owned(),
            phone: self.text(Field::Phone).to_owned(),
            company: self.text(Field::Company).to_owned(),
            position: self.text(Field::Position).to_owned(),
            website: self.text(Field::Website).to_owned(),
            how_we_met: self.text(Field::HowWeMet).to_owned(),
            notes: self.cell(Field::Notes).to_owned(),
            tags,
            location: Location {
                latitude: self.parse(Field::Latitude, parse_degrees, "must be a number from -90 to 90")?,
                longitude: self.parse(Field::Longitude, parse_degrees, "must be a number from -180 to 180")?,
                city: self.text(Field::City).to_owned(),
                country: self.text(Field::Country).to_owned(),
            },
        })
    }

    fn owner(&self) -> OwnerColumns {
        let named = |field| Some(self.cell(field).trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        OwnerColumns {
            department: named(Field::Department),
            department_id: named(Field::DepartmentId),
            employee: named(Field::Employee),
            employee_email: named(Field::EmployeeEmail),
        }
    }

    /// The column from which a field is read in this row: the first that is not blank, or else the first.
    fn column(&self, field: Field) -> Option<usize> {
        match self.columns.of(field) {
            [] => None,
            [only] => Some(*only),
            several => several.iter().find(|column| !is_blank(self.cells.get(**column))).or(several.first()).copied(),
        }
    }

    /// The cell of a field, unchanged.
    fn cell(&self, field: Field) -> &'a str {
        self.column(field).map_or("", |column| self.cells.get(column))
    }

    /// The cell of a field; in a Google export only the first of several values.
    fn text(&self, field: Field) -> &'a str {
        let cell = self.cell(field);
        match self.columns.layout {
            Layout::Google => cell.split(tags::GOOGLE_SEPARATOR).find(|value| !is_blank(value)).unwrap_or(cell),
            _ => cell,
        }
    }

    /// The parsed value of a field, `None` if it is blank, or an error with what was expected.
    fn parse<T>(&self, field: Field, parse: fn(&str) -> Option<T>, expected: &str) -> Result<Option<T>, RowError> {
        let cell = self.cell(field).trim();
        if cell.is_empty() {
            return Ok(None);
        }
        parse(cell).map(Some).ok_or_else(|| RowError::column(self.label(field), expected))
    }

    fn label(&self, field: Field) -> &'a str {
        self.column(field).map_or("", |column| self.columns.name(column))
    }

    /// One error for several: the column of the first, and the other errors appended to its message.
    fn refusal(&self, errors: &[FieldError]) -> RowError {
        let mut refusal: Option<RowError> = None;
        for error in errors {
            let column = self.column_label(error);
            match &mut refusal {
                None => {
                    refusal = Some(RowError { column: column.map(Cow::into_owned), message: error.message.clone() });
                }
                Some(refusal) => {
                    refusal.message.push_str("; ");
                    if let Some(column) = column {
                        refusal.message.push_str(&column);
                        refusal.message.push_str(": ");
                    }
                    refusal.message.push_str(&error.message);
                }
            }
        }
        refusal.unwrap_or_else(|| RowError::row("is no contact"))
    }

    /// The name of an invalid field's column in the file; `None` when the error concerns several columns.
    fn column_label(&self, error: &FieldError) -> Option<Cow<'a, str>> {
        let field = match error.field.as_str() {
            "name"
                if [Field::Name, Field::Surname, Field::Email, Field::Phone]
                    .iter()
                    .all(|f| is_blank(self.text(*f))) =>
            {
                return None;
            }
            "name" if is_blank(self.text(Field::Name)) => Field::FullName,
            "name" => Field::Name,
            "surname" => Field::Surname,
            "email" => Field::Email,
            "phone" => Field::Phone,
            "company" => Field::Company,
            "position" => Field::Position,
            "website" => Field::Website,
            "howWeMet" => Field::HowWeMet,
            "notes" => Field::Notes,
            "location.latitude" => Field::Latitude,
            "location.longitude" => Field::Longitude,
            "location.city" => Field::City,
            "location.country" => Field::Country,
            tag if tag.starts_with("tags") => Field::Tags,
            other => return Some(Cow::Owned(other.to_owned())),
        };
        Some(Cow::Borrowed(self.label(field)))
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

fn parse_degrees(text: &str) -> Option<f64> {
    text.parse().ok()
}

//! Writes contacts as CSV in the plain layout.

use std::io::{self, Write};

use super::tags;
use crate::domain::contacts::Contact;

/// The written columns. The last three are facts about the stored contact, which the reader ignores.
pub const CONTACT_COLUMNS: [&str; 21] = [
    "name",
    "surname",
    "email",
    "phone",
    "company",
    "position",
    "website",
    "howWeMet",
    "notes",
    "tags",
    "latitude",
    "longitude",
    "city",
    "country",
    "createdAt",
    "department",
    "employee",
    "employee_email",
    "contactId",
    "source",
    "updatedAt",
];

/// Writes contacts so that [`ContactReader`](super::ContactReader) reads the same contacts back: UTF-8, RFC 4180, all
/// text unchanged.
pub struct ContactWriter<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> ContactWriter<W> {
    /// Starts a file with its header.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(output);
        writer.write_record(CONTACT_COLUMNS)?;
        Ok(Self { writer })
    }

    /// Adds one contact; `employee_email` is the address of the employee who collected it, or empty.
    pub fn write(&mut self, contact: &Contact, employee_email: &str) -> io::Result<()> {
        let fields = &contact.fields;
        let location = &fields.location;
        let degrees = |degrees: Option<f64>| degrees.map(|degrees| degrees.to_string()).unwrap_or_default();
        self.writer.write_record([
            fields.name.as_str(),
            &fields.surname,
            &fields.email,
            &fields.phone,
            &fields.company,
            &fields.position,
            &fields.website,
            &fields.how_we_met,
            &fields.notes,
            &tags::join(&fields.tags),
            &degrees(location.latitude),
            &degrees(location.longitude),
            &location.city,
            &location.country,
            &contact.created_at.to_string(),
            contact.department_id.as_str(),
            contact.employee_id.as_str(),
            employee_email,
            &contact.id.to_string(),
            &contact.source,
            &contact.updated_at.to_string(),
        ])?;
        Ok(())
    }

    /// Flushes the output and returns it.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

impl ContactWriter<Vec<u8>> {
    /// Takes the bytes written since the last call, to be sent while the next contacts are read.
    pub fn take(&mut self) -> io::Result<Vec<u8>> {
        let next = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        std::mem::replace(&mut self.writer, next).into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::contacts::{ContactFields, ContactInfo, Location};
    use crate::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
    use crate::domain::time::Timestamp;
    use crate::transfer::csv::{ContactReader, Delimiter};
    use crate::transfer::layout::Layout;

    fn contact(fields: ContactFields, created_millis: i64) -> Contact {
        Contact {
            id: ContactId::from_number(7),
            enterprise_id: EnterpriseId::parse("acme").unwrap(),
            department_id: DepartmentId::parse("sales").unwrap(),
            employee_id: EmployeeId::parse("u1").unwrap(),
            fields,
            source: "import".into(),
            created_at: Timestamp::from_millis(created_millis),
            updated_at: Timestamp::from_millis(0),
        }
    }

    /// Exports contacts in pieces of two and imports them again.
    fn round_trip(contacts: &[Contact]) -> Vec<(ContactFields, Option<Timestamp>)> {
        let mut writer = ContactWriter::new(Vec::new()).unwrap();
        let mut file = Vec::new();
        for piece in contacts.chunks(2) {
            for contact in piece {
                writer.write(contact, "u1@acme.example").unwrap();
            }
            file.extend(writer.take().unwrap());
        }
        file.extend(writer.finish().unwrap());
        let mut reader = ContactReader::open(&file[..]).unwrap();
        assert_eq!((reader.layout(), reader.delimiter()), (Layout::Plain, Delimiter::Comma));
        assert!(reader.ignored_columns().is_empty());
        let mut read = Vec::new();
        while let Some(row) = reader.next_row() {
            let row = row.unwrap().content.unwrap();
            assert_eq!(row.owner.department_id.as_deref(), Some("sales"));
            assert_eq!(row.owner.employee.as_deref(), Some("u1"));
            assert_eq!(row.owner.employee_email.as_deref(), Some("u1@acme.example"));
            read.push((row.info.fields().clone(), row.created_at));
        }
        read
    }

    #[test]
    fn an_export_is_plain_csv() {
        let fields = ContactFields {
            name: "Ann \"A\"".into(),
            notes: "a\nb".into(),
            tags: vec!["x".into(), "y;z".into()],
            location: Location { latitude: Some(56.5), ..Location::default() },
            ..ContactFields::default()
        };
        let mut writer = ContactWriter::new(Vec::new()).unwrap();
        writer.write(&contact(fields, 0), "").unwrap();
        let expected = "name,surname,email,phone,company,position,website,howWeMet,notes,tags,latitude,longitude,city,\
            country,createdAt,department,employee,employee_email,contactId,source,updatedAt\r\n\
            \"Ann \"\"A\"\"\",,,,,,,,\"a\nb\",\"x;\"\"y;z\"\"\",56.5,,,,1970-01-01T00:00:00.000Z,sales,u1,,\
            0000000000007,import,1970-01-01T00:00:00.000Z\r\n";
        assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), expected);
    }

    #[test]
    fn an_export_without_contacts_is_only_a_header() {
        assert!(round_trip(&[]).is_empty());
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[ \t\r\n\",;'=a]{0,6}", "\\PC{0,6}", any::<String>().prop_map(|text| text.replace('\0', ""))]
    }

    prop_compose! {
        fn any_contact()(
            texts in proptest::array::uniform10(text()),
            name in "[a-z]",
            notes in text(),
            tags in proptest::collection::vec(text(), 0..4),
            latitude in proptest::option::of(-90.0..=90.0),
            longitude in proptest::option::of(-180.0..=180.0),
            created_millis in 0..253_402_300_800_000_i64,
        ) -> Contact {
            let [rest, surname, email, phone, company, position, website, how_we_met, city, country] = texts;
            let name = format!("{name}{rest}");
            let location = Location { latitude, longitude, city, country };
            let fields = ContactFields {
                name, surname, email, phone, company, position, website, how_we_met, notes, tags, location,
            };
            contact(fields, created_millis)
        }
    }

    proptest! {
        #[test]
        fn an_export_round_trips(contacts in proptest::collection::vec(any_contact(), 0..6)) {
            let acceptable = |contact: &Contact| ContactInfo::parse(contact.fields.clone()).is_ok();
            let contacts: Vec<Contact> = contacts.into_iter().filter(acceptable).collect();
            let expected: Vec<_> =
                contacts.iter().map(|contact| (contact.fields.clone(), Some(contact.created_at))).collect();
            prop_assert_eq!(round_trip(&contacts), expected);
        }
    }
}

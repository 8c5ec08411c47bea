//! Tests with complete files.

use super::*;
use crate::domain::contacts::ContactFields;
use crate::transfer::TransferError;
use crate::transfer::layout::Layout;
use crate::transfer::text::TextEncoding;

const OUTLOOK: &[u8] = include_bytes!("../../../tests/fixtures/outlook365.csv");

const GOOGLE_OLD: &str = "Name,Given Name,Additional Name,Family Name,Yomi Name,Notes,Group Membership,E-mail 1 - Type,\
    E-mail 1 - Value,E-mail 2 - Type,E-mail 2 - Value,Phone 1 - Type,Phone 1 - Value,Address 1 - City,\
    Address 1 - Country,Organization 1 - Type,Organization 1 - Name,Organization 1 - Title,\
    Organization 1 - Department,Website 1 - Type,Website 1 - Value\n\
    Anita Jorgensen,Anita,,Jorgensen,,met ::: twice,* myContacts ::: Fair,* Work,anita@contoso.com ::: a@home.example,\
    Home,other@x.example,Mobile,+45 12 34 56 ::: +45 99,Aarhus,Denmark,,Contoso,Buyer,Purchasing,Profile,contoso.com\n\
    Front desk,,,,,,* myContacts,,,Other,desk@contoso.com,,,,,,Contoso,,,,\n";

const GOOGLE_NEW: &str = "First Name,Middle Name,Last Name,Phonetic First Name,Nickname,File As,Organization Name,\
    Organization Title,Organization Department,Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,\
    Phone 1 - Label,Phone 1 - Value,Website 1 - Value\n\
    Anita,M.,Jorgensen,,,,Contoso,Buyer,Purchasing,,,,Fair ::: * myContacts,,anita@contoso.com,,+45 12 34 56,\n";

const THUNDERBIRD: &str = "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name,\
    Work Phone,Home Phone,Fax Number,Pager Number,Mobile Number,Work City,Work Country,Job Title,Department,\
    Organization,Web Page 1,Web Page 2,Notes\n\
    Anita,Jorgensen,Anita J.,,,anita@contoso.com,,+45 1,+45 2,+45 3,,,Aarhus,Denmark,Buyer,Purchasing,Contoso,,x.example,n\n\
    ,,Front desk,,desk@contoso.com,,,,,,,,,,,,,,,\n";

/// A row as these tests compare it: its number, its line, and its contact or the reason of its rejection.
type Read = (u64, u64, Result<ImportedContact, String>);

fn read(input: &[u8]) -> Result<(Layout, TextEncoding, Delimiter, Vec<Read>), TransferError> {
    let mut reader = ContactReader::open(input)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row() {
        let row = row?;
        rows.push((row.number, row.line, row.content.map_err(|error| error.to_string())));
    }
    assert_eq!(reader.bytes_read(), input.len() as u64);
    Ok((reader.layout(), reader.encoding(), reader.delimiter(), rows))
}

/// All contacts of a file whose rows are all valid.
fn contacts(input: &[u8]) -> Vec<ContactFields> {
    let (.., rows) = read(input).unwrap();
    rows.into_iter().map(|(_, _, contact)| contact.unwrap().info.fields().clone()).collect()
}

/// Row numbers and lines with the contact's name or the reason of the rejection.
fn outcomes(input: &[u8]) -> Vec<(u64, u64, String)> {
    let (.., rows) = read(input).unwrap();
    let name = |contact: ImportedContact| contact.info.fields().name.clone();
    rows.into_iter().map(|(row, line, content)| (row, line, content.map_or_else(|error| error, name))).collect()
}

fn fields(change: impl FnOnce(&mut ContactFields)) -> ContactFields {
    let mut fields = ContactFields::default();
    change(&mut fields);
    fields
}

/// The contact Anita with the fields that all layouts here have.
fn anita(change: impl FnOnce(&mut ContactFields)) -> ContactFields {
    fields(|f| {
        f.name = "Anita".into();
        f.surname = "Jorgensen".into();
        f.email = "anita@contoso.com".into();
        f.company = "Contoso".into();
        f.position = "Buyer".into();
        change(f);
    })
}

#[test]
fn all_six_contacts_of_an_outlook_export_are_read() {
    let (layout, encoding, delimiter, rows) = read(OUTLOOK).unwrap();
    assert_eq!((layout, encoding, delimiter), (Layout::Outlook, TextEncoding::Windows1252, Delimiter::Comma));
    let rows: Vec<_> = rows.into_iter().map(|(_, _, contact)| contact.unwrap()).collect();
    assert!(rows.iter().all(|row| row.owner == OwnerColumns::default() && row.created_at.is_none()));
    let contacts: Vec<_> = rows.iter().map(|row| row.info.fields()).collect();
    assert_eq!(contacts.len(), 6);
    assert_eq!(contacts.iter().filter(|contact| contact.company == "Contoso").count(), 5);
    assert_eq!(contacts[0].phone, "555-555-1212");
    assert_eq!(contacts[0].website, "http://www.microsoft.com/");
    let filled = fields(|f| {
        f.name = "Max".into();
        f.surname = "Mustermann".into();
        f.email = "email@address.com".into();
        f.phone = "Mobile Phone".into();
        f.company = "Google".into();
        f.position = "Chef".into();
        f.website = "https://webpage.com/".into();
        f.notes = "Notes".into();
        f.tags = vec!["Categories".into()];
        f.location.city = "Magdeburg".into();
        f.location.country = "Germany".into();
    });
    assert_eq!(*contacts[5], filled);
}

#[test]
fn google_and_thunderbird_exports_are_read() {
    let google = contacts(GOOGLE_OLD.as_bytes());
    let expected = anita(|f| {
        f.phone = "+45 12 34 56".into();
        f.website = "contoso.com".into();
        f.notes = "met ::: twice".into();
        f.tags = vec!["Fair".into()];
        f.location.city = "Aarhus".into();
        f.location.country = "Denmark".into();
    });
    assert_eq!(google[0], expected);
    assert_eq!((google[1].name.as_str(), google[1].email.as_str()), ("Front desk", "desk@contoso.com"));
    let expected = anita(|f| {
        f.phone = "+45 12 34 56".into();
        f.tags = vec!["Fair".into()];
    });
    assert_eq!(contacts(GOOGLE_NEW.as_bytes()), [expected]);
    let thunderbird = contacts(THUNDERBIRD.as_bytes());
    let expected = anita(|f| {
        f.phone = "+45 1".into();
        f.website = "x.example".into();
        f.notes = "n".into();
        f.location.city = "Aarhus".into();
        f.location.country = "Denmark".into();
    });
    assert_eq!(thunderbird[0], expected);
    assert_eq!(thunderbird[1].name, "Front desk");
}

#[test]
fn only_a_plain_file_names_owners() {
    let plain = b"name,email,department,employee,employee_email,createdAt\nAnita,a@x.example, sales ,u1,,2026-11-22T08:00:00+01:00\n";
    let (.., rows) = read(plain).unwrap();
    let row = rows[0].2.as_ref().unwrap();
    let owner =
        OwnerColumns { department: Some("sales".into()), employee: Some("u1".into()), ..OwnerColumns::default() };
    assert_eq!(row.owner, owner);
    assert_eq!(row.created_at.map(|time| time.to_string()).as_deref(), Some("2026-11-22T07:00:00.000Z"));
    for export in [GOOGLE_OLD, GOOGLE_NEW, THUNDERBIRD] {
        let (.., rows) = read(export.as_bytes()).unwrap();
        assert!(rows.iter().all(|(_, _, row)| row.as_ref().is_ok_and(|row| row.owner == OwnerColumns::default())));
    }
}

#[test]
fn the_text_of_a_plain_file_is_read_unchanged() {
    let file = "Name;E-Mail;how we met;tags;lat;lng;city\r\n\" Anita \";\"a;b\";\"at a\r\n\"\"fair\"\"\";vip; 56.15;-10;Aarhus\r\n";
    let expected = fields(|f| {
        f.name = " Anita ".into();
        f.email = "a;b".into();
        f.how_we_met = "at a\r\n\"fair\"".into();
        f.tags = vec!["vip".into()];
        f.location.latitude = Some(56.15);
        f.location.longitude = Some(-10.0);
        f.location.city = "Aarhus".into();
    });
    assert_eq!(contacts(file.as_bytes()), [expected]);
}

#[test]
fn the_same_text_is_read_in_every_encoding_and_with_every_delimiter() {
    let check = |input: &[u8], encoding: TextEncoding, delimiter: Delimiter| {
        let (_, found_encoding, found_delimiter, rows) = read(input).unwrap();
        assert_eq!((found_encoding, found_delimiter), (encoding, delimiter));
        let rows: Vec<_> = rows.into_iter().map(|(.., contact)| contact.unwrap().info.fields().clone()).collect();
        let expected = |name: &str, company: &str| {
            fields(|f| {
                f.name = name.into();
                f.company = company.into();
            })
        };
        assert_eq!(rows, [expected("Ann", "A"), expected("Müller", "B")]);
    };
    let text = "name,company\nAnn,A\nMüller,B\n";
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let marked = format!("\u{feff}{text}");
    check(text.as_bytes(), TextEncoding::Utf8, Delimiter::Comma);
    check(marked.as_bytes(), TextEncoding::Utf8, Delimiter::Comma);
    check(&utf16(text, u16::to_le_bytes), TextEncoding::Utf16Le, Delimiter::Comma);
    check(&utf16(text, u16::to_be_bytes), TextEncoding::Utf16Be, Delimiter::Comma);
    check(&utf16(&marked, u16::to_le_bytes), TextEncoding::Utf16Le, Delimiter::Comma);
    check(&utf16(&marked, u16::to_be_bytes), TextEncoding::Utf16Be, Delimiter::Comma);
    check(b"name,company\rAnn,A\rM\xfcller,B\r", TextEncoding::Windows1252, Delimiter::Comma);
    check(b"name;company\r\nAnn;A\r\nM\xfcller;B", TextEncoding::Windows1252, Delimiter::Semicolon);
    check(
        "\u{feff}sep=;\r\nname;company\r\n\r\nAnn;A\r\nMüller;B".as_bytes(),
        TextEncoding::Utf8,
        Delimiter::Semicolon,
    );
    check(&utf16(&marked.replace(',', "\t"), u16::to_le_bytes), TextEncoding::Utf16Le, Delimiter::Tab);
    check("sep=\t\nname\tcompany\tx,x,x,x\nAnn\tA\nMüller\tB".as_bytes(), TextEncoding::Utf8, Delimiter::Tab);
}

#[test]
fn a_file_without_contacts_is_refused_with_a_reason() {
    let check = |input: &[u8], reason: &str| {
        let message = read(input).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    };
    check(b"", "is empty");
    check(b"\xef\xbb\xbf", "is empty");
    check(b"\r\n\n", "is empty");
    check(b"sep=;\r\n", "is empty");
    check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text file");
    check(b"PK\x03\x04\x14\0\x06\0\x08\0", "workbook");
    check(b"\xef\xbb\xbfname,n\xffe\n", "not valid UTF-8");
    check(b"Anita,Jorgensen\nKemal,Celik\n", "\"Anita\", \"Jorgensen\"");
    check(b"\"name,email\nAnita,a@x.example\n", "never closed");
    check("x".repeat(2 * RECORD_BYTES_MAX).as_bytes(), "longer than 1048576 bytes");
}

#[test]
fn a_file_with_only_a_header_has_no_rows() {
    for header in ["name,email", "name,email\r\n", "\u{feff}name,email\n\n\r\n"] {
        assert_eq!(outcomes(header.as_bytes()), [], "{header:?}");
    }
}

#[test]
fn an_invalid_row_is_rejected_with_its_column_and_the_others_are_read() {
    let check = |row: &[u8], reason: &str| {
        let before = "name,email,Phone No,latitude,created_at,notes\nÄnne,\n\n".as_bytes();
        let found = outcomes(&[before, row, b"\nKemal\n"].concat());
        let expected = [(1, 2, "Änne".to_owned()), (2, 4, reason.to_owned()), (3, 5, "Kemal".to_owned())];
        assert_eq!(found, expected);
    };
    check(b",,,,,x", "at least one of name, surname, email and phone is needed");
    check(b",,,,,", "at least one of name, surname, email and phone is needed");
    check(b"a,b,c,d,e,f,g,h", "has 8 fields, the header has 6");
    check(b"a,b\xfc,c", "email: is not valid UTF-8 text");
    check(b"a,b,c\xfc", "Phone No: is not valid UTF-8 text");
    check(b"a,b,,north", "latitude: must be a number from -90 to 90");
    check(b"a,b,,91", "latitude: must be a number from -90 to 90");
    check(b"a,b,,NaN", "latitude: must be a number from -90 to 90");
    check(b"a,b,,,22.11.2026", "created_at: must be a time like 2026-11-22T07:31:37Z (RFC 3339), not before 1970");
    let long = "x".repeat(1001);
    check(format!("a,{long}").as_bytes(), "email: must be at most 1000 characters");
    check(
        format!("{long},{long}").as_bytes(),
        "name: must be at most 1000 characters; email: must be at most 1000 characters",
    );
    let longest = "x".repeat(RECORD_BYTES_MAX);
    check(longest.as_bytes(), "is longer than 1048576 bytes; perhaps a quotation mark in it is never closed");
}

#[test]
fn a_reason_names_the_column_that_the_value_came_from() {
    let long = "x".repeat(1001);
    let outlook = format!("First Name,E-mail Address,E-mail 2 Address,Business Phone\nAnn,,{long},\n");
    assert_eq!(outcomes(outlook.as_bytes())[0].2, "E-mail 2 Address: must be at most 1000 characters");
}

#[test]
fn an_unclosed_quote_affects_only_the_rows_after_it() {
    let open = "opens a quotation mark that is never closed".to_owned();
    let found = outcomes(b"name,email\nAnn,a\n\nKemal,\"k\nShiori,s\n");
    assert_eq!(found, [(1, 2, "Ann".to_owned()), (2, 4, open)]);
    let endless = format!("name,email\nAnn,a\nKemal,\"k\n{}", "Shiori,s\n".repeat(RECORD_BYTES_MAX));
    let found = outcomes(endless.as_bytes());
    assert_eq!(found[0], (1, 2, "Ann".to_owned()));
    assert!(found.len() == 2 && found[1].2.contains("never closed"), "{found:?}");
}

#[test]
fn a_late_nul_rejects_only_its_row() {
    let file = format!("name\n{}a\0b\nKemal\n", "Ann\n".repeat(100_000));
    let found = outcomes(file.as_bytes());
    assert_eq!(found.len(), 100_002);
    assert_eq!(found[100_000], (100_001, 100_002, "name: must not contain a NUL character".to_owned()));
    assert_eq!(found[100_001].2, "Kemal");
}

#[test]
fn an_interrupted_input_is_an_input_error() {
    struct Broken(bool);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("gone"));
            }
            let start = format!("name\n{}", "Ann\n".repeat(buffer.len()));
            buffer.copy_from_slice(&start.as_bytes()[..buffer.len()]);
            Ok(buffer.len())
        }
    }
    let mut reader = ContactReader::open(Broken(false)).unwrap();
    let mut rows = 0;
    let error = loop {
        match reader.next_row() {
            Some(Ok(_)) => rows += 1,
            Some(Err(error)) => break error.to_string(),
            None => panic!("the file seemed whole"),
        }
    };
    assert_eq!((rows > 1000, error.as_str()), (true, "it cannot be read: gone"));
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_make_the_reader_neither_panic_nor_loop(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        for header in [&b"name,email,tags,latitude\n"[..], b"\xff\xfen\0a\0m\0e\0\n\0", b""] {
            let file = [header, &bytes].concat();
            if let Ok(mut reader) = ContactReader::open(&file[..]) {
                let mut rows = 0;
                while let Some(row) = reader.next_row() {
                    proptest::prop_assert!(row.is_ok());
                    rows += 1;
                    proptest::prop_assert!(rows <= file.len());
                }
            }
        }
    }
}

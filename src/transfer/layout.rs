//! The known layouts: which column of a header holds which field.
//!
//! Column names are compared by key: case-folded, with letters and digits only, so that `E-mail 1 - Value`,
//! `e-mail_1_value` and `Email1Value` are equal. A field may be read from several columns, in an order of preference;
//! of two columns with the same key the first is used.

use std::fmt;

use serde::Serialize;

use super::TransferError;
use crate::domain::text::fold;

/// A known set of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// An export of Google Contacts, from before or after 2023.
    Google,
    /// An export of Outlook or outlook.com.
    Outlook,
    /// An export of Thunderbird's address book.
    Thunderbird,
    /// Muster's own columns; the only layout with columns that name a contact's owner.
    Plain,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Google => "Google Contacts",
            Self::Outlook => "Outlook",
            Self::Thunderbird => "Thunderbird",
            Self::Plain => "plain",
        })
    }
}

/// The field that a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    /// The full name; used when name and surname are missing.
    FullName,
    Surname,
    Email,
    Phone,
    Company,
    Position,
    Website,
    HowWeMet,
    Notes,
    Tags,
    Latitude,
    Longitude,
    City,
    Country,
    CreatedAt,
    Department,
    DepartmentId,
    Employee,
    EmployeeEmail,
}

/// Number of [`Field`]s.
const FIELDS: usize = Field::EmployeeEmail as usize + 1;

/// The keys of the columns from which a field is read, the preferred first; `#` matches 1, 2, 3, …
type FieldKeys = &'static [(Field, &'static [&'static str])];

/// The highest number that `#` matches; people have fewer addresses.
const NUMBERED_COLUMNS_MAX: usize = 9;

/// The most columns, and the most characters of each, that an error about a header quotes.
const FOUND_COLUMNS_MAX: usize = 12;
const FOUND_COLUMN_LEN_MAX: usize = 40;

const PLAIN: FieldKeys = &[
    (Field::Name, &["firstname", "givenname", "forename", "name"]),
    (Field::FullName, &["fullname", "displayname"]),
    (Field::Surname, &["surname", "lastname", "familyname"]),
    (Field::Email, &["email", "emailaddress", "mail", "email#"]),
    (Field::Phone, &["phone", "phonenumber", "telephone", "mobile", "mobilephone", "businessphone", "phone#"]),
    (Field::Company, &["company", "companyname", "organization", "organisation", "organizationname"]),
    (Field::Position, &["position", "jobtitle"]),
    (Field::Website, &["website", "webpage", "url"]),
    (Field::HowWeMet, &["howwemet"]),
    (Field::Notes, &["notes", "note"]),
    (Field::Tags, &["tags"]),
    (Field::Latitude, &["latitude", "lat", "locationlatitude"]),
    (Field::Longitude, &["longitude", "lng", "lon", "locationlongitude"]),
    (Field::City, &["city", "locationcity"]),
    (Field::Country, &["country", "locationcountry"]),
    (Field::CreatedAt, &["createdat"]),
    (Field::Department, &["department"]),
    (Field::DepartmentId, &["departmentid"]),
    (Field::Employee, &["employee", "employeeid", "userid"]),
    (Field::EmployeeEmail, &["employeeemail"]),
];

/// Columns of the plain layout that are written and never read: facts about the stored contact, and the columns of a
/// rejects file.
const PLAIN_UNREAD: &[&str] = &["contactid", "source", "updatedat", "musterrow", "musterreason"];

/// The column that only Muster's own export has.
const OWN_EXPORT_KEY: &str = "contactid";

const GOOGLE: FieldKeys = &[
    (Field::Name, &["firstname", "givenname"]),
    (Field::FullName, &["name", "fileas", "nickname"]),
    (Field::Surname, &["lastname", "familyname"]),
    (Field::Email, &["email#value"]),
    (Field::Phone, &["phone#value"]),
    (Field::Company, &["organizationname", "organization#name"]),
    (Field::Position, &["organizationtitle", "organization#title"]),
    (Field::Website, &["website#value"]),
    (Field::Notes, &["notes"]),
    (Field::Tags, &["labels", "groupmembership"]),
    (Field::City, &["address1city"]),
    (Field::Country, &["address1country"]),
];

const OUTLOOK: FieldKeys = &[
    (Field::Name, &["firstname"]),
    (Field::FullName, &["name", "displayname", "emaildisplayname", "nickname"]),
    (Field::Surname, &["lastname"]),
    (Field::Email, &["emailaddress", "email#address"]),
    (
        Field::Phone,
        &[
            "mobilephone",
            "businessphone",
            "businessphone#",
            "homephone",
            "homephone#",
            "otherphone",
            "primaryphone",
            "companymainphone",
            "carphone",
            "radiophone",
        ],
    ),
    (Field::Company, &["company"]),
    (Field::Position, &["jobtitle"]),
    (Field::Website, &["webpage", "businesshomepage", "personalwebpage"]),
    (Field::Notes, &["notes"]),
    (Field::Tags, &["categories"]),
    (Field::City, &["businesscity"]),
    (Field::Country, &["businesscountryregion", "businesscountry"]),
];

const THUNDERBIRD: FieldKeys = &[
    (Field::Name, &["firstname"]),
    (Field::FullName, &["displayname", "nickname"]),
    (Field::Surname, &["lastname"]),
    (Field::Email, &["primaryemail", "secondaryemail"]),
    (Field::Phone, &["mobilenumber", "workphone", "homephone"]),
    (Field::Company, &["organization"]),
    (Field::Position, &["jobtitle"]),
    (Field::Website, &["webpage#"]),
    (Field::Notes, &["notes"]),
    (Field::City, &["workcity"]),
    (Field::Country, &["workcountry"]),
];

/// Each export of Google Contacts has at least one of these keys, and no other file has any.
const GOOGLE_MARKS: &[&str] =
    &["email1value", "phone1value", "organization1name", "organizationtitle", "groupmembership", "phoneticfirstname"];

/// Each export of Thunderbird has one of these keys.
const THUNDERBIRD_MARKS: &[&str] = &["primaryemail", "secondaryemail"];

/// Keys of Outlook's columns. A hand-made file may have one of them, but rarely two.
const OUTLOOK_MARKS: &[&str] = &[
    "emailaddress",
    "emaildisplayname",
    "emailtype",
    "email2address",
    "mobilephone",
    "businessphone",
    "businessphone2",
    "homephone",
    "otherphone",
    "primaryphone",
    "companymainphone",
    "businessstreet",
    "businesscity",
    "homestreet",
    "webpage",
];

/// A file with this number of Outlook's keys is an Outlook export; [`OUTLOOK_MARKS_SURE`] are needed when it also has a
/// column of the plain layout that names an employee.
const OUTLOOK_MARKS_MIN: usize = 2;
const OUTLOOK_MARKS_SURE: usize = 5;

/// A recognised header: for each field the positions of its columns, the preferred first.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) layout: Layout,
    names: Vec<String>,
    positions: [Box<[usize]>; FIELDS],
    ignored: Vec<String>,
}

impl Columns {
    /// Recognises the layout of a header; the error quotes a header that fits no layout.
    pub(super) fn recognise<'a>(header: impl Iterator<Item = &'a str>) -> Result<Self, TransferError> {
        let names: Vec<String> = header.map(str::to_owned).collect();
        let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
        let layout = layout_of(&keys);
        let table = match layout {
            Layout::Google => GOOGLE,
            Layout::Outlook => OUTLOOK,
            Layout::Thunderbird => THUNDERBIRD,
            Layout::Plain => PLAIN,
        };
        let mut positions: [Box<[usize]>; FIELDS] = Default::default();
        for (field, wanted) in table {
            positions[*field as usize] = find(&keys, wanted);
        }
        // Muster's own export names departments by their ids.
        if layout == Layout::Plain && keys.iter().any(|key| key == OWN_EXPORT_KEY) {
            let ids = std::mem::take(&mut positions[Field::Department as usize]);
            if positions[Field::DepartmentId as usize].is_empty() {
                positions[Field::DepartmentId as usize] = ids;
            }
        }
        let identifying = [Field::Name, Field::FullName, Field::Surname, Field::Email, Field::Phone];
        if identifying.iter().all(|field| positions[*field as usize].is_empty()) {
            return Err(TransferError::UnknownHeader { found: found(&names) });
        }
        let ignored = |index: &usize| {
            layout == Layout::Plain
                && !PLAIN_UNREAD.contains(&keys[*index].as_str())
                && !positions.iter().any(|columns| columns.contains(index))
        };
        let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
        let ignored = (0..names.len()).filter(ignored).map(|index| names[index].clone()).collect();
        Ok(Self { layout, names, positions, ignored })
    }

    /// The columns from which a field is read, the preferred first.
    pub(super) fn of(&self, field: Field) -> &[usize] {
        &self.positions[field as usize]
    }

    /// The name of a column for messages.
    pub(super) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    /// Unknown columns of a plain file. Empty for an export of another program, which always has many of them.
    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The number of columns.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

fn layout_of(keys: &[String]) -> Layout {
    let count = |marks: &[&str]| marks.iter().filter(|mark| has(keys, mark)).count();
    let own = has(keys, "employee") || has(keys, "employeeemail");
    if count(GOOGLE_MARKS) > 0 {
        Layout::Google
    } else if count(THUNDERBIRD_MARKS) > 0 {
        Layout::Thunderbird
    } else if count(OUTLOOK_MARKS) >= if own { OUTLOOK_MARKS_SURE } else { OUTLOOK_MARKS_MIN } {
        Layout::Outlook
    } else {
        Layout::Plain
    }
}

fn has(keys: &[String], key: &str) -> bool {
    keys.iter().any(|candidate| candidate == key)
}

fn find(keys: &[String], wanted: &[&str]) -> Box<[usize]> {
    let position = |wanted: &str| keys.iter().position(|key| key == wanted);
    let mut positions = Vec::new();
    for wanted in wanted {
        if wanted.contains('#') {
            positions.extend(
                (1..=NUMBERED_COLUMNS_MAX).filter_map(|number| position(&wanted.replace('#', &number.to_string()))),
            );
        } else {
            positions.extend(position(wanted));
        }
    }
    positions.into()
}

/// The key by which column names are compared.
pub(super) fn key(name: &str) -> String {
    fold(name).chars().filter(|character| character.is_alphanumeric()).collect()
}

/// The header for an error: quoted and shortened.
fn found(names: &[String]) -> String {
    let quoted = names.iter().take(FOUND_COLUMNS_MAX).map(|name| format!("\"{}\"", shown(name)));
    let found = quoted.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(FOUND_COLUMNS_MAX) {
        0 => found,
        more => format!("{found} and {more} more"),
    }
}

/// A column's name for a message: shortened, and with control characters escaped, which a terminal would interpret.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(FOUND_COLUMN_LEN_MAX).flat_map(escape).collect();
    if name.chars().nth(FOUND_COLUMN_LEN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn escape(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = (!character.is_control()).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognise(header: &str) -> Result<Columns, TransferError> {
        Columns::recognise(header.split(','))
    }

    #[test]
    fn the_layout_is_recognised_by_the_header() {
        let check = |header: &str, layout| {
            assert_eq!(recognise(header).map(|columns| columns.layout).ok(), layout, "{header}");
        };
        check("Name,Given Name,Family Name,E-mail 1 - Value,Organization 1 - Name,Department", Some(Layout::Google));
        check("First Name,Last Name,Organization Name,Organization Title,Labels", Some(Layout::Google));
        check(
            "First Name,Last Name,E-mail Address,Company,Job Title,Business Phone,Mobile Phone",
            Some(Layout::Outlook),
        );
        check("First Name,Last Name,E-mail Address,E-mail Display Name,Department", Some(Layout::Outlook));
        check("First Name,Last Name,Display Name,Primary Email,Work Phone,Organization", Some(Layout::Thunderbird));
        check("name,surname,email,phone,company", Some(Layout::Plain));
        check("FIRST_NAME,last-name,E-Mail", Some(Layout::Plain));
        check("first name,last name,email address,mobile phone,department,employee", Some(Layout::Plain));
        check("name,email,organization name,department,employee", Some(Layout::Plain));
        check("phone", Some(Layout::Plain));
        check("Anita,Jorgensen,anita@contoso.com", None);
        check("company,city,createdAt", None);
        check("Organization Name,Organization Title,Labels", None);
        check("", None);
    }

    #[test]
    fn fields_are_read_from_columns_in_order_of_preference() {
        let check = |header: &str, field: Field, expected: &[usize]| {
            assert_eq!(recognise(header).unwrap().of(field), expected, "{header}");
        };
        check("email,E-MAIL,e_mail", Field::Email, &[0]);
        check("Phone 2 - Value,Phone 1 - Value,Phone 1 - Type", Field::Phone, &[1, 0]);
        check("name,first name,surname", Field::Name, &[1, 0]);
        check(
            "Primary Phone,Home Phone,Business Phone,Mobile Phone,Business Fax,First Name",
            Field::Phone,
            &[3, 2, 1, 0],
        );
        check("name,department", Field::Department, &[1]);
        check("First Name,E-mail Address,Business Phone,Department", Field::Department, &[]);
        check("First Name,Primary Email,Department", Field::Department, &[]);
        check("Given Name,E-mail 1 - Value,Department", Field::Department, &[]);
        check("name,how_we_met,Created At", Field::HowWeMet, &[1]);
    }

    #[test]
    fn unknown_columns_of_a_plain_file_are_listed() {
        let check =
            |header: &str, expected: &[&str]| assert_eq!(recognise(header).unwrap().ignored(), expected, "{header}");
        check("name,emial,Shoe size,contactId,source,updatedAt,muster_row,muster_reason", &["emial", "Shoe size"]);
        check("First Name,E-mail Address,Business Phone,Pager", &[]);
    }

    #[test]
    fn control_characters_in_column_names_are_escaped() {
        let long = "!".repeat(100);
        let columns = recognise(&format!("n\u{1b}ame,Shoe\u{1b}[31m size,email{long}")).unwrap();
        assert_eq!((columns.name(0), columns.ignored()), ("n\\u{1b}ame", &["Shoe\\u{1b}[31m size".to_owned()][..]));
        assert_eq!(columns.name(2), format!("email{}…", &long[..35]));
    }

    #[test]
    fn an_unknown_header_is_quoted_shortened_and_escaped() {
        let long = "x".repeat(100);
        let header = format!("Vor\u{1b}[31mname,{long}{}", ",y".repeat(20));
        let message = recognise(&header).map(|_| ()).unwrap_err().to_string();
        let found = format!("\"Vor\\u{{1b}}[31mname\", \"{}…\", \"y\"", "x".repeat(40));
        assert!(message.contains(&found), "{message}");
        assert!(message.contains("and 10 more") && message.contains("name, surname, email and phone"), "{message}");
    }
}

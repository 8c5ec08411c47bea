//! Files of every layout and encoding, end to end: imported by the command and over HTTP, read by the API and exported.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::{TestServer, WireClient, WorkDir};

/// A file, and the contacts that it must contain.
struct Case {
    /// The prefix of its enterprises' ids.
    name: &'static str,
    /// `{e}` is replaced by the enterprise, since employees' ids are unique in the installation.
    file: &'static str,
    encode: fn(&str) -> Vec<u8>,
    /// Layout, encoding and delimiter in the report.
    recognised: [&'static str; 3],
    /// Fields of the contacts, in the order of the file.
    contacts: Value,
}

fn utf8(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn utf8_with_mark(text: &str) -> Vec<u8> {
    [b"\xef\xbb\xbf", text.as_bytes()].concat()
}

fn utf16_le(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn utf16_be(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
}

/// Windows-1252 of texts whose only characters beyond Latin-1 are the euro sign and the en dash.
fn windows_1252(text: &str) -> Vec<u8> {
    let byte = |character| match character {
        '€' => 0x80,
        '–' => 0x96,
        other => u8::try_from(u32::from(other)).unwrap(),
    };
    text.chars().map(byte).collect()
}

const GOOGLE_OLD: &str = "\
Name,Given Name,Additional Name,Family Name,Birthday,Notes,Group Membership,E-mail 1 - Type,E-mail 1 - Value,\
E-mail 2 - Type,E-mail 2 - Value,Phone 1 - Type,Phone 1 - Value,Organization 1 - Name,Organization 1 - Title,\
Organization 1 - Department,Website 1 - Value
Zoë Quinn,Zoë,,Quinn,,Met in Ulm,* myContacts ::: Fair,* Work,zoe@contoso.example ::: z@home.example,,,Mobile,\
+49 731 1,Contoso,CTO,Research,https://contoso.example
Only Name,,,,,,,,,,second@x.example,,,,,,
";

const GOOGLE_NEW: &str = "\
First Name,Middle Name,Last Name,Phonetic First Name,Organization Name,Organization Title,Organization Department,Notes,\
Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Address 1 - City,Address 1 - Country
Zoë,,Quinn,,Contoso,CTO,Research,\"two\nlines\",Fair ::: Ulm,Work,zoe@contoso.example,,+49 731 1,Ulm,Germany
";

const THUNDERBIRD: &str = "\
First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Work Phone,Mobile Number,Work City,Work Country,\
Job Title,Department,Organization,Web Page 1,Notes
Søren,Ærø,Søren Ærø,,soren@nord.example,,+45 1,+45 2,Aarhus,Denmark,Editor,Press,Nord,https://nord.example,x
,,Just Displayed,,,other@nord.example,+45 3,,,,,,,,
";

const OUTLOOK: &str = "\
First Name,Last Name,Company,Department,Job Title,Business Phone,Mobile Phone,E-mail Address,E-mail Display Name,Notes
José,Núñez,Fabrikam,Research,Head,+34 1,,jose@fabrikam.example,José Núñez,5 € – cash
";

const PLAIN: &str = "\
name,surname,email,phone,company,position,tags,latitude,longitude,city,country
Jürgen,Groß,j@gross.example,+49 1,Groß & Söhne,Chef,vip; Messe,48.4,-9.99,Ulm,Germany
";

const PLAIN_SEMICOLON: &str = "name;surname;email;phone;company\nJürgen;Groß;j@gross.example;+49 1;Groß, Söhne & Co\n";

const PLAIN_TAB: &str =
    "name\tsurname\temail\tphone\tcompany\nJürgen\tGroß\tj@gross.example\t+49 1\tGroß, Söhne & Co\n";

fn gross() -> Value {
    json!([{"name": "Jürgen", "surname": "Groß", "email": "j@gross.example", "phone": "+49 1", "company": "Groß, Söhne & Co"}])
}

fn cases() -> Vec<Case> {
    let case = |name, file, encode, recognised, contacts| Case { name, file, encode, recognised, contacts };
    vec![
        case(
            "google-old",
            GOOGLE_OLD,
            utf8,
            ["google", "utf-8", "comma"],
            json!([
                {"name": "Zoë", "surname": "Quinn", "email": "zoe@contoso.example", "phone": "+49 731 1", "company": "Contoso",
                 "position": "CTO", "website": "https://contoso.example", "notes": "Met in Ulm", "tags": ["Fair"]},
                {"name": "Only Name", "surname": "", "email": "second@x.example", "tags": []},
            ]),
        ),
        case(
            "google-new",
            GOOGLE_NEW,
            utf8,
            ["google", "utf-8", "comma"],
            json!([
                {"name": "Zoë", "surname": "Quinn", "email": "zoe@contoso.example", "phone": "+49 731 1", "company": "Contoso",
                 "position": "CTO", "notes": "two\nlines", "tags": ["Fair", "Ulm"],
                 "location": {"latitude": null, "longitude": null, "city": "Ulm", "country": "Germany"}},
            ]),
        ),
        case(
            "thunderbird",
            THUNDERBIRD,
            utf8,
            ["thunderbird", "utf-8", "comma"],
            json!([
                {"name": "Søren", "surname": "Ærø", "email": "soren@nord.example", "phone": "+45 2", "company": "Nord",
                 "position": "Editor", "website": "https://nord.example", "notes": "x"},
                {"name": "Just Displayed", "surname": "", "email": "other@nord.example", "phone": "+45 3"},
            ]),
        ),
        case(
            "outlook",
            OUTLOOK,
            windows_1252,
            ["outlook", "windows-1252", "comma"],
            json!([
                {"name": "José", "surname": "Núñez", "email": "jose@fabrikam.example", "phone": "+34 1", "company": "Fabrikam",
                 "position": "Head", "notes": "5 € – cash"},
            ]),
        ),
        case(
            "plain",
            PLAIN,
            utf8,
            ["plain", "utf-8", "comma"],
            json!([
                {"name": "Jürgen", "surname": "Groß", "company": "Groß & Söhne", "position": "Chef", "tags": ["vip", "Messe"],
                 "location": {"latitude": 48.4, "longitude": -9.99, "city": "Ulm", "country": "Germany"}, "source": "import"},
            ]),
        ),
        case("plain-mark", PLAIN_SEMICOLON, utf8_with_mark, ["plain", "utf-8", "semicolon"], gross()),
        case("plain-1252", PLAIN_SEMICOLON, windows_1252, ["plain", "windows-1252", "semicolon"], gross()),
        case("plain-16le", PLAIN_TAB, utf16_le, ["plain", "utf-16le", "tab"], gross()),
        case("plain-16be", PLAIN_TAB, utf16_be, ["plain", "utf-16be", "tab"], gross()),
        case("plain-tab", PLAIN_TAB, utf8, ["plain", "utf-8", "tab"], gross()),
    ]
}

/// How a file is imported into an enterprise: by the command beside the server, or by the route.
#[derive(Clone, Copy, Debug)]
enum Via {
    Command,
    Http,
}

impl Via {
    const BOTH: [Self; 2] = [Self::Command, Self::Http];

    /// Imports a file; returns the report, or the exit code or status of the refusal.
    fn import(self, at: &mut Installation, file: &[u8], enterprise: &str, owner: Owner) -> Result<Value, u16> {
        let user = format!("{enterprise}-u1");
        match self {
            Self::Command => {
                at.dir.write("file.csv", file);
                let mut arguments =
                    vec!["import", "file.csv", "--enterprise", enterprise, "--create-missing", "--json"];
                if owner == Owner::Named {
                    arguments.extend(["--department", "sales", "--employee", &user]);
                }
                let ended = at.dir.muster(&arguments);
                if ended.stdout.is_empty() {
                    return Err(u16::try_from(ended.code.unwrap()).unwrap());
                }
                Ok(serde_json::from_str(&ended.stdout).unwrap())
            }
            Self::Http => {
                let body = json!({"id": enterprise, "name": enterprise}).to_string();
                let made = at.client.send("POST", "/enterprise", body).status;
                assert!(matches!(made, 201 | 409), "{made}");
                let mut path = format!("/enterprise/{enterprise}/contacts/import?createMissing=true");
                if owner == Owner::Named {
                    path = format!("{path}&department=sales&employee={user}");
                }
                let reply = at.client.try_send("POST", &path, &[("Content-Type", "text/csv")], file).unwrap();
                if reply.status != 200 {
                    return Err(reply.status);
                }
                Ok(reply.json()["report"].clone())
            }
        }
    }
}

/// Where the owner of the contacts is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// By the caller: department `sales`, and an employee with an id derived from the enterprise.
    Named,
    /// In the columns of the file, if it has them.
    OfFile,
}

/// A server and its working directory.
struct Installation {
    dir: WorkDir,
    client: WireClient,
    _server: TestServer,
}

impl Installation {
    fn new() -> Self {
        let dir = WorkDir::new();
        let server = dir.serve();
        Self { dir, client: server.client(), _server: server }
    }

    /// The contacts of an employee, in the order in which they were imported.
    fn contacts(&mut self, user: &str) -> Vec<Value> {
        let mut page = self.client.get(&format!("/Contacts/{user}?limit=1000"));
        let mut contacts = std::mem::take(page["contactList"].as_array_mut().unwrap());
        contacts.reverse();
        contacts
    }

    fn summary(&mut self, enterprise: &str) -> Value {
        self.client.get(&format!("/enterprise/{enterprise}/contacts/summary"))["data"].take()
    }

    /// The exported rows of an enterprise, after checking that the command and the API export the same.
    fn exported(&mut self, enterprise: &str) -> Vec<csv::StringRecord> {
        let file =
            self.client.send("GET", &format!("/enterprise/{enterprise}/contacts/export?format=csv"), "").expect(200);
        assert!(file.header("content-type").unwrap().starts_with("text/csv"));
        assert_eq!(self.dir.muster_ok(&["export", "--enterprise", enterprise]).as_bytes(), file.body);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&file.body[..]);
        reader.records().map(Result::unwrap).collect()
    }
}

#[test]
fn every_layout_and_encoding_becomes_the_same_contacts_by_command_and_over_http() {
    let mut at = Installation::new();
    for case in cases() {
        for via in Via::BOTH {
            let label = format!("{} by {via:?}", case.name);
            let enterprise = format!("{}-{via:?}", case.name);
            let file = (case.encode)(case.file);
            let rows = case.contacts.as_array().unwrap().len();
            let report = via.import(&mut at, &file, &enterprise, Owner::Named).unwrap();
            let reported = ["layout", "encoding", "delimiter"].map(|field| report[field].as_str().unwrap());
            assert_eq!(reported, case.recognised, "{label}");
            assert_eq!((&report["imported"], &report["rejected"]), (&json!(rows), &json!(0)), "{label}: {report:#}");
            let again = via.import(&mut at, &file, &enterprise, Owner::Named).unwrap();
            assert_eq!((&again["imported"], &again["duplicates"]), (&json!(0), &json!(rows)), "{label}");
            let contacts = at.contacts(&format!("{enterprise}-u1"));
            assert_eq!(contacts.len(), rows, "{label}");
            for (contact, expected) in contacts.iter().zip(case.contacts.as_array().unwrap()) {
                for (field, value) in expected.as_object().unwrap() {
                    assert_eq!(&contact[field], value, "{label}: {field}");
                }
            }
            // No column of another program's export created a department.
            let summary = at.summary(&enterprise);
            assert_eq!((&summary["totalDepartments"], &summary["totalEmployees"]), (&json!(1), &json!(1)), "{label}");
        }
    }
    assert!(!at.dir.exists("file.csv.rejects.csv"));
}

#[test]
fn columns_of_a_plain_file_name_the_owner_and_flags_override_them() {
    const FILE: &str = "\
name,department,employee,employee_email
Ada,Field Team,{e}-ann,
Bob,lab,,{e}-ben@acme.example
Cy,lab,{e}-ann,
Dora,,{e}-ann,
";
    let mut at = Installation::new();
    for via in Via::BOTH {
        let enterprise = format!("owners-{via:?}");
        let file = FILE.replace("{e}", &enterprise);
        let report = via.import(&mut at, file.as_bytes(), &enterprise, Owner::OfFile).unwrap();
        assert_eq!((&report["imported"], &report["rejected"]), (&json!(3), &json!(1)), "{report:#}");
        assert_eq!(report["rejects"][0]["row"], 3);
        assert!(report["rejects"][0]["reason"].as_str().unwrap().contains("another department"), "{report:#}");
        assert_eq!((&report["created"]["departments"], &report["created"]["employees"]), (&json!(2), &json!(2)));
        let names: Vec<_> =
            at.contacts(&format!("{enterprise}-ann")).iter().map(|contact| contact["name"].clone()).collect();
        assert_eq!(names, ["Ada", "Dora"]);
        let enterprise = format!("flags-{via:?}");
        let file = FILE.replace("{e}", &enterprise);
        let report = via.import(&mut at, file.as_bytes(), &enterprise, Owner::Named).unwrap();
        assert_eq!((&report["imported"], &report["rejected"]), (&json!(4), &json!(0)), "{report:#}");
        assert_eq!(at.contacts(&format!("{enterprise}-u1")).len(), 4);
        assert_eq!(at.summary(&enterprise)["totalDepartments"], 1);
    }
}

#[test]
fn a_department_column_of_an_export_never_names_the_owner() {
    let mut at = Installation::new();
    for (name, file) in [("outlook", OUTLOOK), ("thunderbird", THUNDERBIRD), ("google", GOOGLE_NEW)] {
        for (via, refusal) in [(Via::Command, 2), (Via::Http, 400)] {
            let outcome = via.import(&mut at, file.as_bytes(), &format!("nobody-{name}-{via:?}"), Owner::OfFile);
            assert_eq!(outcome, Err(refusal), "{name} by {via:?}");
        }
    }
}

#[test]
fn unusual_texts_survive_import_api_and_export_byte_for_byte() {
    let texts = [
        "👩‍👩‍👧‍👦 family",
        "e\u{301} is not é",
        "Å Å Å",
        "ﬁ ① ½ Ⅷ",
        "שלום \u{202e}gnp.exe",
        "مرحبا ١٢٣",
        "中文 日本語 한국어",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \u{10ffff}",
        "zero\u{200b}width\u{feff}inside",
        "line\u{2028}separator\u{85}",
        "a \"quoted\" word, a comma; a semicolon\tand a tab",
        "two\nlines\r\nthree",
        "=cmd|' /C calc'!A0",
        "'); DROP TABLE contact; --",
        "İstanbul ıI ſs ßẞ",
        "\\n \\u0041 %20 &amp; {e}",
    ];
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut file = "name,notes,email,company\n".to_owned();
    for (row, text) in texts.iter().enumerate() {
        let _ = writeln!(file, "{0},{0},p{row}@people.example,{0}", quoted(text));
    }
    let mut at = Installation::new();
    for via in Via::BOTH {
        let enterprise = format!("odd-{via:?}");
        let report = via.import(&mut at, file.as_bytes(), &enterprise, Owner::Named).unwrap();
        assert_eq!(report["imported"], texts.len(), "{report:#}");
        for (contact, text) in at.contacts(&format!("{enterprise}-u1")).iter().zip(texts) {
            for field in ["name", "notes", "company"] {
                assert_eq!(contact[field], text, "{field}");
            }
        }
        let exported = at.exported(&enterprise);
        let column = |name: &str| exported[0].iter().position(|own| own == name).unwrap();
        for (row, text) in exported[1..].iter().zip(texts) {
            for field in ["name", "notes", "company"] {
                assert_eq!(&row[column(field)], text, "{field}");
            }
        }
        // Exported and imported again it is the same to the byte, except for the columns that differ for every contact.
        let file = at.client.send("GET", &format!("/enterprise/{enterprise}/contacts/export"), "").body;
        let copy = format!("copy-{via:?}");
        via.import(&mut at, &file, &copy, Owner::Named).unwrap();
        let kept = |rows: Vec<csv::StringRecord>| -> Vec<Vec<String>> {
            rows.iter().map(|row| row.iter().take(15).map(str::to_owned).collect()).collect()
        };
        assert_eq!(kept(at.exported(&copy)), kept(exported));
        let again = via.import(&mut at, &file, &enterprise, Owner::Named).unwrap();
        assert_eq!(again["duplicates"], texts.len(), "{again:#}");
    }
}

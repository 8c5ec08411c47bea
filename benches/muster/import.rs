//! The import of a large CSV file with no server running, compared with `sqlite3 .import` into a table with the same
//! columns and indexes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use muster::store::{DATABASE_FILE, SCHEMA};

use crate::Bench;
use crate::process::peak_rss_kib;
use crate::table::Table;

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    let csv = bench.dir.join("contacts.csv");
    write_csv(bench, &csv);
    let dir = bench.dir.join("imported");

    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(["import", "--enterprise", "acme", "--create-missing", "--json", "--log-level", "warn", "--data-dir"])
        .args([&dir, &csv])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peak = peak_rss_kib(&mut child);
    let took = begun.elapsed();
    table.row(
        format!("import of {} rows, no server", bench.contacts),
        per_second(bench.contacts, took),
        format!("{:.1} s; peak RSS {} MiB; file {} MiB", took.as_secs_f64(), peak / 1024, mebibytes(&csv)),
    );

    let same = bench.dir.join("same.csv");
    let database = dir.join(DATABASE_FILE);
    if !sqlite3(&database, &[".mode csv", &format!(".output {}", same.display()), "SELECT * FROM contact"]) {
        table.row("sqlite3 .import", "not measured", "the command sqlite3 is not installed");
        return;
    }
    let baseline = bench.dir.join("baseline.db");
    let statements = format!("{};", baseline_schema());
    let begun = Instant::now();
    assert!(sqlite3(&baseline, &[&statements, ".mode csv", &format!(".import {} contact", same.display())]));
    let baseline_took = begun.elapsed();
    table.row(
        "sqlite3 .import, same columns and indexes",
        per_second(bench.contacts, baseline_took),
        format!(
            "{:.1} s; the import above reaches {:.2} of it (aim: 0.50)",
            baseline_took.as_secs_f64(),
            baseline_took.as_secs_f64() / took.as_secs_f64()
        ),
    );
}

fn write_csv(bench: &Bench, path: &Path) {
    let data = Bench::data(bench.contacts);
    let mut file = csv::Writer::from_writer(BufWriter::new(File::create(path).unwrap()));
    let head =
        ["name", "surname", "email", "phone", "company", "position", "city", "createdAt", "department", "employee"];
    file.write_record(head).unwrap();
    for contact in data.contacts() {
        let fields = contact.info.fields();
        let created_at = contact.created_at.to_string();
        let record = [
            &fields.name,
            &fields.surname,
            &fields.email,
            &fields.phone,
            &fields.company,
            &fields.position,
            &fields.location.city,
            &created_at,
            &contact.department.to_string(),
            &contact.employee.to_string(),
        ];
        file.write_record(record).unwrap();
    }
    file.flush().unwrap();
}

/// The statements of `schema.sql` that make the table of contacts and its indexes, without references to other tables.
fn baseline_schema() -> String {
    let bare: String =
        SCHEMA.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let of_contact = |statement: &&str| {
        let statement = statement.trim_start();
        statement.starts_with("CREATE TABLE contact ") || statement.starts_with("CREATE INDEX contact_")
    };
    let statements: Vec<&str> = bare.split(';').filter(of_contact).collect();
    assert_eq!(statements.len(), 6, "the table and its five indexes");
    // Not strict, since `.import` cannot express a missing number and inserts an empty text.
    let looser = [("REFERENCES employee (id)", ""), ("REFERENCES company (id)", ""), (") STRICT", ")")];
    looser.iter().fold(statements.join(";"), |sql, (strict, loose)| sql.replace(strict, loose))
}

fn sqlite3(database: &Path, commands: &[&str]) -> bool {
    let child = Command::new("sqlite3").arg(database).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    let mut input = child.stdin.take().unwrap();
    for command in commands {
        let end = if command.starts_with('.') || command.ends_with(';') { "" } else { ";" };
        writeln!(input, "{command}{end}").unwrap();
    }
    drop(input);
    child.wait().unwrap().success()
}

fn per_second(rows: u64, took: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = rows as f64 / took.as_secs_f64();
    format!("{rate:.0} rows/s")
}

fn mebibytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len() / 1024 / 1024)
}

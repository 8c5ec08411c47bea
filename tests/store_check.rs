//! `check` finds and names whatever was changed without the store's code.

use muster::domain::access::Reach;
use muster::domain::contacts::{ContactFields, ContactInfo};
use muster::store::Actor;

use crate::support::{TestStore, add_contact, department, employee, enterprise, name};

/// Changes the database without the store's code and expects the check to report exactly the differences: each kind
/// with the value computed from the facts and the stored one.
fn check(damage: &str, expected: &[(&str, &str, &str)]) {
    let store = TestStore::with_people();
    store
        .write(|tx| {
            add_contact(tx, "u1", "anita")?;
            add_contact(tx, "u1", "omar")?;
            add_contact(tx, "u2", "omar")?;
            // An archived department, and a tombstone.
            tx.create_department(&enterprise("acme"), Some(department("hidden")), &name("Hidden"))?;
            tx.archive_department(&enterprise("acme"), &department("hidden"))?;
            tx.create_enterprise(Some(enterprise("gone")), &name("Gone"))?;
            tx.purge_enterprise(&enterprise("gone"), &Actor::command_line())
        })
        .unwrap();
    let raw = store.directory().raw_writer();
    crate::support::eventually("the purge is over", || {
        let left: i64 = raw.query_row("SELECT count(*) FROM purge", [], |row| row.get(0)).unwrap();
        (left == 0).then_some(())
    });
    store.assert_clean();
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    raw.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
    let changed = raw.execute(damage, []).unwrap();
    assert_eq!(changed, 1, "{damage}");

    let report = store.check().unwrap();
    let found: Vec<(&str, &str, &str)> = report
        .differences
        .iter()
        .map(|difference| (difference.kind, difference.expected.as_str(), difference.stored.as_str()))
        .collect();
    assert_eq!(found, expected, "{damage}: {:#?}", report.differences);
    assert_eq!(report.differences_total, expected.len() as u64);
    assert!(!report.is_clean());
    store.leave_damaged();
}

/// The id of the scope of an enterprise or, after a slash, of a department, as SQL.
fn scope_id(scope: &str) -> String {
    let (enterprise, department) = scope.split_once('/').unwrap_or((scope, ""));
    format!("(SELECT id FROM scope WHERE enterprise = '{enterprise}' AND department = '{department}')")
}

#[test]
fn an_edited_total_of_a_scope_is_found() {
    for scope in ["acme", "acme/sales"] {
        let edit = |set: &str| format!("UPDATE scope SET {set} WHERE id = {}", scope_id(scope));
        let contacts = if scope == "acme" { ("3", "4") } else { ("2", "3") };
        check(&edit("contacts = contacts + 1"), &[("contacts of a scope", contacts.0, contacts.1)]);
        check(&edit("people = people - 1"), &[("people of a scope", "2", "1")]);
        let employees = if scope == "acme" { ("2/2", "3/2") } else { ("1/1", "2/1") };
        let kind = "employees of a scope, active ones after the slash";
        check(&edit("employees = employees + 1"), &[(kind, employees.0, employees.1)]);
        let active = if scope == "acme" { ("2/2", "2/1") } else { ("1/1", "1/0") };
        check(&edit("active_employees = active_employees - 1"), &[(kind, active.0, active.1)]);
    }
}

#[test]
fn an_edited_total_of_something_archived_is_found() {
    let edit = format!("UPDATE scope SET contacts = 1 WHERE id = {}", scope_id("acme/hidden"));
    check(&edit, &[("contacts of a scope", "0", "1")]);
}

#[test]
fn a_tombstone_with_figures_is_found() {
    let edit = format!("UPDATE scope SET people = 1 WHERE id = {}", scope_id("gone"));
    check(&edit, &[("figures of a scope that has gone", "0, 0, 0, 0", "0, 1, 0, 0")]);
}

#[test]
fn a_missing_scope_is_found() {
    let edit = format!("DELETE FROM scope WHERE id = {}", scope_id("acme/hidden"));
    check(&edit, &[("foreign key", "a row of scope", "none")]);
}

#[test]
fn an_edited_missing_or_surplus_rollup_row_is_found() {
    for (table, key, kind) in [
        ("rollup_company", "company_id", "contacts of a scope per company"),
        ("rollup_day", "day", "contacts of a scope per day"),
        ("rollup_person", "person_key", "contacts of a scope per person"),
    ] {
        for (scope, stored) in [("acme", 3), ("acme/sales", 2)] {
            // Every contact of a scope has the same company and day; people are `anita` once and `omar` otherwise.
            let stored = if table == "rollup_person" { stored - 1 } else { stored };
            let row = format!(
                "scope_id = {} AND {key} = (SELECT {key} FROM {table} WHERE scope_id = {0} ORDER BY contacts DESC, {key} LIMIT 1)",
                scope_id(scope)
            );
            let edit = format!("UPDATE {table} SET contacts = contacts + 1 WHERE {row}");
            check(&edit, &[(kind, &stored.to_string(), &(stored + 1).to_string())]);
            check(&format!("DELETE FROM {table} WHERE {row}"), &[(kind, &stored.to_string(), "0")]);
            let move_away = format!("UPDATE {table} SET {key} = {key} + 1 WHERE {row}");
            let stored = stored.to_string();
            let mut moved = vec![(kind, stored.as_str(), "0"), (kind, "0", stored.as_str())];
            if table == "rollup_company" {
                moved.push(("company name in a rollup", "nothing", "Contoso"));
            }
            check(&move_away, &moved);
        }
    }
}

#[test]
fn a_rollup_row_without_contacts_is_found() {
    let edit = format!("INSERT INTO rollup_day (scope_id, day, contacts) VALUES ({}, 1, 1)", scope_id("gone"));
    check(&edit, &[("rollup rows of a scope that has none", "none", "1 rows")]);
    let edit = format!("INSERT INTO rollup_day (scope_id, day, contacts) VALUES ({}, 1, 0)", scope_id("acme"));
    check(&edit, &[("contacts of a scope per day", "0", "0")]);
}

#[test]
fn an_edited_name_in_a_rollup_is_found() {
    let row = format!("scope_id = {}", scope_id("acme"));
    let kind = "company name in a rollup";
    check(&format!("UPDATE rollup_company SET name = 'Fabrikam' WHERE {row}"), &[(kind, "Contoso", "Fabrikam")]);
    check(&format!("UPDATE rollup_company SET name_folded = 'fabrikam' WHERE {row}"), &[(kind, "Contoso", "Contoso")]);
}

#[test]
fn an_edited_total_of_an_employee_is_found() {
    check("UPDATE employee SET contacts = 7 WHERE public_id = 'u1'", &[("contacts of an employee", "2", "7")]);
}

#[test]
fn an_edited_carried_column_of_an_employee_is_found() {
    let edit = "UPDATE employee SET department_archived = 1 WHERE public_id = 'u1'";
    check(edit, &[("archived department carried by an employee", "0", "1")]);
    let edit = format!("UPDATE employee SET enterprise_id = {} WHERE public_id = 'u2'", scope_id("gone"));
    let report = kinds_after(&edit);
    assert!(report.contains(&"enterprise carried by an employee".to_owned()), "{report:?}");
}

#[test]
fn an_edited_carried_column_of_a_contact_is_found() {
    for set in [
        "counted = 1".to_owned(),
        format!("department_id = {}", scope_id("acme/lab")),
        format!("enterprise_id = {}", scope_id("gone")),
    ] {
        let edit = format!("UPDATE contact SET {set} WHERE id = (SELECT min(id) FROM contact)");
        assert_eq!(kinds_after(&edit), ["place carried by a contact (department, enterprise, counted)"], "{edit}");
    }
}

#[test]
fn an_edited_derived_column_is_found() {
    let contact = "UPDATE contact SET %s WHERE id = (SELECT min(id) FROM contact)";
    let derived = "derived from a contact (e-mail, phone, company, person, content)";
    for set in ["email_normalised = 'a@b.example'", "phone_normalised = '+1'", "content_key = 1", "company_id = NULL"] {
        let found = kinds_after(&contact.replace("%s", set));
        assert!(found.contains(&derived.to_owned()), "{set}: {found:?}");
    }
    let found = kinds_after(&contact.replace("%s", "person_key = 1"));
    assert!(
        found.contains(&derived.to_owned()) && found.contains(&"contacts of a scope per person".to_owned()),
        "{found:?}"
    );
    for edit in [
        "UPDATE enterprise SET name_folded = 'x' WHERE public_id = 'acme'",
        "UPDATE department SET name_folded = 'x' WHERE public_id = 'sales'",
        "UPDATE employee SET name_folded = 'x' WHERE public_id = 'u1'",
        "UPDATE employee SET name = 'x' WHERE public_id = 'u1'",
        "UPDATE employee SET email_normalised = 'a@b.example' WHERE public_id = 'u1'",
    ] {
        assert_eq!(kinds_after(edit), ["derived from a name or an employee's e-mail"], "{edit}");
    }
    assert_eq!(
        kinds_after("UPDATE company SET name = 'Fabrikam'"),
        ["company name in a rollup", "derived from a name or an employee's e-mail"]
    );
}

#[test]
fn a_revision_beyond_the_counter_is_found() {
    let edit = format!("UPDATE scope SET revision = 1000 WHERE id = {}", scope_id("acme"));
    let found = kinds_after(&edit);
    assert_eq!(found, ["revision beyond the counter"]);
}

/// The kinds of the differences that a check reports after an edit, without repetitions, in order.
fn kinds_after(damage: &str) -> Vec<String> {
    let store = TestStore::with_people();
    store
        .write(|tx| {
            tx.create_enterprise(Some(enterprise("gone")), &name("Gone"))?;
            add_contact(tx, "u1", "anita")?;
            add_contact(tx, "u1", "omar")
        })
        .unwrap();
    let raw = store.directory().raw_writer();
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    raw.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
    assert_eq!(raw.execute(damage, []).unwrap(), 1, "{damage}");
    let mut kinds: Vec<String> =
        store.check().unwrap().differences.iter().map(|difference| difference.kind.to_owned()).collect();
    kinds.dedup();
    store.leave_damaged();
    kinds
}

#[test]
fn a_report_names_the_subject_and_counts_what_it_does_not_list() {
    let store = TestStore::with_people();
    store
        .write(|tx| {
            for number in 0..60 {
                let fields = ContactFields { name: format!("n{number}"), ..ContactFields::default() };
                let info = ContactInfo::parse(fields).unwrap();
                tx.add_contact(&Reach::Installation, &employee("u1"), &info, "AddContact")?;
            }
            Ok(())
        })
        .unwrap();
    let raw = store.directory().raw_writer();
    let edit = format!("UPDATE rollup_person SET contacts = 2 WHERE scope_id = {}", scope_id("acme/sales"));
    assert_eq!(raw.execute(&edit, []).unwrap(), 60);
    let report = store.check().unwrap();
    assert_eq!(report.differences_total, 60);
    assert_eq!(report.differences.len(), 20);
    assert!(report.differences[0].subject.starts_with("acme/sales, person "), "{:?}", report.differences[0]);
    assert_eq!(report.contacts, 60);
    assert_eq!(report.scopes, 3);
    store.leave_damaged();
}

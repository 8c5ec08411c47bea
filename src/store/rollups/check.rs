//! Checks the rollups: every one is recomputed from the facts and compared.
//!
//! Skips what is being purged, since its rollups are no longer kept.

use rusqlite::Row;
use serde::Serialize;

use crate::domain::contacts::ContactInfo;
use crate::domain::directory::EmployeeFields;
use crate::domain::identity::normalise_email;
use crate::domain::text::fold;
use crate::store::engine::error::StoreError;
use crate::store::engine::tx::ReadTx;
use crate::store::facts::contacts::read_fields;

/// Most differences that one kind of comparison reports; all are counted.
const DIFFERENCES_PER_KIND_MAX: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    pub contacts: u64,
    /// Scopes whose rollups were recomputed.
    pub scopes: u64,
    pub differences_total: u64,
    /// The first ones of each kind.
    pub differences: Vec<Difference>,
}

/// A stored value that does not follow from the facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub kind: &'static str,
    /// The scope, row or key that differs.
    pub subject: String,
    pub expected: String,
    pub stored: String,
}

/// The facts that every comparison uses. `kept` are the scopes whose rollups are kept; `counted` says for each contact,
/// from its employee and department alone, in which scope it counts.
const FACTS: &str = "
WITH purged_department (id) AS (
    SELECT id FROM department
     WHERE id IN (SELECT subject_id FROM purge WHERE kind = 'department')
        OR enterprise_id IN (SELECT subject_id FROM purge WHERE kind = 'enterprise')),
kept (id, label) AS (
    SELECT enterprise.id, public_id FROM enterprise
     WHERE enterprise.id NOT IN (SELECT subject_id FROM purge WHERE kind = 'enterprise')
    UNION ALL
    SELECT department.id, enterprise.public_id || '/' || department.public_id
      FROM department JOIN enterprise ON enterprise.id = department.enterprise_id
     WHERE department.id NOT IN (SELECT id FROM purged_department)),
staff (id, department_id, enterprise_id, is_active) AS (
    SELECT id, department_id, enterprise_id, is_active FROM employee WHERE archived_at IS NULL),
membership (scope_id, employee_id) AS (
    SELECT department_id, id FROM staff
    UNION ALL
    SELECT staff.enterprise_id, staff.id FROM staff JOIN department ON department.id = staff.department_id
     WHERE department.archived_at IS NULL),
counted (scope_id, company_id, day, person_key) AS (
    SELECT membership.scope_id, contact.company_id, contact.created_at / 86400000, contact.person_key
      FROM membership JOIN contact ON contact.employee_id = membership.employee_id
     WHERE membership.scope_id IN (SELECT id FROM kept))";

/// One comparison: rows `(subject, expected, stored)` of what differs.
struct Comparison {
    kind: &'static str,
    sql: &'static str,
}

const COMPARISONS: &[Comparison] = &[
    Comparison {
        kind: "contacts of a scope",
        sql: "SELECT label, coalesce(n, 0), scope.contacts FROM kept JOIN scope ON scope.id = kept.id
              LEFT JOIN (SELECT scope_id, count(*) AS n FROM counted GROUP BY scope_id) ON scope_id = kept.id
              WHERE coalesce(n, 0) <> scope.contacts",
    },
    Comparison {
        kind: "people of a scope",
        sql: "SELECT label, coalesce(n, 0), scope.people FROM kept JOIN scope ON scope.id = kept.id
              LEFT JOIN (SELECT scope_id, count(DISTINCT person_key) AS n FROM counted GROUP BY scope_id)
                ON scope_id = kept.id
              WHERE coalesce(n, 0) <> scope.people",
    },
    Comparison {
        kind: "employees of a scope, active ones after the slash",
        sql: "SELECT label, coalesce(n, 0) || '/' || coalesce(a, 0), scope.employees || '/' || scope.active_employees
              FROM kept JOIN scope ON scope.id = kept.id
              LEFT JOIN (SELECT scope_id, count(*) AS n, sum(is_active) AS a
                           FROM membership JOIN staff ON staff.id = employee_id GROUP BY scope_id)
                ON scope_id = kept.id
              WHERE (coalesce(n, 0), coalesce(a, 0)) <> (scope.employees, scope.active_employees)",
    },
    Comparison {
        kind: "contacts of a scope per company",
        sql: "SELECT label || ', company ' || key, coalesce(sum(n), 0), coalesce(sum(m), 0) FROM (
                SELECT scope_id, company_id AS key, count(*) AS n, NULL AS m FROM counted
                 WHERE company_id IS NOT NULL GROUP BY scope_id, company_id
                UNION ALL SELECT scope_id, company_id, NULL, contacts FROM rollup_company)
              JOIN kept ON kept.id = scope_id GROUP BY scope_id, key HAVING sum(n) IS NOT sum(m)",
    },
    Comparison {
        kind: "contacts of a scope per day",
        sql: "SELECT label || ', day ' || key, coalesce(sum(n), 0), coalesce(sum(m), 0) FROM (
                SELECT scope_id, day AS key, count(*) AS n, NULL AS m FROM counted GROUP BY scope_id, day
                UNION ALL SELECT scope_id, day, NULL, contacts FROM rollup_day)
              JOIN kept ON kept.id = scope_id GROUP BY scope_id, key HAVING sum(n) IS NOT sum(m)",
    },
    Comparison {
        kind: "contacts of a scope per person",
        sql: "SELECT label || ', person ' || key, coalesce(sum(n), 0), coalesce(sum(m), 0) FROM (
                SELECT scope_id, person_key AS key, count(*) AS n, NULL AS m FROM counted GROUP BY scope_id, person_key
                UNION ALL SELECT scope_id, person_key, NULL, contacts FROM rollup_person)
              JOIN kept ON kept.id = scope_id GROUP BY scope_id, key HAVING sum(n) IS NOT sum(m)",
    },
    Comparison {
        kind: "rollup rows of a scope that has none",
        sql: "SELECT scope_id, 'none', count(*) || ' rows' FROM (
                SELECT scope_id FROM rollup_company UNION ALL SELECT scope_id FROM rollup_day
                UNION ALL SELECT scope_id FROM rollup_person)
              WHERE scope_id NOT IN (SELECT id FROM enterprise UNION ALL SELECT id FROM department) GROUP BY scope_id",
    },
    Comparison {
        kind: "figures of a scope that has gone",
        sql: "SELECT enterprise || iif(department = '', '', '/' || department), '0, 0, 0, 0',
                contacts || ', ' || people || ', ' || employees || ', ' || active_employees
              FROM scope WHERE id NOT IN (SELECT id FROM enterprise UNION ALL SELECT id FROM department)
                AND (contacts, people, employees, active_employees) <> (0, 0, 0, 0)",
    },
    Comparison {
        kind: "company name in a rollup",
        sql: "SELECT rollup_company.scope_id || ', company ' || company_id, company.name, rollup_company.name
              FROM rollup_company LEFT JOIN company ON company.id = company_id
              WHERE (company.name, company.name_folded) IS NOT (rollup_company.name, rollup_company.name_folded)",
    },
    Comparison {
        kind: "contacts of an employee",
        sql: "SELECT public_id, (SELECT count(*) FROM contact WHERE employee_id = employee.id), contacts FROM employee
              WHERE contacts <> (SELECT count(*) FROM contact WHERE employee_id = employee.id)
                AND id NOT IN (SELECT subject_id FROM purge WHERE kind = 'employee')
                AND department_id NOT IN (SELECT id FROM purged_department)",
    },
    Comparison {
        kind: "archived department carried by an employee",
        sql: "SELECT employee.public_id, department.archived_at IS NOT NULL, department_archived
              FROM employee JOIN department ON department.id = department_id
              WHERE department_archived <> (department.archived_at IS NOT NULL)",
    },
    Comparison {
        kind: "enterprise carried by an employee",
        sql: "SELECT employee.public_id, department.enterprise_id, employee.enterprise_id
              FROM employee JOIN department ON department.id = department_id
              WHERE employee.enterprise_id <> department.enterprise_id",
    },
    Comparison {
        kind: "place carried by a contact (department, enterprise, counted)",
        sql: "SELECT contact.id, employee.department_id || ', ' || employee.enterprise_id || ', ' || want,
                contact.department_id || ', ' || contact.enterprise_id || ', ' || contact.counted
              FROM (SELECT employee.*, iif(employee.archived_at IS NOT NULL, 0,
                        iif(department.archived_at IS NOT NULL, 1, 2)) AS want
                      FROM employee JOIN department ON department.id = employee.department_id) AS employee
              JOIN contact ON contact.employee_id = employee.id
              WHERE (contact.department_id, contact.enterprise_id, contact.counted)
                 <> (employee.department_id, employee.enterprise_id, want)",
    },
    Comparison {
        kind: "revision beyond the counter",
        sql: "SELECT enterprise || '/' || department, 'at most ' || installation.revision, scope.revision
              FROM scope, installation WHERE scope.revision > installation.revision",
    },
    Comparison {
        kind: "foreign key",
        sql: "SELECT \"table\" || ' row ' || rowid, 'a row of ' || parent, 'none' FROM pragma_foreign_key_check",
    },
    Comparison {
        kind: "file",
        sql: "SELECT 'integrity', 'ok', integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    },
];

impl ReadTx<'_> {
    /// Recomputes every rollup, and what is derived from each contact, from the facts of this snapshot.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport {
            contacts: self.one("SELECT count(*) FROM contact", [], |row| row.get(0))?,
            scopes: self.one(&format!("{FACTS} SELECT count(*) FROM kept"), [], |row| row.get(0))?,
            ..CheckReport::default()
        };
        for comparison in COMPARISONS {
            let sql = format!("{FACTS} SELECT * FROM ({})", comparison.sql);
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut found = 0;
            while let Some(row) = rows.next()? {
                let text = |column| row.get_ref(column).map(|value| text_of(&value));
                let difference =
                    Difference { kind: comparison.kind, subject: text(0)?, expected: text(1)?, stored: text(2)? };
                report.add(difference, &mut found);
            }
        }
        self.check_names(&mut report)?;
        self.check_derived(&mut report)?;
        Ok(report)
    }

    /// Compares what is derived from names and from employees' e-mail addresses.
    fn check_names(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        // Each gives a subject, the texts that something is derived from, and what is: full name, folded name, address.
        const NAMED: &str = "SELECT 'enterprise ' || public_id, name, '', '', name, name_folded, NULL FROM enterprise
            UNION ALL SELECT 'department row ' || id, name, '', '', name, name_folded, NULL FROM department
            UNION ALL SELECT 'company row ' || id, name, '', '', name, name_folded, NULL FROM company
            UNION ALL SELECT 'employee ' || public_id, first_name, last_name, email, name, name_folded, email_normalised
                        FROM employee";
        let mut statement = self.connection.prepare(NAMED)?;
        let mut rows = statement.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let fields = EmployeeFields {
                first_name: row.get(1)?,
                last_name: row.get(2)?,
                email: row.get(3)?,
                ..EmployeeFields::default()
            };
            let name = fields.full_name();
            let expected = (fold(&name), normalise_email(&fields.email), name);
            let stored: (String, Option<String>, String) = (row.get(5)?, row.get(6)?, row.get(4)?);
            if expected != stored {
                let difference = Difference {
                    kind: "derived from a name or an employee's e-mail",
                    subject: row.get(0)?,
                    expected: format!("{expected:?}"),
                    stored: format!("{stored:?}"),
                };
                report.add(difference, &mut found);
            }
        }
        Ok(())
    }

    /// Compares what is derived from each contact's fields.
    fn check_derived(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        const SQL: &str = "SELECT contact.id, contact.name, surname, email, phone, contact.company, position, website,
                how_we_met, notes, tags, latitude, longitude, city, country, email_normalised, phone_normalised,
                company.name_folded, person_key, content_key
           FROM contact LEFT JOIN company ON company.id = contact.company_id";
        let mut statement = self.connection.prepare(SQL)?;
        let mut rows = statement.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let stored = derived(row)?;
            let expected = match ContactInfo::parse(read_fields(row, 1)?) {
                Ok(info) => {
                    let identity = info.identity().clone();
                    (identity.email, identity.phone, identity.company, identity.person.number(), identity.content)
                }
                Err(errors) => {
                    let subject = row.get::<_, i64>(0)?.to_string();
                    let stored = StoreError::Invalid(errors).to_string();
                    let expected = "fields within their limits".to_owned();
                    report.add(Difference { kind: "contact", subject, expected, stored }, &mut found);
                    continue;
                }
            };
            if expected != stored {
                let difference = Difference {
                    kind: "derived from a contact (e-mail, phone, company, person, content)",
                    subject: row.get::<_, i64>(0)?.to_string(),
                    expected: format!("{expected:?}"),
                    stored: format!("{stored:?}"),
                };
                report.add(difference, &mut found);
            }
        }
        Ok(())
    }
}

type Derived = (Option<String>, Option<String>, Option<String>, i64, i64);

fn derived(row: &Row<'_>) -> rusqlite::Result<Derived> {
    Ok((row.get(15)?, row.get(16)?, row.get(17)?, row.get(18)?, row.get(19)?))
}

impl CheckReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences_total == 0
    }

    fn add(&mut self, difference: Difference, found: &mut usize) {
        self.differences_total += 1;
        if *found < DIFFERENCES_PER_KIND_MAX {
            self.differences.push(difference);
        }
        *found += 1;
    }
}

fn text_of(value: &rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "nothing".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

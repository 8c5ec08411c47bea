//! Rollups of many contacts at once: those of an employee or a department are added to a scope or removed in a few
//! statements.
//!
//! The triggers in `schema.sql` count single rows; this is the same arithmetic, set-wise.

use std::collections::{BTreeMap, HashMap};

use rusqlite::params;

use crate::store::engine::error::StoreError;
use crate::store::engine::tx::WriteTx;

/// Which contacts are added to a scope or removed from it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Source {
    /// Every contact of an employee.
    Employee(i64),
    /// The contacts that a department's own rollups count.
    Department(i64),
}

/// The statements for one kind of source. In each, `?1` is the scope and `?2` the source's row; in the merging ones
/// `?3` is 1 to add and -1 to remove.
struct SourceSql {
    contacts: &'static str,
    new_people: &'static str,
    merge_companies: &'static str,
    merge_days: &'static str,
    merge_people: &'static str,
    drop_people: &'static str,
}

const EMPLOYEE: SourceSql = SourceSql {
    contacts: "SELECT count(*) FROM contact WHERE employee_id = ?1",
    new_people: "SELECT count(*) FROM (SELECT DISTINCT person_key FROM contact WHERE employee_id = ?2) AS source
                  WHERE NOT EXISTS (SELECT 1 FROM rollup_person AS own
                                     WHERE own.scope_id = ?1 AND own.person_key = source.person_key)",
    merge_companies: "INSERT INTO rollup_company (scope_id, company_id, contacts, name_folded, name)
        SELECT ?1, company.id, ?3 * count(*), company.name_folded, company.name
          FROM contact JOIN company ON company.id = contact.company_id
         WHERE contact.employee_id = ?2 GROUP BY company.id
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts",
    merge_days: "INSERT INTO rollup_day (scope_id, day, contacts)
        SELECT ?1, created_at / 86400000, ?3 * count(*) FROM contact WHERE employee_id = ?2 GROUP BY 2
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts",
    merge_people: "INSERT INTO rollup_person (scope_id, person_key, contacts)
        SELECT ?1, person_key, ?3 * count(*) FROM contact WHERE employee_id = ?2 GROUP BY person_key
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts",
    drop_people: "DELETE FROM rollup_person WHERE scope_id = ?1 AND contacts = 0
        AND person_key IN (SELECT person_key FROM contact WHERE employee_id = ?2)",
};

const DEPARTMENT: SourceSql = SourceSql {
    contacts: "SELECT contacts FROM scope WHERE id = ?1",
    new_people: "SELECT count(*) FROM rollup_person AS source WHERE source.scope_id = ?2
                    AND NOT EXISTS (SELECT 1 FROM rollup_person AS own
                                     WHERE own.scope_id = ?1 AND own.person_key = source.person_key)",
    merge_companies: "INSERT INTO rollup_company (scope_id, company_id, contacts, name_folded, name)
        SELECT ?1, company_id, ?3 * contacts, name_folded, name FROM rollup_company WHERE scope_id = ?2
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts",
    merge_days: "INSERT INTO rollup_day (scope_id, day, contacts)
        SELECT ?1, day, ?3 * contacts FROM rollup_day WHERE scope_id = ?2
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts",
    merge_people: "INSERT INTO rollup_person (scope_id, person_key, contacts)
        SELECT ?1, person_key, ?3 * contacts FROM rollup_person WHERE scope_id = ?2
        ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts",
    drop_people: "DELETE FROM rollup_person WHERE scope_id = ?1 AND contacts = 0
        AND person_key IN (SELECT person_key FROM rollup_person WHERE scope_id = ?2)",
};

impl WriteTx<'_> {
    /// Adds a source to a scope (`step` 1) or removes it (-1). It must be counted entirely or not at all.
    pub(in crate::store) fn merge_rollups(&self, scope: i64, source: Source, step: i64) -> Result<(), StoreError> {
        const DROP_COMPANIES: &str = "DELETE FROM rollup_company WHERE scope_id = ?1 AND contacts = 0";
        const DROP_DAYS: &str = "DELETE FROM rollup_day WHERE scope_id = ?1 AND contacts = 0";
        const TOTALS: &str = "UPDATE scope SET contacts = contacts + ?2, people = people + ?3 WHERE id = ?1";
        let (sql, row) = match source {
            Source::Employee(row) => (&EMPLOYEE, row),
            Source::Department(row) => (&DEPARTMENT, row),
        };
        let contacts: i64 = self.one(sql.contacts, [row], |row| row.get(0))?;
        let new_people: i64 = if step > 0 { self.one(sql.new_people, [scope, row], |row| row.get(0))? } else { 0 };
        for merge in [sql.merge_companies, sql.merge_days, sql.merge_people] {
            self.execute(merge, [scope, row, step])?;
        }
        let mut gone_people = 0;
        if step < 0 {
            self.execute(DROP_COMPANIES, [scope])?;
            self.execute(DROP_DAYS, [scope])?;
            gone_people = i64::try_from(self.execute(sql.drop_people, [scope, row])?).unwrap_or(0);
        }
        self.execute(TOTALS, [scope, step * contacts, new_people - gone_people])?;
        Ok(())
    }

    /// Adds a batch of contacts that were inserted without triggers.
    pub(in crate::store) fn apply_rollups(&self, batch: &RollupBatch) -> Result<(), StoreError> {
        const COMPANY: &str = "INSERT INTO rollup_company (scope_id, company_id, contacts, name_folded, name)
            SELECT ?1, id, ?3, name_folded, name FROM company WHERE id = ?2
            ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts";
        const DAY: &str = "INSERT INTO rollup_day (scope_id, day, contacts) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET contacts = contacts + excluded.contacts";
        // Two statements instead of an upsert with RETURNING, for which SQLite uses a statement journal: a large import
        // spends most of its time on this table.
        const KNOWN_PERSON: &str =
            "UPDATE rollup_person SET contacts = contacts + ?3 WHERE scope_id = ?1 AND person_key = ?2";
        const NEW_PERSON: &str = "INSERT INTO rollup_person (scope_id, person_key, contacts) VALUES (?1, ?2, ?3)";
        const EMPLOYEE: &str = "UPDATE employee SET contacts = contacts + ?2 WHERE id = ?1";
        const TOTALS: &str = "UPDATE scope SET contacts = contacts + ?2, people = people + ?3 WHERE id = ?1";
        let mut company = self.prepare(COMPANY)?;
        for ((scope, id), contacts) in &batch.companies {
            company.execute([scope, id, contacts])?;
        }
        let mut day = self.prepare(DAY)?;
        for ((scope, number), contacts) in &batch.days {
            day.execute([scope, number, contacts])?;
        }
        let mut new_people: BTreeMap<i64, i64> = BTreeMap::new();
        let mut known_person = self.prepare(KNOWN_PERSON)?;
        let mut new_person = self.prepare(NEW_PERSON)?;
        let mut people: Vec<_> = batch.people.iter().collect();
        people.sort_unstable();
        for ((scope, key), contacts) in people {
            if known_person.execute([scope, key, contacts])? == 0 {
                new_person.execute([scope, key, contacts])?;
                *new_people.entry(*scope).or_default() += 1;
            }
        }
        let mut employee = self.prepare(EMPLOYEE)?;
        for (row, contacts) in &batch.employees {
            employee.execute([row, contacts])?;
        }
        for (scope, contacts) in &batch.contacts {
            let people = new_people.get(scope).copied().unwrap_or_default();
            self.execute(TOTALS, params![scope, contacts, people])?;
        }
        Ok(())
    }
}

/// What inserted contacts add to the rollups, collected in memory; each table is written in its own order.
#[derive(Debug, Default)]
pub(in crate::store) struct RollupBatch {
    contacts: BTreeMap<i64, i64>,
    companies: BTreeMap<(i64, i64), i64>,
    days: BTreeMap<(i64, i64), i64>,
    /// Nearly one entry per contact, so it is hashed here and sorted once in the end.
    people: HashMap<(i64, i64), i64>,
    employees: BTreeMap<i64, i64>,
}

impl RollupBatch {
    /// Adds one contact to its scopes.
    pub(in crate::store) fn add(
        &mut self,
        scopes: [i64; 2],
        employee: i64,
        company: Option<i64>,
        day: i64,
        person: i64,
    ) {
        *self.employees.entry(employee).or_default() += 1;
        for scope in scopes {
            *self.contacts.entry(scope).or_default() += 1;
            *self.days.entry((scope, day)).or_default() += 1;
            *self.people.entry((scope, person)).or_default() += 1;
            if let Some(company) = company {
                *self.companies.entry((scope, company)).or_default() += 1;
            }
        }
    }

    pub(in crate::store) fn scopes(&self) -> impl Iterator<Item = i64> {
        self.contacts.keys().copied()
    }
}

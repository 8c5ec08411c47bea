//! Contacts: adding, reading, changing and deleting them one at a time, and listing them.

use rusqlite::{Row, params};

use super::employees::EmployeeRow;
use super::reach_filter::employee_within;
use crate::domain::access::Reach;
use crate::domain::contacts::{Contact, ContactFields, ContactInfo, Location};
use crate::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId, TimeOrderedId};
use crate::domain::page::{Page, PageRequest, TimeCursor};
use crate::domain::text::fold;
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::row::{id_from_database, timestamp};
use crate::store::engine::tx::{ReadTx, WriteTx};

/// A contact with its collector's e-mail address, for exports.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactExport {
    pub contact: Contact,
    /// The collector's e-mail address, or an empty string.
    pub employee_email: String,
}

/// The columns that [`read_contact`] reads; the table is called `c`.
pub(in crate::store) const COLUMNS: &str = "c.id,
    (SELECT public_id FROM enterprise WHERE enterprise.id = c.enterprise_id),
    (SELECT public_id FROM department WHERE department.id = c.department_id),
    (SELECT public_id FROM employee WHERE employee.id = c.employee_id),
    c.name, c.surname, c.email, c.phone, c.company, c.position, c.website, c.how_we_met, c.notes, c.tags,
    c.latitude, c.longitude, c.city, c.country, c.source, c.created_at, c.updated_at";

/// How many [`COLUMNS`] there are.
pub(super) const COLUMNS_LEN: usize = 21;

/// The contacts of a visible enterprise, whose row is `?1`, in the terms of their index.
pub(super) const OF_ENTERPRISE: &str = "c.enterprise_id = ?1 AND c.counted = 2";

/// The contacts of a visible department, whose row is `?1`, in the terms of their index.
pub(super) const OF_DEPARTMENT: &str = "c.department_id = ?1 AND c.counted >= 1";

/// Where a page of contacts begins: time and row, as `?2` and `?3`. A collation does not affect numbers, but the row id
/// has none, and without one SQLite seeks to the time alone and scans every contact of that moment: after an import
/// there are many.
pub(super) const CURSOR: &str = "(?2, ?3 COLLATE BINARY)";

impl ReadTx<'_> {
    /// A contact of a visible employee within reach.
    pub fn contact(&self, reach: &Reach, user: &EmployeeId, id: ContactId) -> Result<Contact, StoreError> {
        let employee = self.user_row(reach, user)?.row;
        self.contact_of(employee, id)?.ok_or(StoreError::NotFound(Subject::Contact))
    }

    /// The contacts of a visible employee within reach, newest first.
    pub fn contacts_of_user(
        &self,
        reach: &Reach,
        user: &EmployeeId,
        request: &PageRequest<TimeCursor>,
    ) -> Result<Page<Contact, TimeCursor>, StoreError> {
        let employee = self.user_row(reach, user)?.row;
        let total = self.one("SELECT contacts FROM employee WHERE id = ?1", [employee], |row| row.get(0))?;
        let (before, offset) = request.seek(TimeCursor::NEWEST);
        let bound = params![employee, before.created_at, before.row, request.rows_to_read(), offset];
        let items = self.all(&newest_sql(), bound, read_contact)?;
        Ok(Page::of(items, total, request, cursor_of))
    }

    /// Contacts within reach of a visible enterprise, or of one of its departments, oldest first, after a cursor: the
    /// pages of an export.
    pub fn export_contacts(
        &self,
        reach: &Reach,
        enterprise: &EnterpriseId,
        department: Option<&DepartmentId>,
        after: Option<TimeCursor>,
        limit: u32,
    ) -> Result<Vec<ContactExport>, StoreError> {
        let (owner, filter) = match department {
            Some(department) if !reach.covers_department(enterprise, department) => {
                return Err(StoreError::NotFound(Subject::Department));
            }
            Some(department) => (self.department_row(enterprise, department)?.row, OF_DEPARTMENT.to_owned()),
            None => {
                let within = employee_within(reach, "c.employee_id", "c.department_id");
                (self.enterprise_row(enterprise)?, format!("{OF_ENTERPRISE} AND {within}"))
            }
        };
        let sql = export_sql(&filter);
        let after = after.unwrap_or(TimeCursor { created_at: -1, row: 0 });
        self.all(&sql, params![owner, after.created_at, after.row, limit], |row| {
            Ok(ContactExport { contact: read_contact(row)?, employee_email: row.get(COLUMNS_LEN)? })
        })
    }

    fn contact_of(&self, employee: i64, id: ContactId) -> Result<Option<Contact>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM contact c WHERE c.id = ?2 AND c.employee_id = ?1");
        self.first(&sql, [employee, id.number()], read_contact)
    }
}

impl WriteTx<'_> {
    /// Adds a contact to a visible employee within reach.
    pub fn add_contact(
        &self,
        reach: &Reach,
        user: &EmployeeId,
        info: &ContactInfo,
        source: &str,
    ) -> Result<Contact, StoreError> {
        let owner = self.user_row(reach, user)?;
        let company = self.company_row(owner.enterprise, info)?;
        let id = self.next_contact_id()?;
        self.insert_contact(id, owner, company, info, source, self.now())?;
        self.contact_of(owner.row, id)?.ok_or(StoreError::NotFound(Subject::Contact))
    }

    /// Replaces the fields of a contact of a visible employee within reach; equal fields change nothing.
    pub fn change_contact(
        &self,
        reach: &Reach,
        user: &EmployeeId,
        id: ContactId,
        info: &ContactInfo,
    ) -> Result<Contact, StoreError> {
        const SQL: &str = "UPDATE contact SET name = ?2, surname = ?3, email = ?4, phone = ?5, company = ?6,
                position = ?7, website = ?8, how_we_met = ?9, notes = ?10, tags = ?11, latitude = ?12, longitude = ?13,
                city = ?14, country = ?15, updated_at = ?16, email_normalised = ?17, phone_normalised = ?18,
                company_id = ?19, person_key = ?20, content_key = ?21
            WHERE id = ?1";
        let owner = self.user_row(reach, user)?;
        let before = self.contact_of(owner.row, id)?.ok_or(StoreError::NotFound(Subject::Contact))?;
        if before.fields == *info.fields() {
            return Ok(before);
        }
        let company = self.company_row(owner.enterprise, info)?;
        let (fields, identity) = (info.fields(), info.identity());
        self.execute(
            SQL,
            params![
                id.number(),
                fields.name,
                fields.surname,
                fields.email,
                fields.phone,
                fields.company,
                fields.position,
                fields.website,
                fields.how_we_met,
                fields.notes,
                tags_to_database(&fields.tags),
                fields.location.latitude,
                fields.location.longitude,
                fields.location.city,
                fields.location.country,
                self.now().millis(),
                identity.email,
                identity.phone,
                company,
                identity.person.number(),
                identity.content
            ],
        )?;
        self.contact_of(owner.row, id)?.ok_or(StoreError::NotFound(Subject::Contact))
    }

    /// Deletes a contact of a visible employee within reach; returns how many the employee has left.
    pub fn delete_contact(&self, reach: &Reach, user: &EmployeeId, id: ContactId) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM contact WHERE id = ?2 AND employee_id = ?1";
        let owner = self.user_row(reach, user)?.row;
        if self.execute(SQL, [owner, id.number()])? == 0 {
            return Err(StoreError::NotFound(Subject::Contact));
        }
        self.one("SELECT contacts FROM employee WHERE id = ?1", [owner], |row| row.get(0))
    }

    /// The next contact's id: from the current time, or one above the highest id ever used. The write lock makes it
    /// unique among all processes.
    pub(super) fn next_contact_id(&self) -> Result<ContactId, StoreError> {
        const SQL: &str = "SELECT max(contact_id_floor, coalesce((SELECT max(id) FROM contact), 0)) FROM installation";
        let newest: i64 = self.one(SQL, [], |row| row.get(0))?;
        Ok(self.time_ordered_id().max(TimeOrderedId::from_number(newest + 1)))
    }

    /// The row of a contact's company, created if this spelling is new; `None` without a company.
    pub(super) fn company_row(&self, enterprise: i64, info: &ContactInfo) -> Result<Option<i64>, StoreError> {
        const SELECT: &str = "SELECT id FROM company WHERE enterprise_id = ?1 AND name_folded = ?2";
        const INSERT: &str = "INSERT INTO company (enterprise_id, name_folded, name) VALUES (?1, ?2, ?3) RETURNING id";
        let Some(folded) = &info.identity().company else { return Ok(None) };
        if let Some(row) = self.first(SELECT, params![enterprise, folded], |row| Ok(row.get(0)?))? {
            return Ok(Some(row));
        }
        let spelling = info.fields().company.trim();
        self.one(INSERT, params![enterprise, folded, spelling], |row| row.get(0)).map(Some)
    }

    /// Inserts the row of a visible employee's contact.
    pub(super) fn insert_contact(
        &self,
        id: ContactId,
        owner: EmployeeRow,
        company: Option<i64>,
        info: &ContactInfo,
        source: &str,
        created_at: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO contact (id, employee_id, department_id, enterprise_id, counted, name, surname,
                email, phone, company, position, website, how_we_met, notes, tags, latitude, longitude, city, country,
                source, created_at, updated_at, email_normalised, phone_normalised, company_id, person_key, content_key)
            VALUES (?1, ?2, ?3, ?4, 2, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                ?22, ?23, ?24, ?25, ?26)";
        let (fields, identity) = (info.fields(), info.identity());
        self.execute(
            SQL,
            params![
                id.number(),
                owner.row,
                owner.department,
                owner.enterprise,
                fields.name,
                fields.surname,
                fields.email,
                fields.phone,
                fields.company,
                fields.position,
                fields.website,
                fields.how_we_met,
                fields.notes,
                tags_to_database(&fields.tags),
                fields.location.latitude,
                fields.location.longitude,
                fields.location.city,
                fields.location.country,
                source,
                created_at.millis(),
                self.now().millis(),
                identity.email,
                identity.phone,
                company,
                identity.person.number(),
                identity.content
            ],
        )?;
        Ok(())
    }
}

/// Contacts of an employee before a cursor, newest first.
fn newest_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM contact c WHERE c.employee_id = ?1 AND (c.created_at, c.id) < {CURSOR}
          ORDER BY c.created_at DESC, c.id DESC LIMIT ?4 OFFSET ?5"
    )
}

/// Contacts of an owner after a cursor, oldest first.
fn export_sql(owner: &str) -> String {
    format!(
        "SELECT {COLUMNS}, (SELECT email FROM employee WHERE employee.id = c.employee_id)
           FROM contact c WHERE {owner} AND (c.created_at, c.id) > {CURSOR}
          ORDER BY c.created_at, c.id LIMIT ?4"
    )
}

/// The cursor of a page that ends with this contact.
pub(super) fn cursor_of(contact: &Contact) -> TimeCursor {
    TimeCursor { created_at: contact.created_at.millis(), row: contact.id.number() }
}

impl ContactExport {
    /// The cursor of an export that ended with this contact.
    #[must_use]
    pub fn cursor(&self) -> TimeCursor {
        cursor_of(&self.contact)
    }
}

fn tags_to_database(tags: &[String]) -> String {
    // A list of strings always serialises.
    if tags.is_empty() { String::new() } else { serde_json::to_string(tags).unwrap_or_default() }
}

pub(super) fn tags_from_database(text: &str) -> Result<Vec<String>, StoreError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt(format!("tags {}", fold(text))))
}

pub(super) fn read_contact(row: &Row<'_>) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: TimeOrderedId::from_number(row.get(0)?),
        enterprise_id: id_from_database(row.get(1)?)?,
        department_id: id_from_database(row.get(2)?)?,
        employee_id: id_from_database(row.get(3)?)?,
        fields: read_fields(row, 4)?,
        source: row.get(18)?,
        created_at: timestamp(row, 19)?,
        updated_at: timestamp(row, 20)?,
    })
}

/// Reads the fourteen columns from `name` to `country`.
pub(in crate::store) fn read_fields(row: &Row<'_>, first: usize) -> Result<ContactFields, StoreError> {
    Ok(ContactFields {
        name: row.get(first)?,
        surname: row.get(first + 1)?,
        email: row.get(first + 2)?,
        phone: row.get(first + 3)?,
        company: row.get(first + 4)?,
        position: row.get(first + 5)?,
        website: row.get(first + 6)?,
        how_we_met: row.get(first + 7)?,
        notes: row.get(first + 8)?,
        tags: tags_from_database(&row.get::<_, String>(first + 9)?)?,
        location: Location {
            latitude: row.get(first + 10)?,
            longitude: row.get(first + 11)?,
            city: row.get(first + 12)?,
            country: row.get(first + 13)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::row::plan;

    #[test]
    fn a_page_begins_with_a_seek_to_time_and_row() {
        let check = |sql: &str, expected: &str| assert_eq!(plan(sql)[0], format!("SEARCH c USING INDEX {expected}"));
        check(&newest_sql(), "contact_newest_of_employee (employee_id=? AND (created_at,rowid)<(?,?))");
        check(
            &export_sql(OF_ENTERPRISE),
            "contact_newest_in_enterprise (enterprise_id=? AND (created_at,rowid)>(?,?))",
        );
        check(
            &export_sql(OF_DEPARTMENT),
            "contact_newest_in_department (department_id=? AND (created_at,rowid)>(?,?))",
        );
    }
}

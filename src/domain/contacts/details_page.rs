//! Contact details: a page of an enterprise's or a department's contacts, with whole counts around them, in the shape that
//! existing clients read.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::contact_view::{ContactData, ContactView};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::page::{Pagination, TimeCursor};
use crate::domain::time::Timestamp;

/// Contacts on a page unless asked for another number.
pub const DETAILS_LIMIT: u32 = 1_000;

/// Contacts on a page at most: about 4 MB of JSON with contacts as long as they usually are.
pub const DETAILS_LIMIT_MAX: u32 = 5_000;

/// Text of contacts after which a page ends early, in bytes: several times what the longest page of usual contacts
/// has, so that a page of unusual ones does not take the memory of the whole server.
pub const DETAILS_TEXT_BYTES_MAX: usize = 8 << 20;

/// How contacts are told; `full` unless asked otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DetailsView {
    /// With the counts of departments or employees, and times as seconds and nanoseconds.
    #[default]
    Full,
    /// As a flat list, with times as everywhere else.
    List,
}

impl DetailsView {
    /// The view as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::List => "list",
        }
    }

    /// Reads a view; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Full, Self::List].into_iter().find(|view| view.as_str() == text)
    }
}

/// Which contacts are requested, and in which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DetailsRequest {
    /// The shape of the answer.
    pub view: DetailsView,
    /// At most so many contacts.
    pub limit: u32,
    /// After this contact; `None` begins with the newest.
    pub after: Option<TimeCursor>,
}

/// A page of an enterprise's contacts, newest first. All counts are whole, and from the snapshot that the page is from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnterpriseDetails<C = EnterpriseContacts> {
    /// The enterprise's id.
    #[schema(value_type = String, example = "acme")]
    pub enterprise_id: EnterpriseId,
    /// The enterprise's name.
    #[schema(example = "Acme")]
    pub enterprise_name: String,
    /// How many contacts the enterprise has.
    #[schema(example = 1247)]
    pub total_contacts: u64,
    /// How many departments it has.
    #[schema(example = 8)]
    pub total_departments: u64,
    /// The contacts.
    #[serde(flatten)]
    pub contacts: C,
    /// Where this page stands.
    #[serde(flatten)]
    pub page: DetailsPage,
}

/// A page of a department's contacts, newest first. All counts are whole, and from the snapshot that the page is from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentDetails<C = DepartmentContacts> {
    /// The enterprise it belongs to.
    #[schema(value_type = String, example = "acme")]
    pub enterprise_id: EnterpriseId,
    /// That enterprise's name.
    #[schema(example = "Acme")]
    pub enterprise_name: String,
    /// The department's id.
    #[schema(value_type = String, example = "sales")]
    pub department_id: DepartmentId,
    /// The department's name.
    #[schema(example = "Sales")]
    pub department_name: String,
    /// How many contacts the department has.
    #[schema(example = 610)]
    pub total_contacts: u64,
    /// How many employees it has.
    #[schema(example = 42)]
    pub total_employees: u64,
    /// The contacts.
    #[serde(flatten)]
    pub contacts: C,
    /// Where this page stands.
    #[serde(flatten)]
    pub page: DetailsPage,
}

/// Where a page of contacts stands in time and in the list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailsPage {
    /// When the page was computed.
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: Timestamp,
    /// When the cache forgets it, by the settings of that moment. It does so earlier where anything in it changes.
    #[schema(value_type = String, format = DateTime)]
    pub cache_expiry: Timestamp,
    /// How to go on. A page of very long contacts can have fewer than `limit` and still not be the last.
    pub pagination: Pagination,
}

impl DetailsPage {
    /// Sets when the cache entry of this page expires; the cache knows how long it is kept.
    pub fn expire_after(&mut self, ttl: Duration) {
        let millis = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.cache_expiry = Timestamp::from_millis(self.generated_at.millis().saturating_add(millis));
    }
}

/// The contacts of an enterprise's page: by department, or with `view=list` as a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EnterpriseContacts {
    /// With the counts of departments.
    Full(ContactsByDepartment),
    /// As a flat list.
    List(ContactList),
}

/// The contacts of a department's page: with who collected how many, or with `view=list` as a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum DepartmentContacts {
    /// With the counts of employees.
    Full(ContactsWithBreakdown),
    /// As a flat list.
    List(ContactList),
}

/// Contacts as a flat list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ContactList {
    /// This page's contacts, newest first.
    pub contacts: Vec<ListedContact>,
}

/// Contacts by department. Every department is there, in the order of names, also those without contacts on this page.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactsByDepartment {
    /// The departments' counts, by the department's id.
    #[serde(serialize_with = "as_map")]
    #[schema(value_type = HashMap<String, DepartmentStats>)]
    pub department_stats: Vec<(DepartmentId, DepartmentStats)>,
    /// This page's contacts, by the department's id.
    #[serde(serialize_with = "as_map")]
    #[schema(value_type = HashMap<String, ContactsOfDepartment>)]
    pub contacts_by_department: Vec<(DepartmentId, ContactsOfDepartment)>,
}

/// What a department amounts to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentStats {
    /// The department's name.
    #[schema(example = "Sales")]
    pub name: String,
    /// How many contacts it has.
    #[schema(example = 610)]
    pub contact_count: u64,
    /// How many employees it has.
    #[schema(example = 42)]
    pub employee_count: u64,
}

/// A department's contacts on a page.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactsOfDepartment {
    /// The department's id.
    #[schema(value_type = String, example = "sales")]
    pub department_id: DepartmentId,
    /// The department's name.
    #[schema(example = "Sales")]
    pub department_name: String,
    /// How many contacts the department has in all.
    #[schema(example = 610)]
    pub contact_count: u64,
    /// Those of this page, newest first.
    pub contacts: Vec<DetailedContact>,
}

/// A department's contacts, and who collected how many.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactsWithBreakdown {
    /// The department's employees in the order of names, by the employee's id.
    #[serde(serialize_with = "as_map")]
    #[schema(value_type = HashMap<String, EmployeeStats>)]
    pub employee_contact_breakdown: Vec<(EmployeeId, EmployeeStats)>,
    /// This page's contacts, newest first.
    pub contacts: Vec<DetailedContact>,
}

/// An employee, and how many contacts they collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmployeeStats {
    /// Given name.
    #[schema(example = "Ada")]
    pub first_name: String,
    /// Family name.
    #[schema(example = "Lovelace")]
    pub last_name: String,
    /// E-mail address.
    #[schema(example = "ada@acme.example")]
    pub email: String,
    /// Position in the company.
    #[schema(example = "Engineer")]
    pub job_title: String,
    /// How many contacts the employee collected.
    #[schema(example = 97)]
    pub contact_count: u64,
}

/// A contact with who collected it, its time as existing clients read it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailedContact {
    /// The contact.
    #[serde(flatten)]
    pub contact: ContactData,
    /// When it was collected.
    pub created_at: SplitTime,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who collected it.
    pub owner_info: OwnerInfo,
}

/// A contact with who collected it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedContact {
    /// The contact.
    #[serde(flatten)]
    pub contact: ContactView,
    /// Who collected it.
    pub owner_info: OwnerInfo,
}

/// Who collected a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnerInfo {
    /// The employee's id.
    #[schema(value_type = String, example = "u1")]
    pub user_id: EmployeeId,
    /// Given name.
    #[schema(example = "Ada")]
    pub first_name: String,
    /// Family name.
    #[schema(example = "Lovelace")]
    pub last_name: String,
    /// E-mail address.
    #[schema(example = "ada@acme.example")]
    pub email: String,
    /// The name of the employee's department.
    #[schema(example = "Sales")]
    pub department: String,
    /// Position in the company.
    #[schema(example = "Engineer")]
    pub job_title: String,
}

/// A moment in two parts, as existing clients read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SplitTime {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[serde(rename = "_seconds")]
    #[schema(example = 1_763_796_697)]
    pub seconds: i64,
    /// The rest, in nanoseconds.
    #[serde(rename = "_nanoseconds")]
    #[schema(example = 860_000_000)]
    pub nanoseconds: i64,
}

impl From<Timestamp> for SplitTime {
    fn from(moment: Timestamp) -> Self {
        let millis = moment.millis();
        Self { seconds: millis.div_euclid(1_000), nanoseconds: millis.rem_euclid(1_000) * 1_000_000 }
    }
}

impl From<ListedContact> for DetailedContact {
    fn from(listed: ListedContact) -> Self {
        let ListedContact { contact: ContactView { data, created_at, updated_at }, owner_info } = listed;
        Self { contact: data, created_at: created_at.into(), updated_at, owner_info }
    }
}

impl ContactsByDepartment {
    /// Groups the contacts of a page by department.
    #[must_use]
    pub fn new(departments: Vec<(DepartmentId, DepartmentStats)>, contacts: Vec<ListedContact>) -> Self {
        let mut lists: HashMap<DepartmentId, Vec<DetailedContact>> = HashMap::new();
        for listed in contacts {
            let department = listed.contact.data.department_id.clone();
            lists.entry(department).or_default().push(listed.into());
        }
        let contacts_by_department = departments.iter().map(|(id, stats)| {
            let contacts = ContactsOfDepartment {
                department_id: id.clone(),
                department_name: stats.name.clone(),
                contact_count: stats.contact_count,
                contacts: lists.remove(id).unwrap_or_default(),
            };
            (id.clone(), contacts)
        });
        Self { contacts_by_department: contacts_by_department.collect(), department_stats: departments }
    }
}

/// Writes pairs as an object that keeps their order.
fn as_map<S: Serializer, K: Serialize, V: Serialize>(pairs: &[(K, V)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_split_without_a_rest() {
        let check = |millis: i64, seconds: i64, nanoseconds: i64| {
            let split = SplitTime::from(Timestamp::from_millis(millis));
            assert_eq!(split, SplitTime { seconds, nanoseconds }, "{millis}");
        };
        check(0, 0, 0);
        check(1_763_796_697_860, 1_763_796_697, 860_000_000);
        check(999, 0, 999_000_000);
        check(-1, -1, 999_000_000);
    }
}

//! The aggregates that Muster exists for, in the shape that clients read.

use serde::Serialize;
use utoipa::ToSchema;

use super::ids::{DepartmentId, EmployeeId, EnterpriseId};
use super::time::{Day, Month, Timestamp};

/// Rows of each leader board.
pub const TOP_LEN: usize = 10;
/// UTC days of daily growth, today included.
pub const GROWTH_DAYS: i64 = 30;
/// Months of monthly growth, the current one included.
pub const GROWTH_MONTHS: i16 = 24;

/// What an enterprise's contacts amount to, from one committed snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnterpriseSummary {
    /// The enterprise's id.
    #[schema(value_type = String)]
    pub enterprise_id: EnterpriseId,
    /// The enterprise's name.
    pub enterprise_name: String,
    /// The figures that both kinds of summary have.
    #[serde(flatten)]
    pub totals: Totals,
    /// How many departments there are.
    pub total_departments: u64,
    /// The departments, ordered by name.
    pub departments: Vec<DepartmentTotals>,
    /// The employees who collected most, at most ten.
    pub top_employees: Vec<TopEmployee>,
    /// The companies that most contacts work for, at most ten.
    pub top_companies: Vec<TopCompany>,
    /// How the number of contacts grew.
    pub growth: Growth,
    /// How often something of the enterprise has changed.
    pub revision: i64,
    /// How long the summary took to compute, in milliseconds.
    pub calculation_time: f64,
}

/// What a department's contacts amount to, from one committed snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentSummary {
    /// The department's id.
    #[schema(value_type = String)]
    pub department_id: DepartmentId,
    /// The department's name.
    pub department_name: String,
    /// The enterprise it belongs to.
    #[schema(value_type = String)]
    pub enterprise_id: EnterpriseId,
    /// The figures that both kinds of summary have.
    #[serde(flatten)]
    pub totals: Totals,
    /// The department's employees, ordered by name.
    pub employees: Vec<EmployeeTotals>,
    /// The companies that most contacts work for, at most ten.
    pub top_companies: Vec<TopCompany>,
    /// How the number of contacts grew.
    pub growth: Growth,
    /// How often something of the department has changed.
    pub revision: i64,
    /// How long the summary took to compute, in milliseconds.
    pub calculation_time: f64,
}

/// The figures that both kinds of summary have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// How many contacts there are.
    pub total_contacts: u64,
    /// How many distinct people they are.
    pub unique_people: u64,
    /// How many employees there are.
    pub total_employees: u64,
    /// How many of them are active.
    pub active_employees: u64,
    /// When the newest contact was collected; `null` without contacts.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest_contact_at: Option<Timestamp>,
}

/// A department in its enterprise's summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentTotals {
    /// The department's id.
    #[schema(value_type = String)]
    pub department_id: DepartmentId,
    /// The department's name.
    pub department_name: String,
    /// How many contacts it has.
    pub total_contacts: u64,
    /// How many distinct people they are.
    pub unique_people: u64,
    /// How many employees it has.
    pub total_employees: u64,
}

/// An employee on an enterprise's leader board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopEmployee {
    /// The employee's id.
    #[schema(value_type = String)]
    pub employee_id: EmployeeId,
    /// The same id, as existing clients call it.
    #[schema(value_type = String)]
    pub user_id: EmployeeId,
    /// First and last name.
    pub name: String,
    /// The employee's department.
    #[schema(value_type = String)]
    pub department_id: DepartmentId,
    /// How many contacts the employee collected.
    pub contact_count: u64,
}

/// An employee in a department's summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmployeeTotals {
    /// The employee's id.
    #[schema(value_type = String)]
    pub employee_id: EmployeeId,
    /// The same id, as existing clients call it.
    #[schema(value_type = String)]
    pub user_id: EmployeeId,
    /// First and last name.
    pub name: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// How many contacts the employee collected.
    pub contact_count: u64,
}

/// A company on a leader board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopCompany {
    /// The company, in the first spelling seen.
    pub company: String,
    /// How many contacts work there.
    pub contact_count: u64,
}

/// How many of the contacts that are there now were collected when, by UTC day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    /// Contacts of the last 7 days, today included.
    pub last7_days: u64,
    /// Contacts of the last 30 days, today included.
    pub last30_days: u64,
    /// Contacts of the 30 days before those.
    pub previous30_days: u64,
    /// Each of the last 30 days, oldest first, zeros included.
    pub daily: Vec<DayCount>,
    /// Each of the last 24 months, oldest first, zeros included.
    pub monthly: Vec<MonthCount>,
}

/// The contacts of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayCount {
    /// The UTC day.
    #[schema(value_type = String, format = Date)]
    pub date: Day,
    /// How many contacts were collected.
    pub contacts: u64,
}

/// The contacts of one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MonthCount {
    /// The month, `2026-11`.
    #[schema(value_type = String)]
    pub month: Month,
    /// How many contacts were collected.
    pub contacts: u64,
}

impl Growth {
    /// The first day whose contacts a summary made today shows.
    #[must_use]
    pub fn first_day(today: Day) -> Day {
        today.month().minus(GROWTH_MONTHS - 1).first_day()
    }

    /// Adds up the counts of days; days outside the windows and in the future are skipped.
    #[must_use]
    pub fn from_days(today: Day, counts: impl IntoIterator<Item = (Day, u64)>) -> Self {
        let daily = (0..GROWTH_DAYS).rev().map(|back| DayCount { date: today.minus(back), contacts: 0 });
        let monthly = (0..GROWTH_MONTHS).rev().map(|back| MonthCount { month: today.month().minus(back), contacts: 0 });
        let mut growth = Self {
            last7_days: 0,
            last30_days: 0,
            previous30_days: 0,
            daily: daily.collect(),
            monthly: monthly.collect(),
        };
        for (day, contacts) in counts {
            growth.add(today, day, contacts);
        }
        growth
    }

    fn add(&mut self, today: Day, day: Day, contacts: u64) {
        let age = today.number() - day.number();
        match age {
            0..7 => self.last7_days += contacts,
            _ if age < 0 => return,
            _ => {}
        }
        match age {
            0..30 => self.last30_days += contacts,
            30..60 => self.previous30_days += contacts,
            _ => {}
        }
        if let Some(count) = self.daily.iter_mut().find(|count| count.date == day) {
            count.contacts += contacts;
        }
        let month = day.month();
        if let Ok(position) = self.monthly.binary_search_by_key(&month, |count| count.month) {
            self.monthly[position].contacts += contacts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_windows_meet_without_gap_or_overlap() {
        let today = Timestamp::parse("2026-11-22T12:00:00Z").unwrap().day();
        let every_day = (-5..1000).map(|back| (today.minus(back), 1));
        let growth = Growth::from_days(today, every_day);
        assert_eq!((growth.last7_days, growth.last30_days, growth.previous30_days), (7, 30, 30));
        assert_eq!(growth.daily.len(), 30);
        assert_eq!(growth.daily[29].date.to_string(), "2026-11-22");
        assert!(growth.daily.iter().all(|count| count.contacts == 1));
        assert_eq!(growth.monthly.len(), 24);
        let ends = [&growth.monthly[0], &growth.monthly[23]].map(|m| (m.month.to_string(), m.contacts));
        assert_eq!(ends, [("2024-12".to_owned(), 31), ("2026-11".to_owned(), 22)]);
        assert_eq!(Growth::first_day(today).to_string(), "2024-12-01");
    }
}

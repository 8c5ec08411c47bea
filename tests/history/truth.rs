//! What was written when, what was shown when, and whether the two go together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Employees move between so many departments of their enterprise.
pub const DEPARTMENTS: usize = 3;

/// The department whose employee the imports fill.
pub const IMPORTED_INTO: usize = 2;

/// Whose summary is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Enterprise(usize),
    /// A department that employees work in.
    Department(usize, usize),
    /// The department that the writer of this number renames, archives and restores. Nobody works there.
    Place(usize),
}

impl Scope {
    pub fn enterprise(self) -> usize {
        match self {
            Self::Enterprise(enterprise) | Self::Department(enterprise, _) => enterprise,
            Self::Place(writer) => enterprise_of(writer),
        }
    }

    /// The path of the summary.
    pub fn path(self) -> String {
        let enterprise = self.enterprise();
        match self {
            Self::Enterprise(_) => format!("/enterprise/e{enterprise}/contacts/summary"),
            Self::Department(_, department) => {
                format!("/enterprise/e{enterprise}/departments/d{department}/contacts/summary")
            }
            Self::Place(writer) => format!("/enterprise/e{enterprise}/departments/p{writer}/contacts/summary"),
        }
    }
}

/// Two writers share an enterprise.
pub fn enterprise_of(writer: usize) -> usize {
    writer / 2
}

/// The first of an enterprise's two writers renames it.
pub fn renames_enterprise(writer: usize) -> bool {
    writer.is_multiple_of(2)
}

/// Everything that one writer alone changes, after one of its writes.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Where its employee works.
    pub department: usize,
    /// How many contacts the employee has collected.
    pub contacts: u64,
    /// Whether the employee is archived.
    pub archived: bool,
    /// The name of the writer's place.
    pub place: String,
    pub place_archived: bool,
    /// The name of the enterprise; empty for a writer who does not rename it.
    pub enterprise: String,
}

/// One state after the other, each with the moment its write was begun and the one it was acknowledged.
pub struct Timeline<S> {
    states: Vec<(Instant, Instant, S)>,
}

impl<S> Timeline<S> {
    pub fn new(start: S) -> Self {
        let now = Instant::now();
        Self { states: vec![(now, now, start)] }
    }

    pub fn newest(&self) -> &S {
        &self.states[self.states.len() - 1].2
    }

    pub fn push(&mut self, begun: Instant, acknowledged: Instant, state: S) {
        self.states.push((begun, acknowledged, state));
    }

    pub fn writes(&self) -> usize {
        self.states.len() - 1
    }

    /// What a read may show: at least all that was acknowledged `grace` before it began, at most what was begun before it
    /// ended. One state may be shown, not a mixture.
    fn allowed(&self, read: &Read, grace: impl Fn(Instant) -> Duration) -> &[(Instant, Instant, S)] {
        let first =
            self.states.partition_point(|(_, acknowledged, _)| *acknowledged + grace(*acknowledged) <= read.begun);
        let end = self.states.partition_point(|(begun, ..)| *begun <= read.ended);
        &self.states[first.saturating_sub(1)..end]
    }
}

/// What a summary shows of what the writers change.
#[derive(Debug, PartialEq)]
pub struct Shown {
    /// The revision in the body.
    pub revision: u64,
    name: String,
    /// The employees that are named, with the number of their department, if it is told, and of their contacts.
    employees: BTreeMap<String, (Option<usize>, u64)>,
    /// The names of an enterprise's departments.
    departments: BTreeMap<String, String>,
}

impl Shown {
    /// Reads a summary's data, whose sums must agree with each other.
    pub fn of(scope: Scope, data: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned();
        let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is no count"));
        let list = |name: &str| data[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_enterprise = matches!(scope, Scope::Enterprise(_));
        let (name, employees) =
            if is_enterprise { ("enterpriseName", "topEmployees") } else { ("departmentName", "employees") };
        let department = |employee: &Value| employee["departmentId"].as_str().and_then(|id| id[1..].parse().ok());
        let shown = Self {
            revision: count(&data["revision"]),
            name: text(&data[name]),
            employees: list(employees)
                .iter()
                .map(|one| (text(&one["employeeId"]), (department(one), count(&one["contactCount"]))))
                .collect(),
            departments: list("departments")
                .iter()
                .map(|one| (text(&one["departmentId"]), text(&one["departmentName"])))
                .collect(),
        };
        let total = count(&data["totalContacts"]);
        assert_eq!(shown.employees.values().map(|(_, contacts)| contacts).sum::<u64>(), total, "{data:#}");
        let days = data["growth"]["daily"].as_array().unwrap();
        assert_eq!(days.iter().map(|day| count(&day["contacts"])).sum::<u64>(), total, "{data:#}");
        if is_enterprise {
            let departments = list("departments");
            assert_eq!(departments.iter().map(|one| count(&one["totalContacts"])).sum::<u64>(), total, "{data:#}");
        }
        shown
    }
}

/// One read and what it showed; nothing where there was nothing of that name.
pub struct Read {
    pub scope: Scope,
    pub begun: Instant,
    pub ended: Instant,
    pub shown: Option<Arc<Shown>>,
    /// How the answer came to be, for people.
    pub how: String,
}

/// What all writers and the imports did.
pub struct Truth {
    pub writers: Vec<Timeline<State>>,
    /// How many rows were imported into each enterprise.
    pub imports: Vec<Timeline<u64>>,
}

/// A read that showed what it must not.
pub struct Violation {
    what: String,
    read: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    read: {}", self.what, self.read)
    }
}

impl Truth {
    /// Holds a read against everything that was written. `grace` says how long after its end an import may be missing.
    pub fn judge(&self, read: &Read, grace: impl Fn(Instant) -> Duration) -> Vec<Violation> {
        let enterprise = read.scope.enterprise();
        let violation = |what| Violation {
            what,
            read: format!("{:?} ({}) in {:?}: {:?}", read.scope, read.how, read.ended - read.begun, read.shown),
        };
        let mut violations = Vec::new();
        for (writer, timeline) in self.writers.iter().enumerate() {
            if enterprise_of(writer) != enterprise {
                continue;
            }
            let allowed = timeline.allowed(read, |_| Duration::ZERO);
            if !allowed.iter().any(|(.., state)| shows(read, writer, state)) {
                let states: Vec<_> = allowed.iter().map(|(.., state)| state).collect();
                violations.push(violation(format!("writer {writer} may be in {states:?}")));
            }
        }
        let allowed = self.imports[enterprise].allowed(read, grace);
        let (least, most) = (allowed[0].2, allowed[allowed.len() - 1].2);
        let imported = imported(read);
        if imported.is_some_and(|rows| rows < least || rows > most) {
            violations.push(violation(format!("imported are {least} to {most} rows, not {imported:?}")));
        }
        violations
    }
}

/// Whether a read shows this state of a writer, as far as the state concerns it.
fn shows(read: &Read, writer: usize, state: &State) -> bool {
    let employee = format!("u{writer}");
    match (read.scope, &read.shown) {
        (Scope::Place(of), shown) if of == writer => match shown {
            None => state.place_archived,
            Some(shown) => !state.place_archived && shown.name == state.place,
        },
        (Scope::Place(_), _) => true,
        (_, None) => false,
        (Scope::Department(_, department), Some(shown)) => {
            let works_here = !state.archived && state.department == department;
            shown.employees.get(&employee).copied() == works_here.then_some((None, state.contacts))
        }
        (Scope::Enterprise(_), Some(shown)) => {
            let leads = !state.archived && state.contacts > 0;
            let place = shown.departments.get(&format!("p{writer}"));
            shown.employees.get(&employee).copied() == leads.then_some((Some(state.department), state.contacts))
                && place == (!state.place_archived).then_some(&state.place)
                && (!renames_enterprise(writer) || shown.name == state.enterprise)
        }
    }
}

/// How many imported rows a read shows, if it would show any.
fn imported(read: &Read) -> Option<u64> {
    let shows_imports = matches!(read.scope, Scope::Enterprise(_) | Scope::Department(_, IMPORTED_INTO));
    let shown = read.shown.as_ref().filter(|_| shows_imports)?;
    Some(shown.employees.get(&format!("imp{}", read.scope.enterprise())).map_or(0, |(_, contacts)| *contacts))
}

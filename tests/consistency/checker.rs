//! What was written and what was shown at which times, and whether the two are consistent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The number of departments of an enterprise between which employees move.
pub const DEPARTMENTS: usize = 3;

/// The department with the employee that imports fill.
pub const IMPORTED_INTO: usize = 2;

/// The scope of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Enterprise(usize),
    /// A department that employees work in.
    Department(usize, usize),
    /// The department that the writer of this number renames, archives and restores. It has no employees.
    OwnDepartment(usize),
}

impl Scope {
    pub fn enterprise(self) -> usize {
        match self {
            Self::Enterprise(enterprise) | Self::Department(enterprise, _) => enterprise,
            Self::OwnDepartment(writer) => enterprise_of(writer),
        }
    }
}

/// What is read of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Summary,
    /// The first page of its contacts.
    Details,
}

/// What a reader requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    pub scope: Scope,
    pub answer: Answer,
}

impl Question {
    pub fn path(self) -> String {
        let enterprise = self.scope.enterprise();
        let answer = match self.answer {
            Answer::Summary => "summary",
            Answer::Details => "details?limit=5",
        };
        match self.scope {
            Scope::Enterprise(_) => format!("/enterprise/e{enterprise}/contacts/{answer}"),
            Scope::Department(_, department) => {
                format!("/enterprise/e{enterprise}/departments/d{department}/contacts/{answer}")
            }
            Scope::OwnDepartment(writer) => {
                format!("/enterprise/e{enterprise}/departments/p{writer}/contacts/{answer}")
            }
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
    /// The department of its employee.
    pub department: usize,
    /// The number of contacts of the employee.
    pub contacts: u64,
    /// Whether the employee is archived.
    pub archived: bool,
    /// The name of the writer's own department.
    pub own_department: String,
    pub own_department_archived: bool,
    /// The name of the enterprise; empty for a writer that does not rename it.
    pub enterprise: String,
}

/// A sequence of states, each with the times when its write began and when it was acknowledged.
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

    /// The states that a read may show: none older than what was acknowledged `grace` before it began, and none that
    /// began after it ended. A read must show one of them, not a mixture.
    fn allowed(&self, read: &Read, grace: impl Fn(Instant) -> Duration) -> &[(Instant, Instant, S)] {
        let first =
            self.states.partition_point(|(_, acknowledged, _)| *acknowledged + grace(*acknowledged) <= read.begun);
        let end = self.states.partition_point(|(begun, ..)| *begun <= read.ended);
        &self.states[first.saturating_sub(1)..end]
    }
}

/// What an answer shows of what the writers change.
#[derive(Debug, Default, PartialEq)]
pub struct Shown {
    /// The revision in the body.
    pub revision: Option<u64>,
    enterprise: Option<String>,
    department: Option<String>,
    /// The employees shown, each with the number of its department, if that is shown, and of its contacts.
    employees: Option<BTreeMap<String, (Option<usize>, u64)>>,
    /// The names of an enterprise's departments, by id.
    departments: Option<BTreeMap<String, String>>,
}

impl Shown {
    /// Parses an answer's data, and checks that its sums agree.
    pub fn of(question: Question, data: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is no count"));
        let list = |name: &str| data[name].as_array().unwrap_or_else(|| panic!("no {name}: {data:#}")).iter();
        let map = |name: &str| data[name].as_object().unwrap_or_else(|| panic!("no {name}: {data:#}")).iter();
        let total = count(&data["totalContacts"]);
        let agrees = |sum: u64| assert_eq!(sum, total, "{question:?}: {data:#}");
        let mut shown = Self {
            revision: data["revision"].as_u64(),
            enterprise: text(&data["enterpriseName"]),
            department: text(&data["departmentName"]),
            ..Self::default()
        };
        match (question.answer, question.scope) {
            (Answer::Summary, Scope::Enterprise(_)) => {
                agrees(list("departments").map(|one| count(&one["totalContacts"])).sum());
                let departments = list("departments").map(|one| (id(&one["departmentId"]), id(&one["departmentName"])));
                shown.departments = Some(departments.collect());
                let department_of = |one: &Value| id(&one["departmentId"])[1..].parse().ok();
                let leaders = list("topEmployees")
                    .map(|one| (id(&one["employeeId"]), (department_of(one), count(&one["contactCount"]))));
                shown.employees = Some(leaders.collect());
            }
            (Answer::Summary, _) => {
                let employees =
                    list("employees").map(|one| (id(&one["employeeId"]), (None, count(&one["contactCount"]))));
                shown.employees = Some(employees.collect());
            }
            (Answer::Details, Scope::Enterprise(_)) => {
                agrees(map("departmentStats").map(|(_, one)| count(&one["contactCount"])).sum());
                shown.departments = Some(
                    map("departmentStats").map(|(department, one)| (department.clone(), id(&one["name"]))).collect(),
                );
            }
            (Answer::Details, _) => {
                let employees = map("employeeContactBreakdown");
                shown.employees =
                    Some(employees.map(|(one, stats)| (one.clone(), (None, count(&stats["contactCount"])))).collect());
            }
        }
        if let Some(employees) = &shown.employees {
            agrees(employees.values().map(|(_, contacts)| contacts).sum());
        }
        if question.answer == Answer::Summary {
            agrees(data["growth"]["daily"].as_array().unwrap().iter().map(|day| count(&day["contacts"])).sum());
        }
        shown
    }
}

fn id(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// One read and what it showed; `None` after a 404.
pub struct Read {
    pub question: Question,
    pub begun: Instant,
    pub ended: Instant,
    pub shown: Option<Arc<Shown>>,
    /// The status and the cache status, for reports.
    pub how: String,
}

/// Everything that the writers and the imports did.
pub struct WriteHistory {
    pub writers: Vec<Timeline<State>>,
    /// The number of rows that were imported into each enterprise.
    pub imports: Vec<Timeline<u64>>,
}

/// A read that showed what it must not show.
pub struct Violation {
    what: String,
    read: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    read: {}", self.what, self.read)
    }
}

impl WriteHistory {
    /// Checks a read against everything that was written. `grace` is how long after its end an import may be missing.
    pub fn check(&self, read: &Read, grace: impl Fn(Instant) -> Duration) -> Vec<Violation> {
        let enterprise = read.question.scope.enterprise();
        let violation = |what| Violation {
            what,
            read: format!("{:?} ({}) in {:?}: {:?}", read.question, read.how, read.ended - read.begun, read.shown),
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

/// Whether a read is consistent with this state of a writer, as far as it shows it.
fn shows(read: &Read, writer: usize, state: &State) -> bool {
    let scope = read.question.scope;
    let Some(shown) = &read.shown else {
        // Only the writers' own departments are ever archived.
        return match scope {
            Scope::OwnDepartment(of) => of != writer || state.own_department_archived,
            Scope::Enterprise(_) | Scope::Department(..) => false,
        };
    };
    let employee = format!("u{writer}");
    let shows_employee = |expected: Option<(Option<usize>, u64)>| {
        shown.employees.as_ref().is_none_or(|employees| employees.get(&employee).copied() == expected)
    };
    let named = |name: &Option<String>, expected: &str| name.as_ref().is_none_or(|name| name == expected);
    let concerns_scope = match scope {
        Scope::OwnDepartment(of) => {
            of != writer || (!state.own_department_archived && named(&shown.department, &state.own_department))
        }
        Scope::Department(_, department) => {
            let works_here = !state.archived && state.department == department;
            shows_employee(works_here.then_some((None, state.contacts)))
        }
        Scope::Enterprise(_) => {
            let leads = !state.archived && state.contacts > 0;
            let name = (!state.own_department_archived).then_some(&state.own_department);
            shows_employee(leads.then_some((Some(state.department), state.contacts)))
                && shown.departments.as_ref().is_none_or(|departments| departments.get(&format!("p{writer}")) == name)
        }
    };
    concerns_scope && (!renames_enterprise(writer) || named(&shown.enterprise, &state.enterprise))
}

/// The number of imported rows that a read shows, if it would show any.
fn imported(read: &Read) -> Option<u64> {
    let scope = read.question.scope;
    let shows_imports = matches!(scope, Scope::Enterprise(_) | Scope::Department(_, IMPORTED_INTO));
    let employees = read.shown.as_ref().filter(|_| shows_imports)?.employees.as_ref()?;
    Some(employees.get(&format!("imp{}", scope.enterprise())).map_or(0, |(_, contacts)| *contacts))
}

//! What the servers of the hostile run hold, and the tokens for them.

use muster::clock::Clock;
use muster::store::{Mode, Store, StoreOptions};

use crate::support::{WorkDir, department, employee, enterprise, name, staff};

/// The enterprise that the attackers reach.
pub const HOSTILE: &str = "hostile";

/// The enterprise whose summary the quiet caller reads from the cache.
pub const CALM: &str = "calm";

/// The enterprise that the quiet caller writes to.
pub const BUSY: &str = "busy";

/// Contacts of the attackers' enterprise, and control characters in the notes of each: JSON takes six bytes for each.
const CONTACTS: usize = 3_000;
const CONTROL_CHARACTERS: usize = 100;

/// A data directory with tokens.
pub struct Prepared {
    pub dir: WorkDir,
    pub admin: String,
    pub quiet: String,
    pub attackers: AttackerTokens,
}

/// The attackers' tokens, all but one limited to their enterprise.
#[derive(Clone)]
pub struct AttackerTokens {
    pub viewer: String,
    pub contributor: String,
    pub manager: String,
    /// Of the whole installation: no other may watch the cache.
    pub watcher: String,
}

/// Fills a database without the API, which would take longer.
pub fn prepared() -> Prepared {
    let dir = WorkDir::new();
    let admin = dir.token("admin");
    let store = Store::open(&StoreOptions::new(dir.data_dir(), Mode::Server, "a test"), Clock::system()).unwrap();
    store
        .write_blocking(|tx| {
            for id in [HOSTILE, CALM, BUSY] {
                tx.create_enterprise(Some(enterprise(id)), &name(id))?;
                tx.create_department(&enterprise(id), Some(department("d")), &name("d"))?;
                let collector = employee(&format!("{id}-u"));
                tx.create_employee(&enterprise(id), &department("d"), Some(collector), &staff("Collector"))?;
            }
            Ok(())
        })
        .unwrap();
    store.close();
    let rows = |count: usize, notes: &str| {
        let rows: Vec<String> = (0..count).map(|row| format!("Person {row},p{row}@x.example,{notes}\n")).collect();
        format!("name,email,notes\n{}", rows.concat())
    };
    dir.write("hostile.csv", rows(CONTACTS, &"\u{1}".repeat(CONTROL_CHARACTERS)));
    dir.write("calm.csv", rows(200, ""));
    for id in [HOSTILE, CALM] {
        let employee = format!("{id}-u");
        dir.muster_ok(&["import", &format!("{id}.csv"), "--enterprise", id, "--employee", &employee]);
    }
    let limited =
        |role: &str| dir.muster_ok(&["token", "create", "--role", role, "--enterprise", HOSTILE]).trim().to_owned();
    let attackers = AttackerTokens {
        viewer: limited("viewer"),
        contributor: limited("contributor"),
        manager: limited("manager"),
        watcher: dir.token("viewer"),
    };
    let quiet = dir.token("contributor");
    Prepared { dir, admin, quiet, attackers }
}

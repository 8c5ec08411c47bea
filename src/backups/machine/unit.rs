//! The unit of systemd that runs the server, and where its files are.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder in which administrators put units.
pub const UNIT_FOLDER: &str = "/etc/systemd/system";

/// The unit of the deployment guide.
pub const UNIT_DEFAULT: &str = "muster.service";

/// How the name of a service's unit ends, the folder of its drop-ins, and a drop-in.
const SERVICE: &str = ".service";
const DROP_INS: &str = ".d";
const DROP_IN: &str = ".conf";

/// The most drop-ins that are kept. A unit has one or two.
const DROP_INS_MAX: usize = 64;

/// The files of the control groups of this process, one a line.
const OWN_GROUPS: &str = "/proc/self/cgroup";

/// The units of users, whose files are elsewhere.
const OF_USERS: &str = "/user.slice/";

/// A unit and the folder of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPlace {
    folder: PathBuf,
    name: String,
}

impl UnitPlace {
    /// The unit of this name; `None` where it cannot be the name of a service's unit.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Option<Self> {
        let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-_.@:\\".contains(character);
        let stem = name.strip_suffix(SERVICE)?;
        let valid = !stem.is_empty() && !stem.starts_with('.') && name.len() < 256 && name.chars().all(is_allowed);
        valid.then(|| Self { folder: folder.components().collect(), name: name.to_owned() })
    }

    /// The unit that this process runs in, which a service manager has started.
    #[must_use]
    pub fn of_this_process() -> Self {
        let folder = Path::new(UNIT_FOLDER);
        let named = fs::read_to_string(OWN_GROUPS).ok().and_then(|groups| Self::new(folder, unit_of(&groups)?));
        named.unwrap_or_else(|| Self { folder: folder.to_owned(), name: UNIT_DEFAULT.to_owned() })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names that its files may have: its own, and that of its template.
    fn names(&self) -> Vec<String> {
        let template = self.name.split_once('@').map(|(stem, _)| format!("{stem}@{SERVICE}"));
        template.into_iter().filter(|template| *template != self.name).chain([self.name.clone()]).collect()
    }

    /// The files of the unit that are there: units, and drop-ins in the order in which they are read.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for name in self.names() {
            files.push(self.folder.join(&name));
            let entries = fs::read_dir(self.folder.join(name + DROP_INS)).into_iter().flatten();
            let mut drop_ins: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
            drop_ins.sort();
            files.extend(drop_ins.into_iter().filter(|path| self.owns(path)).take(DROP_INS_MAX));
        }
        files.retain(|path| path.is_file());
        files
    }

    /// Whether a path is that of one of its files: the unit in its folder, or a drop-in in the unit's own folder.
    pub(super) fn owns(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
        let is_drop_in = name.ends_with(DROP_IN) && name.len() > DROP_IN.len() && !name.starts_with('.');
        self.names().iter().any(|unit| {
            let drop_ins = self.folder.join(format!("{unit}{DROP_INS}"));
            path == self.folder.join(unit) || (is_drop_in && path == drop_ins.join(name))
        })
    }
}

/// The name of the service in the list of a process's control groups.
fn unit_of(groups: &str) -> Option<&str> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let mut units = paths.filter(|path| !path.starts_with(OF_USERS)).filter_map(|path| path.rsplit('/').next());
    units.find(|unit| unit.ends_with(SERVICE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_group_names_the_unit() {
        assert_eq!(unit_of("0::/system.slice/muster.service\n"), Some("muster.service"));
        assert_eq!(unit_of("12:pids:/x\n1:name=systemd:/system.slice/system-m.slice/m@a.service"), Some("m@a.service"));
        assert_eq!(unit_of("0::/user.slice/user-0.slice/user@0.service/app.slice/m.service"), None);
        assert_eq!(unit_of("0::/user.slice/user-0.slice/session-1.scope"), None);
        assert_eq!(unit_of("0::/"), None);
    }

    #[test]
    fn a_unit_owns_its_file_and_its_drop_ins_and_nothing_else() {
        let unit = UnitPlace::new(Path::new("/etc/systemd/system/"), "muster@a.service").unwrap();
        let check = |path: &str, expected: bool| assert_eq!(unit.owns(Path::new(path)), expected, "{path}");
        check("/etc/systemd/system/muster@a.service", true);
        check("/etc/systemd/system/muster@.service", true);
        check("/etc/systemd/system/muster@a.service.d/x.conf", true);
        check("/etc/systemd/system/muster@.service.d/x.conf", true);
        check("/etc/systemd/system/muster@b.service", false);
        check("/etc/systemd/system/muster@a.service.d/x", false);
        check("/etc/systemd/system/muster@a.service.d/.conf", false);
        check("/etc/systemd/system/muster@a.service.d/y/x.conf", false);
        check("/etc/systemd/system/muster@a.service.d/../x.conf", false);
        check("/etc/systemd/system/sshd.service.d/x.conf", false);
        check("/etc/systemd/system/x.conf", false);
        check("muster@a.service", false);
        for name in ["muster", ".service", "a/b.service", "..service", "x.timer", "a b.service"] {
            assert_eq!(UnitPlace::new(Path::new("/etc"), name), None, "{name}");
        }
    }

    #[test]
    fn the_files_of_a_unit_are_found_in_the_order_in_which_they_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let unit = UnitPlace::new(dir.path(), "m.service").unwrap();
        assert_eq!(unit.files(), Vec::<PathBuf>::new());
        fs::create_dir(dir.path().join("m.service.d")).unwrap();
        for name in ["m.service", "m.service.d/b.conf", "m.service.d/a.conf", "m.service.d/a.conf~", "other.service"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let expected = ["m.service", "m.service.d/a.conf", "m.service.d/b.conf"].map(|name| dir.path().join(name));
        assert_eq!(unit.files(), expected);
    }
}

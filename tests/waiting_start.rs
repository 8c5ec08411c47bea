//! A server that starts while something has its data directory: it waits for what is over by itself, and says for what.

use std::fs::Permissions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::support::{TestServer, WorkDir, eventually, skip};

/// How long to wait for an expected message. Generous, since it only matters when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The user that servers of these tests run as where they need one besides root.
const NOBODY: u32 = 65_534;

/// An import that has the database to itself until its input ends.
struct HeldImport {
    child: Child,
    input: ChildStdin,
}

impl HeldImport {
    fn start(dir: &WorkDir) -> Self {
        let owner = ["--enterprise", "acme", "--department", "sales", "--employee", "u1", "--create-missing"];
        let mut command = dir.command(&[&["import", "-"], &owner[..]].concat());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // More than what is read to recognise the file.
        let rows: Vec<String> = (0..20_000).map(|row| format!("Ada{row},ada{row}@fabrikam.example\n")).collect();
        input.write_all(format!("name,email\n{}", rows.concat()).as_bytes()).unwrap();
        let lock = || std::fs::read_to_string(dir.path("muster-data/muster.lock")).unwrap_or_default();
        eventually("the import has the data directory", || lock().contains("`muster import`").then_some(()));
        Self { child, input }
    }

    fn finish(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// The messages to a service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn at(dir: &WorkDir) -> Self {
        let socket = UnixDatagram::bind(dir.path("notify.sock")).unwrap();
        socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
        Self(socket)
    }

    /// Waits for a message with this text.
    fn wait_for(&self, text: &str) -> String {
        let mut message = [0; 4_096];
        loop {
            let length = self.0.recv(&mut message).unwrap_or_else(|error| panic!("no {text}: {error}"));
            let message = str::from_utf8(&message[..length]).unwrap();
            if message.contains(text) {
                return message.to_owned();
            }
        }
    }
}

#[test]
fn a_server_waits_for_a_command_that_has_the_data_directory_and_says_for_whom() {
    let dir = WorkDir::new();
    let import = HeldImport::start(&dir);
    let manager = Manager::at(&dir);
    let socket = dir.path("notify.sock");
    let starting = std::thread::spawn({
        let dir = dir.clone();
        move || {
            let mut serve = dir.command(&["serve", "--listen", "127.0.0.1:0"]);
            serve.env("NOTIFY_SOCKET", &socket);
            TestServer::start(&dir, "", serve)
        }
    });
    let status = manager.wait_for("STATUS=Waiting for `muster import` (process ");
    assert!(status.contains("which has the data directory muster-data"), "{status}");
    // The service manager would otherwise give the start up.
    manager.wait_for("EXTEND_TIMEOUT_USEC=60000000");
    import.finish();
    manager.wait_for("READY=1");
    let server = starting.join().unwrap();
    assert!(server.log().contains("WARN") && server.log().contains("Waiting for `muster import`"), "{}", server.log());
    drop(server);
    assert!(dir.muster_ok(&["check"]).starts_with("clean: 20000 contacts"));
}

#[test]
fn a_server_that_waits_ends_at_a_signal() {
    let dir = WorkDir::new();
    let import = HeldImport::start(&dir);
    let mut serve = dir.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut server = serve.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let mut log = String::new();
    eventually("the server says that it waits", || {
        let mut bytes = [0; 4_096];
        let length = stderr.read(&mut bytes).unwrap();
        log.push_str(&String::from_utf8_lossy(&bytes[..length]));
        log.contains("Waiting for `muster import`").then_some(())
    });
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    import.finish();
}

/// A working directory, its data directory included, of a user that is not root; `None` where this user may not give
/// files away.
fn of_nobody() -> Option<WorkDir> {
    let dir = WorkDir::new();
    std::fs::create_dir(dir.data_dir()).unwrap();
    // The binary lies in a folder that not everybody may enter.
    std::fs::copy(env!("CARGO_BIN_EXE_muster"), dir.path("muster")).unwrap();
    std::fs::set_permissions(dir.path(""), Permissions::from_mode(0o755)).unwrap();
    let given = chown(dir.data_dir(), Some(NOBODY), Some(NOBODY));
    let can_become = Command::new("setpriv").args(["--reuid", "65534", "--clear-groups", "true"]).output();
    let can_run = given.is_ok() && can_become.is_ok_and(|output| output.status.success());
    if !can_run {
        skip("a server of another user", "root's rights and setpriv (util-linux)");
    }
    can_run.then_some(dir)
}

/// A server of the user that owns the data directory.
fn serve_as_nobody(dir: &WorkDir) -> Command {
    let mut serve = Command::new("setpriv");
    let user = NOBODY.to_string();
    serve.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(dir.path("muster"));
    serve.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(dir.path(""));
    serve
}

#[test]
fn commands_that_root_runs_leave_nothing_that_the_server_of_another_user_cannot_write() {
    let Some(dir) = of_nobody() else { return };
    HeldImport::start(&dir).finish();
    let token = dir.token("viewer");
    dir.muster_ok(&["sign-in-link"]);
    dir.muster_ok(&["check"]);
    let server = TestServer::start(&dir, &token, serve_as_nobody(&dir));
    assert_eq!(server.client().get("/enterprise/acme/contacts/summary")["data"]["totalContacts"], 20_000);
}

#[test]
fn a_file_of_another_user_is_named_with_the_way_out_and_a_service_waits_until_it_is_put_right() {
    let Some(dir) = of_nobody() else { return };
    HeldImport::start(&dir).finish();
    let database = dir.path("muster-data/muster.db");
    chown(&database, Some(0), Some(0)).unwrap();
    let expected = "muster-data/muster.db belongs to another user (uid 0) and cannot be written; give it to the owner of the \
                    directory: chown --reference=muster-data muster-data/muster.db";
    // In a terminal, at once.
    let refused = serve_as_nobody(&dir).output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), line.trim()), (Some(1), format!("muster: {expected}").as_str()));
    // From a service manager, without a start that fails again and again.
    let manager = Manager::at(&dir);
    chown(dir.path("notify.sock"), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut serve = serve_as_nobody(&dir);
    serve.env("NOTIFY_SOCKET", dir.path("notify.sock"));
    let starting = std::thread::spawn({
        let dir = dir.clone();
        move || TestServer::start(&dir, "", serve)
    });
    assert!(manager.wait_for("STATUS=Waiting for a person").contains(expected));
    chown(&database, Some(NOBODY), Some(NOBODY)).unwrap();
    manager.wait_for("READY=1");
    drop(starting.join().unwrap());
}

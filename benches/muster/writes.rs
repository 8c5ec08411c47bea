//! Durable writes per second over HTTP: each is on disk (`synchronous=FULL`) before it is answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use muster::domain::ids::EmployeeId;

use crate::Bench;
use crate::client::Client;
use crate::process::{Server, admin_token};
use crate::table::Table;

const DURATION: Duration = Duration::from_secs(8);

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    let dir = bench.database(bench.contacts / 10);
    let token = admin_token(&dir);
    let data = Bench::data(bench.contacts / 10);
    let staff: Vec<EmployeeId> = data.enterprises()[0]
        .departments
        .iter()
        .flat_map(|department| department.employees.iter().map(|employee| employee.id.clone()))
        .collect();
    let alone = rate(&dir, &token, &staff, 1);
    let together = rate(&dir, &token, &staff, 64);
    let fsync = fsyncs_per_second(bench);
    table.row("durable writes, 1 client", format!("{alone:.0} /s"), format!("the disk does {fsync:.0} fsyncs/s"));
    table.row(
        "durable writes, 64 clients",
        format!("{together:.0} /s"),
        format!("group commit: {:.1} times one client", together / alone),
    );
}

fn rate(dir: &std::path::Path, token: &str, staff: &[EmployeeId], clients: usize) -> f64 {
    let server = Server::start(dir);
    let written = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (server, written) = (&server, &written);
            scope.spawn(move || {
                let mut connection = Client::connect(server.address, token);
                for number in 0.. {
                    let user = &staff[(client * 7_919 + number * 31) % staff.len()];
                    let body = format!(
                        r#"{{"userId":"{user}","contactInfo":{{"name":"Bench","surname":"{client}","email":"b{client}.{number}@example.com","company":"Company {}"}}}}"#,
                        number % 1_000
                    );
                    assert_eq!(connection.send("POST", "/saveContact", &body), 200);
                    written.fetch_add(1, Ordering::Relaxed);
                    if begun.elapsed() > DURATION {
                        return;
                    }
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let written = written.load(Ordering::Relaxed) as f64;
    written / begun.elapsed().as_secs_f64()
}

/// The upper bound of the disk: small appends, each with an fsync, per second.
fn fsyncs_per_second(bench: &Bench) -> f64 {
    use std::io::Write;
    let mut file = std::fs::File::create(bench.dir.join("fsync")).unwrap();
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < Duration::from_secs(2) {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    f64::from(done) / begun.elapsed().as_secs_f64()
}

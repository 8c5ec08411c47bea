//! Notifications to the service manager: systemd's protocol of `sd_notify(3)`, a datagram with a line for each fact.
//!
//! Where the environment names no socket, nothing is sent. The watchdog is pinged only while the runtime's workers and
//! the database's threads answer, so that a process that hangs is restarted. An error is an answer: with a full disk,
//! or while another process holds the database's lock, a restart would repair nothing and cost the reads that still
//! work.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::app::App;
use crate::config::Environment;
use crate::store::{Store, StoreError};

/// Names the socket that notifications go to.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

/// The watchdog timeout in microseconds: without a ping for so long, the service manager restarts the process.
const WATCHDOG_VARIABLE: &str = "WATCHDOG_USEC";

/// The process that the watchdog is for, where it is not for every process of the service.
const WATCHDOG_PROCESS_VARIABLE: &str = "WATCHDOG_PID";

/// Pings within one watchdog timeout. An answer of the server may take half of the timeout, so that a late one is still
/// in time.
const PINGS_PER_INTERVAL: u32 = 4;

/// Time for the service manager to receive a notification; it takes microseconds.
const SEND_TIME_MAX: Duration = Duration::from_secs(1);

/// Pause before the server is checked again that has a full queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);

/// The service manager that started this process, if one did.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// The watchdog timeout.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment names, if it names one.
    pub(super) fn of(environment: &Environment) -> Self {
        let text = |variable| environment.text(variable).ok().flatten();
        let Some(name) = text(SOCKET_VARIABLE) else { return Self::default() };
        let socket = match open(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be notified: {SOCKET_VARIABLE} is {name}");
                None
            }
        };
        let own = std::process::id();
        let is_own = text(WATCHDOG_PROCESS_VARIABLE).is_none_or(|process| process.parse() == Ok(own));
        let micros = text(WATCHDOG_VARIABLE).and_then(|micros| micros.parse().ok());
        let watchdog = micros.filter(|micros| is_own && *micros > 0).map(Duration::from_micros);
        Self { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    /// Whether a service manager started this process.
    pub(super) fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// What `systemctl status` shows, in one line.
    pub(super) fn status(&self, text: &str) {
        self.notify(&format!("STATUS={text}"));
    }

    /// Whether a service manager is notified.
    pub(super) fn is_notified(&self) -> bool {
        self.socket.is_some()
    }

    /// The start takes longer than was planned, and is not to be given up before this time.
    pub(super) fn extend_start(&self, time: Duration) {
        self.notify(&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
    }

    /// The server answers.
    pub(super) fn ready(&self, status: &str) {
        self.notify(&format!("READY=1\nSTATUS={status}"));
    }

    /// The server has been told to stop.
    pub(super) fn stopping(&self) {
        self.notify("STOPPING=1\nSTATUS=Finishing the requests under way");
    }

    /// Pings the watchdog while the server is at work. Never ends.
    pub(super) async fn watch(&self, app: &App, status: &str, request_timeout: Duration) {
        let Some(interval) = self.watchdog else { return std::future::pending().await };
        let answer_time_max = interval / 2;
        if answer_time_max < request_timeout {
            tracing::warn!(
                "the service manager's watchdog should wait at least twice as long as request-timeout: {interval:?} is \
                 less than twice {request_timeout:?}"
            );
        }
        let mut pings = tokio::time::interval(interval / PINGS_PER_INTERVAL);
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_well = true;
        loop {
            pings.tick().await;
            match answer_of(app.store(), answer_time_max).await {
                Some(answer) if app.is_serving() => {
                    self.notify("WATCHDOG=1");
                    if answer.is_ok() != is_well {
                        is_well = answer.is_ok();
                        let but = answer.err().map(|error| format!(", but the database cannot be written: {error}"));
                        self.status(&format!("{status}{}", but.unwrap_or_default()));
                    }
                }
                _ => tracing::error!(
                    ?answer_time_max,
                    "the server is not at work; not pinging the service manager's watchdog"
                ),
            }
        }
    }

    fn notify(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::warn!(%error, "the service manager cannot be notified");
        }
    }
}

/// The socket of this name; with `@` it is one that has no file.
fn open(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_TIME_MAX))?;
    Ok((socket, address))
}

/// Whether the database can be read and written; `None` where it does not answer in time.
async fn answer_of(store: &Store, time_max: Duration) -> Option<Result<(), StoreError>> {
    let store = store.clone();
    // On a task of its own, so that the runtime's workers have to be at work, too.
    let asked = tokio::spawn(async move {
        loop {
            match store.probe().await {
                // A queue is full in front of a writer that works and of one that hangs: this is no answer of the
                // writer.
                Err(StoreError::QueueFull) => tokio::time::sleep(QUEUE_PAUSE).await,
                Err(StoreError::Closed) => return None,
                answer => return Some(answer),
            }
        }
    });
    let abort = asked.abort_handle();
    let answer = tokio::time::timeout(time_max, asked).await;
    abort.abort();
    answer.ok()?.ok()?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::clock::Clock;
    use crate::store::{Mode, StoreOptions};

    fn manager(variables: &[(&str, &str)]) -> ServiceManager {
        ServiceManager::of(&variables.iter().copied().collect())
    }

    #[test]
    fn the_environment_names_the_socket_and_the_watchdog_timeout() {
        let socket = (SOCKET_VARIABLE, "@muster-nobody");
        let own = std::process::id().to_string();
        let check = |variables: &[(&str, &str)], is_notified: bool, watchdog_millis: Option<u64>| {
            let manager = manager(variables);
            assert_eq!(manager.socket.is_some(), is_notified, "{variables:?}");
            assert_eq!(manager.watchdog, watchdog_millis.map(Duration::from_millis), "{variables:?}");
        };
        check(&[], false, None);
        check(&[(WATCHDOG_VARIABLE, "3000000")], false, None);
        check(&[socket], true, None);
        check(&[socket, (WATCHDOG_VARIABLE, "3000000")], true, Some(3_000));
        check(&[socket, (WATCHDOG_VARIABLE, "3000000"), (WATCHDOG_PROCESS_VARIABLE, &own)], true, Some(3_000));
        check(&[socket, (WATCHDOG_VARIABLE, "3000000"), (WATCHDOG_PROCESS_VARIABLE, "1")], true, None);
        check(&[socket, (WATCHDOG_VARIABLE, "0")], true, None);
        check(&[socket, (WATCHDOG_VARIABLE, "soon")], true, None);
        check(&[(SOCKET_VARIABLE, &"/long".repeat(100))], false, None);
    }

    #[tokio::test]
    async fn a_writer_that_hangs_gives_no_answer_and_one_that_goes_on_does() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(dir.path(), Mode::Server, "a test");
        let store = Store::open(&options, Clock::system()).unwrap();
        assert!(matches!(answer_of(&store, Duration::from_secs(20)).await, Some(Ok(()))));
        let (begun, has_begun) = channel();
        let (release, released) = channel::<()>();
        let held = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .write(move |_| {
                        begun.send(()).unwrap();
                        let _ = released.recv();
                        Ok(())
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        assert!(answer_of(&store, Duration::from_millis(50)).await.is_none());
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        assert!(matches!(answer_of(&store, Duration::from_secs(20)).await, Some(Ok(()))));
        store.close();
        assert!(answer_of(&store, Duration::from_secs(20)).await.is_none(), "a closed database does no work");
    }
}

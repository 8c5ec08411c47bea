//! The start of a server, which waits for what is over by itself or is put right by a person.

use std::time::Duration;

use super::server::StopSignals;
use super::{Context, Failure};
use crate::app::{App, AppSettings, StartError};
use crate::clock::Clock;
use crate::store::{OpenError, may_start_now};

/// How often it is looked whether the server can start now.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What the service manager is told that the start takes at least, each time. Many times [`LOOK_INTERVAL`].
const START_EXTENSION: Duration = Duration::from_mins(1);

/// Starts a server. While a command has the data directory it waits, and, where a service manager started it, also while
/// a file there belongs to another user: a start that fails again and again ends in the manager giving the service up.
/// `None` where a signal came meanwhile.
pub(super) async fn start(
    context: &Context<'_>,
    settings: AppSettings,
    signals: &mut StopSignals,
) -> Result<Option<App>, Failure> {
    let data_dir = settings.store.settings.data_dir.clone();
    let mut said = String::new();
    loop {
        let obstacle = match App::start(settings.clone(), Clock::system()).await {
            Ok(app) => return Ok(Some(app)),
            Err(StartError::Open(error)) => wait_text(&error, context.manager.is_notified()).ok_or(error)?,
            Err(error) => return Err(error.into()),
        };
        if obstacle != said {
            tracing::warn!("{obstacle}");
            context.manager.status(&obstacle);
            said = obstacle;
        }
        loop {
            context.manager.extend_start(START_EXTENSION);
            tokio::select! {
                signal = signals.next() => {
                    tracing::info!(signal, "stopped before the server could start");
                    return Ok(None);
                }
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            if may_start_now(&data_dir) {
                break;
            }
        }
    }
}

/// What the server waits for, as a sentence; `None` where waiting is of no use.
fn wait_text(error: &OpenError, is_managed: bool) -> Option<String> {
    match error {
        OpenError::InUse { path, holder, ends_by_itself: true } => {
            Some(format!("Waiting for {holder}, which has the data directory {path}"))
        }
        // In a terminal, a person sees the refusal at once.
        OpenError::OfAnotherUser { .. } if is_managed => Some(format!("Waiting for a person: {error}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_over_by_itself_or_put_right_by_a_person_is_waited_for() {
        let check = |error: OpenError, is_managed: bool, expected: Option<&str>| {
            let text = wait_text(&error, is_managed);
            assert_eq!(text.is_some(), expected.is_some(), "{error}");
            assert!(text.unwrap_or_default().contains(expected.unwrap_or_default()), "{error}");
        };
        let in_use = |ends_by_itself: bool| OpenError::InUse {
            path: "dir".to_owned(),
            holder: "`muster import` (process 7)".to_owned(),
            ends_by_itself,
        };
        let of_root = || OpenError::OfAnotherUser { path: "dir/x".to_owned(), owner: 0, directory: "dir".to_owned() };
        check(in_use(true), false, Some("Waiting for `muster import` (process 7), which has"));
        check(in_use(false), true, None);
        check(of_root(), true, Some("chown --reference=dir dir/x"));
        check(of_root(), false, None);
        check(OpenError::System(std::io::Error::other("x")), true, None);
    }
}

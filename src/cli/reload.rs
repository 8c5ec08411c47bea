//! `muster reload`: has the server read its certificate anew, and says how that went.

use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::{Context, Failure, server};
use crate::store::{RunningServer, described_server, is_locked};

/// How long the server may take. It reads two small files.
const RELOAD_TIME_MAX: Duration = Duration::from_secs(10);

/// How often it is looked whether the server is done.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Have the running server read its TLS certificate anew; fails where the server refuses it.
///
/// Sends SIGHUP to the server of the data directory and waits for its answer. New connections get the new certificate. A
/// certificate that cannot be used changes nothing: the old one stays in use, and the exit code is 1. Other settings are
/// read at the start only.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ReloadArgs {}

const EXAMPLES: &str = "\
Examples:
  muster reload --data-dir /srv/muster
  systemctl reload muster              The same, where the unit is installed";

/// Asks the server, and waits for its answer.
pub fn run(context: &mut Context<'_>, _arguments: &ReloadArgs) -> Result<(), Failure> {
    let data_dir = context.config.store.data_dir.clone();
    // The number of a process that has ended may be another's by now.
    let running = described_server(&data_dir).filter(|_| is_locked(&data_dir));
    let none = || Failure::failed(format!("no server has the data directory {}", data_dir.display()));
    let before = running.ok_or_else(none)?;
    if !before.is_in_own_namespace() {
        return Err(Failure::failed(
            "the server runs in another container than this command; run `muster reload` there, or send it SIGHUP",
        ));
    }
    let process = i32::try_from(before.process).ok().and_then(Pid::from_raw).ok_or_else(none)?;
    kill_process(process, Signal::HUP)
        .map_err(|errno| Failure::failed(format!("process {} cannot be sent SIGHUP", before.process)).because(errno))?;
    let answered = server::block_on(async {
        let answer = async {
            loop {
                match described_server(&data_dir) {
                    Some(RunningServer { reloads, last_reload: Some(answer), .. }) if reloads > before.reloads => {
                        return answer;
                    }
                    _ => tokio::time::sleep(LOOK_INTERVAL).await,
                }
            }
        };
        let late = |_| Failure::failed(format!("the server did not answer within {} s", RELOAD_TIME_MAX.as_secs()));
        tokio::time::timeout(RELOAD_TIME_MAX, answer).await.map_err(late)
    })?;
    answered.map_err(|reason| Failure::failed(format!("the old certificate stays in use: {reason}")))
}

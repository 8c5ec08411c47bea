//! The server's backups: how they stand, and making one now.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::backups::{BackupFailure, BackupHealth, BackupRun, BackupStatus, BeginError, KeptBackup};
use crate::domain::backup::RowCounts;
use crate::domain::time::Timestamp;
use crate::http::answer::Answer;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::Json;
use crate::http::state::AppState;
use crate::store::BackupRecord;

/// How long a request waits for the backup that it asked for. A small database is done by then; a large one takes longer
/// than any client waits, so it goes on without.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Seconds after which asking for a backup again makes sense.
const RETRY_SECS: u64 = 60;

/// How the backups stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupAnswer {
    /// How the backups stand.
    backup: BackupBody,
}

/// How the backups stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Backup)]
pub struct BackupBody {
    /// Whether somebody has to do something.
    status: HealthBody,
    /// How often the server makes one, in milliseconds; null where it makes none by itself.
    #[schema(required, value_type = Option<u64>, example = 86_400_000)]
    every: Option<u64>,
    /// How many of its own it keeps.
    #[schema(example = 7)]
    keep: usize,
    /// The folder they are in. Each installation that uses it has its own subfolder there.
    #[schema(example = "/srv/muster/backups")]
    folder: String,
    /// What this installation is called.
    #[schema(example = "berlin")]
    installation: String,
    /// When the next one is due; null where the server makes none by itself.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// The last good one, whoever made it; null as long as there is none.
    #[schema(required)]
    last: Option<MadeBody>,
    /// Why the last attempt failed, or the next one would; null if neither.
    #[schema(required)]
    failure: Option<FailureBody>,
    /// The one under way; null if none is.
    #[schema(required)]
    running: Option<RunningBody>,
    /// Those in the folder, newest first, those of other installations included; at most 1,000. Where the folder does not answer within 2 seconds, those that were
    /// there when it last did.
    files: Vec<FileBody>,
}

/// Whether somebody has to do something.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BackupHealth)]
pub enum HealthBody {
    /// The last one is good, and the next is not late.
    Good,
    /// There is none yet, and the first is not late.
    Waiting,
    /// The next one is late.
    Overdue,
    /// The last attempt failed, or the folder cannot be used.
    Failed,
    /// The server makes none by itself.
    Off,
}

/// A good backup.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BackupMade)]
pub struct MadeBody {
    /// The file, where it was made.
    #[schema(example = "/srv/muster/backups/berlin/muster-berlin-2026-11-22T14-30-00Z.db")]
    file: String,
    /// Its size.
    #[schema(example = 2_396_160)]
    bytes: u64,
    /// What it holds.
    rows: RowCounts,
    /// The moment that it shows.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How old it is, in seconds.
    #[schema(example = 3_600)]
    age_seconds: u64,
    /// How long it took to make, in milliseconds.
    #[schema(example = 240)]
    duration: u64,
    /// Who made it: `schedule`, `command line`, or a token by name and id.
    #[schema(example = "schedule")]
    by: String,
}

/// Why the last attempt failed, or the next one would.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BackupFailure)]
pub struct FailureBody {
    /// When it failed, or when it was found that it would.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why.
    #[schema(example = "there is no room in /srv/muster/backups: the copy takes 3.5 MiB, and 1.2 MiB are free")]
    reason: String,
    /// How many have failed since the last good one; 0 where it is only known that the next one would.
    #[schema(example = 3)]
    attempts: u64,
}

/// A backup under way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BackupRunning)]
pub struct RunningBody {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// Who asked for it.
    #[schema(example = "schedule")]
    by: String,
    /// What it is doing: `copying` or `verifying`.
    #[schema(example = "copying")]
    stage: &'static str,
    /// Bytes that are copied.
    #[schema(example = 1_048_576)]
    bytes_done: u64,
    /// Bytes that are to be copied; 0 as long as that is not known.
    #[schema(example = 2_396_160)]
    bytes_total: u64,
}

/// A backup in the folder.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BackupFile)]
pub struct FileBody {
    /// What it is called, from the folder of backups on.
    #[schema(example = "berlin/muster-berlin-2026-11-22T14-30-00Z.db")]
    file: String,
    /// Of which installation it is; null where its name does not tell, as up to version 0.2.
    #[schema(required, example = "berlin")]
    installation: Option<String>,
    /// Its size.
    #[schema(example = 2_396_160)]
    bytes: u64,
    /// When it was made, by its name.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
}

/// A backup that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BackupCreated)]
pub struct CreatedBody {
    /// What happened.
    #[schema(example = "Backup created successfully")]
    message: &'static str,
    /// The backup.
    backup: MadeBody,
}

/// A backup that is being made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BackupBegun)]
pub struct BegunBody {
    /// What happens.
    #[schema(example = "Backup is being made; GET /backup tells how far it is")]
    message: &'static str,
    /// How far it is.
    running: RunningBody,
}

impl MadeBody {
    fn of(record: BackupRecord, now: Timestamp) -> Self {
        let BackupRecord { path, bytes, rows, at, took_millis, by } = record;
        let age_seconds = u64::try_from(now.millis() - at.millis()).unwrap_or(0) / 1_000;
        Self { file: path, bytes, rows, at, age_seconds, duration: took_millis, by }
    }
}

impl RunningBody {
    fn of(run: &BackupRun) -> Self {
        let progress = run.progress();
        Self {
            started_at: run.started_at(),
            by: run.actor().to_string(),
            stage: if progress.is_verifying { "verifying" } else { "copying" },
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
        }
    }
}

impl From<BackupHealth> for HealthBody {
    fn from(health: BackupHealth) -> Self {
        match health {
            BackupHealth::Good => Self::Good,
            BackupHealth::Waiting => Self::Waiting,
            BackupHealth::Overdue => Self::Overdue,
            BackupHealth::Failed => Self::Failed,
            BackupHealth::Off => Self::Off,
        }
    }
}

impl From<BackupStatus> for BackupBody {
    fn from(status: BackupStatus) -> Self {
        let BackupStatus { health, every, keep, folder, installation, next_at, last, failure, running, kept, now } =
            status;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let file = |backup: KeptBackup| FileBody {
            file: backup.path().display().to_string(),
            installation: backup.name.installation().map(ToString::to_string),
            bytes: backup.bytes,
            made_at: backup.name.made_at(),
        };
        Self {
            status: health.into(),
            every: every.map(millis),
            keep,
            folder: folder.display().to_string(),
            installation: installation.to_string(),
            next_at,
            last: last.map(|record| MadeBody::of(record, now)),
            failure: failure.map(|BackupFailure { at, reason, attempts }| FailureBody { at, reason, attempts }),
            running: running.as_deref().map(RunningBody::of),
            files: kept.into_iter().map(file).collect(),
        }
    }
}

/// How the backups stand
///
/// The schedule, the last good backup with its age, why the last attempt failed, the one under way, and the files that are
/// kept.
#[utoipa::path(
    get, path = "/backup", tag = "backup", operation_id = "getBackup",
    responses((status = 200, body = Answer<BackupAnswer>))
)]
pub async fn get(State(state): State<AppState>) -> Json<Answer<BackupAnswer>> {
    let backup = state.backups.status().await.into();
    state.success(BackupAnswer { backup })
}

/// Make a backup now
///
/// Into the folder of backups, while everybody goes on reading and writing. Answers 201 with the backup once it is made and
/// verified; a large database takes longer than a client waits, and is answered 202 while it goes on. One at a time: 409
/// while another is under way.
#[utoipa::path(
    post, path = "/backup", tag = "backup", operation_id = "createBackup",
    responses(
        (status = 201, body = Answer<CreatedBody>),
        (status = 202, body = Answer<BegunBody>, description = "It goes on; `GET /backup` tells how far it is"),
        (status = 409, description = "Another backup is under way"),
    )
)]
pub async fn create(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    let run = state.backups.begin(&caller.actor()).map_err(|error| match error {
        BeginError::UnderWay => ApiError::conflict("A backup is being made already; GET /backup tells how far it is"),
        BeginError::Stopping => ApiError::unavailable("The server is stopping", 1),
    })?;
    // The request must be answered before its own time is up.
    let wait = WAIT_MAX.min(state.settings.request_timeout / 2);
    match tokio::time::timeout(wait, run.ended()).await {
        Ok(Ok(record)) => {
            let backup = MadeBody::of(record, state.clock.now());
            let body = CreatedBody { message: "Backup created successfully", backup };
            Ok((StatusCode::CREATED, state.success(body)).into_response())
        }
        Ok(Err((reason, for_want_of_room))) => {
            let detail = format!("No backup was made: {reason}");
            Err(if for_want_of_room {
                ApiError::insufficient_storage(detail)
            } else {
                ApiError::unavailable(detail, RETRY_SECS)
            })
        }
        Err(_) => {
            let message = "Backup is being made; GET /backup tells how far it is";
            let body = BegunBody { message, running: RunningBody::of(&run) };
            Ok((StatusCode::ACCEPTED, state.success(body)).into_response())
        }
    }
}

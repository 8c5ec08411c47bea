//! `muster restore`: a backup in the place of the database.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::json;

use super::backup::UnitArgs;
use super::progress::BackupBar;
use super::{Context, Failure, put_back};
use crate::backups::machine::{Places, PutBack, PutBackError, Written};
use crate::clock::Clock;
use crate::store::{Actor, BackupObserver, Before, Restore, Restored};
use crate::telemetry;

/// Put a backup in the place of the database. The server must be stopped.
///
/// The file is copied and verified first. The database that it replaces is kept under another name in the data directory.
/// Whatever happens meanwhile, a power cut included, the old database is there or the new one.
///
/// Everybody is signed out, and sign-in links end. Tokens are those of the backup, without those that were revoked since.
///
/// With --with-settings what the backup keeps of its machine comes back, too: settings, files of the service's unit, and
/// certificates. A backup may come from anywhere, so each file is shown before it is written, nothing is written but the
/// settings file, files of the unit, and certificates where the settings name them, and no other file is replaced
/// unless you say so.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RestoreArgs {
    /// The file of a backup
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Do not ask whether the database may be replaced, or the files of --with-settings be written
    #[arg(long, short = 'y')]
    pub yes: bool,

    /// Put back what the backup keeps of its machine: the settings, the files of the unit, and certificates
    #[arg(long)]
    pub with_settings: bool,

    /// With --with-settings: replace files that are there and differ; they are kept beside the new ones
    #[arg(long, requires = "with_settings")]
    pub force: bool,

    /// The unit whose files may be written.
    #[command(flatten)]
    pub unit: UnitArgs,

    /// Write what was done as JSON to standard output
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  muster restore muster-data/backups/muster-2026-11-22T14-30-00Z.db
  muster restore /mnt/usb/muster.db --data-dir /srv/muster --yes
  muster restore /mnt/usb/muster.db --data-dir /var/lib/muster --with-settings";

/// Restores, and says what was there before and what is there now.
pub fn run(context: &mut Context<'_>, arguments: &RestoreArgs) -> Result<(), Failure> {
    let clock = Clock::system();
    let data_dir = context.config.store.data_dir.clone();
    let is_new_dir = !data_dir.exists();
    // Ctrl-C ends this at any moment, as it does at the question: what is there then is whole, and the next one tidies
    // up.
    let bar = Arc::new(BackupBar::new());
    let observer: Arc<dyn BackupObserver> = Arc::<BackupBar>::clone(&bar);
    let prepared = Restore::prepare(&data_dir, &arguments.file, &clock, &observer, &mut |_| {});
    bar.finish();
    let prepared = prepared.map_err(|error| Failure::failed("nothing was restored").because(error))?;
    let plan = if arguments.with_settings { Some(plan(context, arguments, &prepared)?) } else { None };
    let keeps_settings = !prepared.kept_files().files.is_empty();
    if !arguments.yes && (prepared.before() != Before::Nothing || plan.is_some()) {
        confirm(&data_dir, &arguments.file, &prepared, plan.as_ref())?;
    }
    if let Some(plan) = plan.as_ref().filter(|_| is_new_dir) {
        plan.give_new_data_dir(&data_dir);
    }
    let older_schema = prepared.older_schema();
    let failed = |error| Failure::failed("nothing was restored").because(error);
    let restored = prepared.commit(&Actor::command_line(), &mut |_| {}).map_err(failed)?;
    let written = plan.as_ref().map(|plan| plan.write(clock.now()));
    if arguments.json {
        let files = written.as_ref().and_then(|written| written.as_ref().ok());
        context.print(&report(&arguments.file, &restored, files.map(Vec::as_slice)).to_string())?;
    } else {
        let mut text = tell(&arguments.file, &restored, older_schema);
        match (&plan, &written) {
            (Some(plan), Some(Ok(written))) => text.push_str(&put_back::tell(plan, written)),
            (None, _) if keeps_settings => {
                text.push_str("it also keeps settings of its machine: --with-settings would put them back\n");
            }
            _ => {}
        }
        telemetry::message(&text);
    }
    match written {
        Some(Err(error)) => Err(Failure::failed(
            "the database was restored, and not all files of the machine were put back; repeat the command when this \
             is mended",
        )
        .because(error)),
        _ => Ok(()),
    }
}

/// What of the machine would be put back; shows it.
fn plan(context: &Context<'_>, arguments: &RestoreArgs, prepared: &Restore) -> Result<PutBack, Failure> {
    let config = &context.config;
    let places = Places {
        data_dir: config.store.data_dir.clone(),
        settings: config.settings_path().to_owned(),
        is_own_settings: config.is_in_data_dir(),
        unit: arguments.unit.place()?,
    };
    let kept = prepared.kept_files();
    let failed = |error: PutBackError| Failure::failed("nothing was restored").because(error);
    let plan = PutBack::plan(kept, &places).map_err(failed)?;
    if plan.files().is_empty() {
        return Err(Failure::failed(
            "nothing was restored: the backup keeps no settings, since an older version made it; restore it without \
             --with-settings",
        ));
    }
    let mut text = format!(
        "What {} keeps of the machine of {}:\n{}",
        arguments.file.display(),
        put_back::printable(&kept.installation),
        put_back::preview(&plan)
    );
    let replaced: Vec<String> = plan.replaced().map(|file| file.path.display().to_string()).collect();
    let may_ask = !arguments.yes && io::stdin().is_terminal();
    if !replaced.is_empty() && !arguments.force && !may_ask {
        telemetry::message(&text);
        return Err(Failure::failed(format!(
            "nothing was restored: {} would be replaced; say so with --force, which keeps what is replaced beside it",
            replaced.join(" and ")
        )));
    }
    text.push('\n');
    telemetry::message(&text);
    Ok(plan)
}

/// Asks whether the database may be replaced and the files be written, where there is a terminal.
fn confirm(data_dir: &Path, file: &Path, prepared: &Restore, plan: Option<&PutBack>) -> Result<(), Failure> {
    let installation = &prepared.kept_files().installation;
    let whose =
        if installation.is_empty() { String::new() } else { format!(" of {}", put_back::printable(installation)) };
    let mut question = format!(
        "The database in {} holds {}.\nThe backup {}{whose} holds {}.\n",
        data_dir.display(),
        in_words(prepared.before()),
        file.display(),
        prepared.after()
    );
    let is_there = prepared.before() != Before::Nothing;
    question.push_str(match (is_there, plan.map(|plan| plan.replaced().count())) {
        (true, None) => "Replace the database? It is kept under another name. [y/N] ",
        (true, Some(0)) => "Replace the database, which is kept under another name, and write these files? [y/N] ",
        (true, Some(_)) => "Replace the database and these files? What is replaced is kept under another name. [y/N] ",
        (false, Some(0) | None) => "Restore it, and write these files? [y/N] ",
        (false, Some(_)) => "Restore it, and replace these files? What is replaced is kept under another name. [y/N] ",
    });
    if !io::stdin().is_terminal() {
        let what = if is_there { "has a database, and" } else { "would get files of another machine, but" };
        return Err(Failure::usage(format!(
            "nothing was restored: {} {what} there is no terminal to ask whether it may be replaced; say so with --yes",
            data_dir.display()
        )));
    }
    telemetry::message(&question);
    telemetry::flush_all();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::failed("standard input cannot be read").because(error))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::failed("nothing was restored, as you wished")),
    }
}

fn in_words(before: Before) -> String {
    match before {
        Before::Nothing => "no database".to_owned(),
        Before::Rows(rows) => rows.to_string(),
        Before::Unreadable => "nothing that can be read".to_owned(),
    }
}

/// The result, as text for people.
fn tell(file: &Path, restored: &Restored, older_schema: Option<i64>) -> String {
    let mut text = format!("before: {}\nafter:  {}\n", in_words(restored.before), restored.after);
    let _ = writeln!(text, "restored {}", file.display());
    if let Some(kept) = &restored.kept {
        let _ = writeln!(text, "the database before is kept as {}; delete it when nobody needs it", kept.display());
    }
    if let Some(version) = older_schema {
        let _ = writeln!(text, "it has schema version {version} and is migrated when it is next opened");
    }
    text.push_str("everybody is signed out; sign in with a token or `muster sign-in-link`\n");
    text.push_str("tokens are those of the backup");
    match restored.tokens_kept_revoked {
        0 => {}
        1 => text.push_str("; one that was revoked since stays revoked"),
        count => {
            let _ = write!(text, "; {count} that were revoked since stay revoked");
        }
    }
    match restored.tokens_lost {
        0 => {}
        1 => text.push_str("; one that was made since is gone"),
        count => {
            let _ = write!(text, "; {count} that were made since are gone");
        }
    }
    if restored.before == Before::Unreadable {
        text.push_str("; which were revoked since cannot be told: look at `muster token list`");
    }
    text.push('\n');
    text
}

fn report(file: &Path, restored: &Restored, files: Option<&[Written]>) -> serde_json::Value {
    let before = match restored.before {
        Before::Rows(rows) => json!(rows),
        Before::Nothing | Before::Unreadable => json!(null),
    };
    json!({
        "file": file.display().to_string(),
        "before": before,
        "after": restored.after,
        "kept": restored.kept.as_ref().map(|path| path.display().to_string()),
        "schemaVersion": restored.schema_version,
        "sessionsEnded": restored.sessions_ended,
        "tokensKeptRevoked": restored.tokens_kept_revoked,
        "tokensLost": restored.tokens_lost,
        "files": files.map(put_back::report),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::backup::RowCounts;

    #[test]
    fn what_became_of_access_is_told() {
        let check = |kept_revoked, lost, before, expected: &str| {
            let restored = Restored {
                before,
                after: RowCounts::default(),
                kept: None,
                schema_version: 3,
                sessions_ended: 0,
                tokens_kept_revoked: kept_revoked,
                tokens_lost: lost,
            };
            let text = tell(Path::new("x.db"), &restored, None);
            assert_eq!(text.lines().last(), Some(expected));
        };
        check(0, 0, Before::Nothing, "tokens are those of the backup");
        check(
            1,
            2,
            Before::Nothing,
            "tokens are those of the backup; one that was revoked since stays revoked; 2 that were made since are gone",
        );
        let unreadable =
            "tokens are those of the backup; which were revoked since cannot be told: look at `muster token list`";
        check(0, 0, Before::Unreadable, unreadable);
    }
}

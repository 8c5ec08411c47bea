//! `muster restore`: a backup in the place of the database.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::json;

use super::progress::BackupBar;
use super::{Context, Failure};
use crate::clock::Clock;
use crate::store::{Actor, BackupObserver, Before, Restore, Restored};

/// Put a backup in the place of the database. The server must be stopped.
///
/// The file is copied and verified first. The database that it replaces is kept under another name in the data directory.
/// Whatever happens meanwhile, a power cut included, the old database is there or the new one.
///
/// Everybody is signed out, and sign-in links end. Tokens are those of the backup, without those that were revoked since.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct RestoreArgs {
    /// The file of a backup
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Do not ask whether the database may be replaced
    #[arg(long, short = 'y')]
    pub yes: bool,

    /// Write what was done as JSON to standard output
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  muster restore muster-data/backups/muster-2026-11-22T14-30-00Z.db
  muster restore /mnt/usb/muster.db --data-dir /srv/muster --yes";

/// Restores, and says what was there before and what is there now.
pub fn run(context: &mut Context<'_>, arguments: &RestoreArgs) -> Result<(), Failure> {
    let clock = Clock::system();
    let data_dir = context.config.store.data_dir.clone();
    // Ctrl-C ends this at any moment, as it does at the question: what is there then is whole, and the next one tidies
    // up.
    let bar = Arc::new(BackupBar::new());
    let observer: Arc<dyn BackupObserver> = Arc::<BackupBar>::clone(&bar);
    let prepared = Restore::prepare(&data_dir, &arguments.file, &clock, &observer, &mut |_| {});
    bar.finish();
    let failed = |error| Failure::failed("nothing was restored").because(error);
    let prepared = prepared.map_err(failed)?;
    if prepared.before() != Before::Nothing && !arguments.yes {
        confirm(&data_dir, &arguments.file, &prepared)?;
    }
    let older_schema = prepared.older_schema();
    let restored = prepared.commit(&Actor::command_line(), &mut |_| {}).map_err(failed)?;
    if arguments.json {
        return context.print(&report(&arguments.file, &restored).to_string());
    }
    // A closed standard error is no failure.
    let _ = io::stderr().write_all(tell(&arguments.file, &restored, older_schema).as_bytes());
    Ok(())
}

/// Asks whether the database may be replaced, where there is a terminal.
fn confirm(data_dir: &Path, file: &Path, prepared: &Restore) -> Result<(), Failure> {
    let question = format!(
        "The database in {} holds {}.\nThe backup {} holds {}.\nReplace the database? It is kept under another name. [y/N] ",
        data_dir.display(),
        in_words(prepared.before()),
        file.display(),
        prepared.after()
    );
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "nothing was restored: {} has a database, and there is no terminal to ask whether it may be replaced; \
             say so with --yes",
            data_dir.display()
        )));
    }
    let _ = io::stderr().write_all(question.as_bytes());
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

fn report(file: &Path, restored: &Restored) -> serde_json::Value {
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

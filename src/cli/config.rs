//! `muster config`: what the settings come to, and why.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Context, Failure, ServingFlags, config_check};
use crate::config::{Origin, ReportLine};

/// Show every setting with its value and where it comes from.
///
/// The output is a settings file: save it as muster.toml and the same values hold without flags and variables. Behind each
/// value stands the flag, the environment variable or the file that it comes from.
///
/// With --check nothing is shown: the certificate and its key are read, the data directory, the backup folder and the
/// address are tried, and every name that is no setting is a fault. The exit code is 0 where a server could start.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ConfigArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,

    /// Check whether a server could start with these settings; unknown names are faults. Changes nothing
    #[arg(long, conflicts_with = "json")]
    pub check: bool,

    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster config
  muster config --listen 0.0.0.0:80 > muster.toml
  muster config --check --data-dir /srv/muster     Before a restart
  muster config --json | jq -r .listen.value";

/// Writes the settings.
pub fn run(context: &mut Context<'_>, arguments: &ConfigArgs) -> Result<(), Failure> {
    if arguments.check {
        return config_check::run(context);
    }
    let report = context.config.report();
    if arguments.json {
        let settings: Map<String, Value> = report.iter().map(|line| (line.key.to_owned(), json_line(line))).collect();
        return context.print(&format!("{:#}", Value::Object(settings)));
    }
    report.iter().try_for_each(|line| context.print(&text_line(line)))
}

fn text_line(line: &ReportLine) -> String {
    match &line.value {
        Some(value) => format!("{} = {value}  # {}", line.key, line.origin),
        None => format!("# {} is not set  # {}", line.key, line.origin),
    }
}

fn json_line(line: &ReportLine) -> Value {
    let (origin, name) = match &line.origin {
        Origin::Flag(name) => ("flag", Some(name.clone())),
        Origin::Environment(name) => ("environment", Some(name.clone())),
        Origin::File(path) => ("file", Some(path.display().to_string())),
        Origin::Default => ("default", None),
    };
    json!({ "value": line.value, "origin": origin, "name": name })
}

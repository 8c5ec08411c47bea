//! `muster token`: access tokens.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::database::{self, Missing};
use super::{Context, Failure};
use crate::access;
use crate::domain::access::{Reach, Role, TOKEN_LIFE_MAX, TOKEN_LIFE_MIN, Token};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;
use crate::store::{Actor, Store, StoreError, Subject};

/// Create, list and revoke access tokens.
///
/// A token is what a program sends in its requests (`Authorization: Bearer …`). It is shown once, when it is made, and
/// kept only as a hash. A running server knows a new token at the first request with it.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    // No doc comments here: clap would use them instead of the help texts of the arguments.
    Create(CreateArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make a token and write it, alone, to standard output.
///
/// It cannot be shown again.
#[derive(Debug, Args)]
#[command(after_long_help = CREATE_EXAMPLES)]
pub struct CreateArgs {
    /// What the token allows; each role may do what those before it may, but intake only adds contacts and reads nothing
    #[arg(long, value_name = "ROLE", value_parser = role_parser())]
    pub role: Role,

    /// Limit the token to one enterprise; nothing else exists for its holder
    #[arg(long, value_name = "ID")]
    pub enterprise: Option<EnterpriseId>,

    /// Limit the token to a department of the enterprise; may be given several times
    #[arg(long, value_name = "ID", requires = "enterprise")]
    pub department: Vec<DepartmentId>,

    /// Limit the token to the contacts of an employee of the enterprise; may be given several times
    #[arg(long, value_name = "ID", requires = "enterprise", conflicts_with = "department")]
    pub employee: Vec<EmployeeId>,

    /// What to call it in lists
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// How long it works, such as 90d or "12h 30m" [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = parse_life)]
    pub expires_in: Option<Duration>,
}

const CREATE_EXAMPLES: &str = "\
Examples:
  TOKEN=$(muster token create --role viewer --name reporting)
  muster token create --role contributor --enterprise acme --expires-in 90d
  muster token create --role viewer --enterprise acme --department sales --department marketing
  muster token create --role intake --enterprise acme --employee u1 --name scanner
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8383/enterprise/acme/contacts/summary";

/// List the tokens, without what grants access.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Make a token stop working.
///
/// A running server refuses it from the next request on.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The token's id, as `muster token list` shows it
    #[arg(value_name = "ID")]
    pub id: String,
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|name| Role::parse(&name).ok_or("no such role"))
}

fn parse_life(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .ok()
        .filter(|life| (TOKEN_LIFE_MIN..=TOKEN_LIFE_MAX).contains(life))
        .ok_or_else(|| "must be a duration such as 90d or \"12h 30m\", from one minute to ten years".to_owned())
}

/// Does what was asked for with tokens.
pub fn run(context: &mut Context<'_>, arguments: &TokenArgs) -> Result<(), Failure> {
    match &arguments.command {
        TokenCommand::Create(arguments) => create(context, arguments),
        TokenCommand::List(arguments) => list(context, arguments),
        TokenCommand::Revoke(arguments) => revoke(context, arguments),
    }
}

fn create(context: &mut Context<'_>, arguments: &CreateArgs) -> Result<(), Failure> {
    let store = database::open(context, "token create", Missing::Refuse)?;
    let now = store.clock().now();
    let life = arguments.expires_in.map(|life| i64::try_from(life.as_millis()).unwrap_or(i64::MAX));
    let expires_at = life.map(|life| Timestamp::from_millis(now.millis().saturating_add(life)));
    let (departments, employees) = (arguments.department.clone(), arguments.employee.clone());
    let reach = Reach::of_ids(arguments.enterprise.clone(), departments, employees)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let name = arguments.name.clone().unwrap_or_else(|| arguments.role.as_str().to_owned());
    let mut made = 1;
    let (created, secret) = loop {
        let minted = access::mint(name.clone(), arguments.role, reach.clone(), now, expires_at)
            .map_err(|error| Failure::failed("the operating system gives no random numbers").because(error))?;
        let stored = minted.stored;
        match store.write_blocking(move |tx| tx.create_token(&stored, &Actor::command_line())) {
            Err(error) if access::is_id_taken(&error) && made < access::IDS_MADE_MAX => made += 1,
            created => break (created, minted.secret),
        }
    };
    let token = created.map_err(|error| match (error, &arguments.enterprise) {
        (StoreError::NotFound(Subject::Enterprise), Some(enterprise)) => Failure::failed(format!(
            "enterprise \"{enterprise}\" does not exist; `muster import --create-missing` or POST /enterprise makes it"
        )),
        (StoreError::NotFound(subject @ (Subject::Department | Subject::User)), Some(enterprise)) => {
            let what = if subject == Subject::Department { "departments" } else { "employees" };
            Failure::failed(format!(
                "one of the {what} does not exist in {enterprise}; GET /enterprise/{enterprise}/{what} lists them"
            ))
        }
        (error, _) => Failure::failed("the token could not be stored").because(error),
    })?;
    tracing::info!(id = token.id, name = token.name, role = token.role.as_str(), "token created");
    context.print_at_once(&secret).map_err(|lost| withdraw(&store, &token.id, lost))
}

/// Revokes a token that nobody has seen, and says so.
fn withdraw(store: &Store, id: &str, lost: Failure) -> Failure {
    let unseen = id.to_owned();
    match store.write_blocking(move |tx| tx.revoke_token(&unseen, &Actor::command_line())) {
        Ok(_) => lost.so(&format!("nobody has seen the token {id}, so it was revoked")),
        Err(error) => lost.so(&format!(
            "nobody has seen the token {id}, and it could not be revoked ({error}): do that with `muster token revoke {id}`"
        )),
    }
}

fn list(context: &mut Context<'_>, arguments: &ListArgs) -> Result<(), Failure> {
    let store = database::open_for_reading(context, "token list")?;
    let tokens = store
        .read_blocking(|tx| tx.tokens())
        .map_err(|error| Failure::failed("the tokens could not be read").because(error))?;
    if arguments.json {
        let tokens: Vec<_> = tokens.iter().map(Token::described).collect();
        let json = serde_json::to_string_pretty(&tokens).map_err(|error| Failure::failed("no list").because(error))?;
        return context.print(&json);
    }
    let time = |at: Option<Timestamp>, never: &str| at.map_or_else(|| never.to_owned(), |at| at.to_string());
    let rows = tokens.iter().map(|token| {
        [
            token.id.clone(),
            token.role.as_str().to_owned(),
            reach_of(token),
            token.created_at.to_string(),
            time(token.expires_at, "never"),
            time(token.last_used_at, "never"),
            token.name.escape_debug().to_string(),
        ]
    });
    let head = ["ID", "ROLE", "REACH", "CREATED", "EXPIRES", "LAST USED", "NAME"].map(str::to_owned);
    for line in aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>()) {
        context.print(&line)?;
    }
    Ok(())
}

/// A token's reach in a column: the enterprise, and within it the departments or the employees.
fn reach_of(token: &Token) -> String {
    match &token.reach {
        Reach::Installation => "(all)".to_owned(),
        Reach::Enterprise(enterprise) => enterprise.to_string(),
        Reach::Departments(enterprise, departments) => {
            let departments: Vec<&str> = departments.iter().map(DepartmentId::as_str).collect();
            format!("{enterprise}/{}", departments.join(","))
        }
        Reach::Employees(enterprise, employees) => {
            let employees: Vec<&str> = employees.iter().map(EmployeeId::as_str).collect();
            format!("{enterprise}:{}", employees.join(","))
        }
    }
}

fn revoke(context: &mut Context<'_>, arguments: &RevokeArgs) -> Result<(), Failure> {
    let store = database::open(context, "token revoke", Missing::Refuse)?;
    let id = arguments.id.clone();
    let revoked = store.write_blocking(move |tx| tx.revoke_token(&id, &Actor::command_line()));
    let token = revoked.map_err(|error| match error {
        StoreError::NotFound(_) => {
            Failure::failed(format!("there is no token {:?}; `muster token list` shows their ids", arguments.id))
        }
        error => Failure::failed("the token could not be revoked").because(error),
    })?;
    tracing::info!(id = token.id, name = token.name, "token revoked");
    Ok(())
}

/// Rows as lines whose cells stand below each other.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: Vec<usize> =
        (0..N).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

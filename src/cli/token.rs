//! `muster token`: access tokens.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::{Context, Failure};
use crate::domain::access::{Role, TOKEN_LIFE_MAX, TOKEN_LIFE_MIN};
use crate::domain::ids::EnterpriseId;

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
#[expect(missing_docs, reason = "help texts stand at the arguments; here they would replace them")]
pub enum TokenCommand {
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
    /// What the token allows; each role may do what those before it may
    #[arg(long, value_name = "ROLE", value_parser = role_parser())]
    pub role: Role,

    /// Limit the token to one enterprise; nothing else exists for its holder
    #[arg(long, value_name = "ID")]
    pub enterprise: Option<EnterpriseId>,

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
    // NOT BUILT YET
    let _ = (context, arguments);
    Err(Failure::failed("not built yet"))
}

fn list(context: &mut Context<'_>, arguments: &ListArgs) -> Result<(), Failure> {
    // NOT BUILT YET
    let _ = (context, arguments);
    Err(Failure::failed("not built yet"))
}

fn revoke(context: &mut Context<'_>, arguments: &RevokeArgs) -> Result<(), Failure> {
    // NOT BUILT YET
    let _ = (context, arguments);
    Err(Failure::failed("not built yet"))
}

//! `muster demo`: a server on a throw-away database filled with believable data.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;

use super::progress::filling_bar;
use super::server::{self, Hangup, StopSignals};
use super::temporary_folder::TemporaryFolder;
use super::{Context, Failure, ServingFlags, sign_in_link, traffic};
use crate::access::links::MintedLink;
use crate::app::App;
use crate::clock::Clock;
use crate::config::BackupSettings;
use crate::demo::{DemoData, Shape};
use crate::domain::access::{Reach, Role};
use crate::store::{Mode, Store, StoreError, StoreOptions};
use crate::{access, intake};

/// Contacts of a demonstration, unless another number is given.
pub const DEMO_CONTACTS_DEFAULT: u64 = 50_000;

/// Most contacts of a demonstration: some minutes of filling, and some gigabytes.
pub const DEMO_CONTACTS_MAX: u64 = 10_000_000;

/// Serve a throw-away database filled with believable data.
///
/// Everything lives in a temporary folder that goes away when the server stops. The data are made up: no address and no
/// telephone number belongs to anybody.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DemoArgs {
    /// How many contacts to fill in
    #[arg(
        long,
        value_name = "N",
        default_value_t = DEMO_CONTACTS_DEFAULT,
        value_parser = parse_contacts
    )]
    pub contacts: u64,

    /// Send the server a steady mix of reads and writes, so that its figures change
    #[arg(long)]
    pub traffic: bool,

    /// Settings of the server.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster demo
  muster demo --contacts 1000000 --traffic
  muster demo --listen 127.0.0.1:0     Any free port";

/// The seed of every demonstration, so that two people see the same data on the same day.
const DEMO_SEED: u64 = 8_383;

fn parse_contacts(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|contacts| *contacts <= DEMO_CONTACTS_MAX)
        .ok_or_else(|| format!("must be a whole number from 0 to {DEMO_CONTACTS_MAX}"))
}

/// Fills the database and serves until it is stopped.
pub fn run(context: &mut Context<'_>, arguments: &DemoArgs) -> Result<(), Failure> {
    let scratch = TemporaryFolder::new("demo")?;
    scratch.path().clone_into(&mut context.config.store.data_dir);
    let mut settings = server::settings(context, "demo")?;
    if arguments.traffic && settings.server.tls.is_some() {
        return Err(Failure::usage("--traffic sends plain HTTP, so it does not go with tls-cert and tls-key"));
    }
    // What is thrown away is worth no backup of its own accord; the folder goes with the rest.
    settings.machine = None;
    settings.backups = BackupSettings { backup_every: None, backup_dir: None, ..settings.backups };
    let result = server::block_on(async {
        let clock = Clock::system();
        // Bound before anything is filled: a port that is in use is no news for a minute later.
        let listener = App::listen(settings.server.settings.listen).await?;
        let data = DemoData::new(DEMO_SEED, Shape::of_demo(arguments.contacts), clock.now())
            .map_err(|error| Failure::failed("there are no such data").because(error))?;
        let data = Arc::new(data);
        let token = fill(&settings.store, Arc::clone(&data), clock.clone()).await?;
        let signals = StopSignals::catch(Hangup::Stop)?;
        let app = App::start_on(listener, settings, clock).await?;
        let link = sign_in_link::make(app.store()).await?;
        announce(context, app.address(), &data, &token, &link)?;
        let base_path = context.config.http.base_path.clone();
        let traffic = arguments.traffic.then(|| {
            tracing::info!("sending traffic");
            tokio::spawn(traffic::send(app.address(), base_path, token, Arc::clone(&data)))
        });
        signals.received().await;
        if let Some(traffic) = traffic {
            traffic.abort();
        }
        app.stop().await;
        Ok(())
    });
    drop(scratch);
    result
}

/// Makes the database and fills it; gives a token for everything in it.
async fn fill(options: &StoreOptions, data: Arc<DemoData>, clock: Clock) -> Result<String, Failure> {
    let options = StoreOptions { create: true, mode: Mode::Command, ..options.clone() };
    let work = move || {
        let store = Store::open(&options, clock)?;
        let bar = filling_bar(data.contacts_len());
        let filled = intake::fill(&store, &data, &mut |contacts| bar.set_position(contacts));
        bar.finish_and_clear();
        filled.map_err(cannot_fill)?;
        let now = store.clock().now();
        let minted = access::mint("demo".to_owned(), Role::Admin, Reach::Installation, now, None)
            .map_err(|error| Failure::failed("the operating system gives no random numbers").because(error))?;
        let stored = minted.stored;
        store.write_blocking(move |tx| tx.insert_token(&stored)).map_err(cannot_fill)?;
        store.close();
        Ok(minted.secret)
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::failed("filling failed").because(error))?
}

fn cannot_fill(error: StoreError) -> Failure {
    Failure::failed("the database cannot be filled").because(error)
}

/// Says where to look and what to try.
fn announce(
    context: &mut Context<'_>,
    address: SocketAddr,
    data: &DemoData,
    token: &str,
    link: &MintedLink,
) -> Result<(), Failure> {
    let url = server::url(context, address.into());
    let enterprises: Vec<&str> = data.enterprises().iter().map(|enterprise| enterprise.id.as_str()).collect();
    let first = enterprises.first().copied().unwrap_or_default();
    context.print(&format!("Dashboard:   {}", link.at(&url)))?;
    context.print("             (signs in once, within 15 minutes; later the token does)")?;
    context.print(&format!("API:         {url}/docs"))?;
    context.print(&format!("Token:       {token}"))?;
    context.print(&format!("Enterprises: {}", enterprises.join(", ")))?;
    context.print("")?;
    context.print("Try:")?;
    context.print(&format!("  curl -H 'Authorization: Bearer {token}' {url}/enterprise/{first}/contacts/summary"))?;
    context.print("")?;
    context.print("All of it is made up, and gone when this stops: Ctrl-C.")?;
    context.stdout.flush().map_err(Failure::output)
}

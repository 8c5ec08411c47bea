//! `muster sign-in-link`: a one-time link for the dashboard; and the one that the first start of a server prints.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use clap::Args;

use super::database::{self, Missing};
use super::{Context, Failure, ServingFlags, server};
use crate::access::links::{MintedLink, mint_link};
use crate::access::{IDS_MADE_MAX, is_id_taken};
use crate::store::{Store, StoreError};
use crate::telemetry;

/// Where Linux keeps the machine's name; a service may be kept from looking at the first.
const HOST_NAME_FILES: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];

/// Make a one-time link that signs a browser in to the dashboard, and write it, alone, to standard output.
///
/// It signs one browser in as an administrator, once, within 15 minutes. A running server takes it at once, and has
/// written down with what address its links begin. Where no server runs, or a flag says otherwise, that is `public-url`,
/// or the address of `listen`; `base-path` follows.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SignInLinkArgs {
    /// Settings of the server, for a link that begins otherwise than the server's own.
    #[command(flatten)]
    pub serving: ServingFlags,
}

const EXAMPLES: &str = "\
Examples:
  muster sign-in-link
  muster sign-in-link --data-dir /srv/muster
  muster sign-in-link --public-url https://muster.example";

/// Makes a link.
pub fn run(context: &mut Context<'_>, _arguments: &SignInLinkArgs) -> Result<(), Failure> {
    let listen = context.config.server.listen;
    let store = database::open(context, "sign-in-link", Missing::Refuse)?;
    // Without a server, what the lock file said of one is no longer so.
    let server = server::described(context).filter(|_| store.is_beside_server());
    if server.is_none() && listen.port() == 0 && context.config.http.public_url.is_none() {
        return Err(Failure::failed(
            "port 0 stands for any free one, and no server has said which it took; name it with --listen ADDRESS:PORT",
        ));
    }
    let mut made = 1;
    let link = loop {
        let link = mint(&store)?;
        match store.write_blocking(link.store()) {
            Err(error) if is_id_taken(&error) && made < IDS_MADE_MAX => made += 1,
            outcome => break outcome.map(|()| link).map_err(not_stored)?,
        }
    };
    tracing::info!("this link signs one browser in as an administrator, once, within 15 minutes");
    let url = server.map_or_else(|| server::url(context, listen), |server| server.url);
    context.print_at_once(&link.at(&url)).map_err(|lost| match store.write_blocking(link.withdraw()) {
        Ok(()) => lost.so("nobody has seen the link, so it was withdrawn"),
        Err(_) => lost.so("nobody has seen the link, which works for 15 minutes"),
    })
}

/// Makes a link for the server that this process runs.
pub(super) async fn make(store: &Store) -> Result<MintedLink, Failure> {
    let mut made = 1;
    loop {
        let link = mint(store)?;
        match store.write(link.store()).await {
            Err(error) if is_id_taken(&error) && made < IDS_MADE_MAX => made += 1,
            outcome => return outcome.map(|()| link).map_err(not_stored),
        }
    }
}

fn mint(store: &Store) -> Result<MintedLink, Failure> {
    mint_link(store.clock().now())
        .map_err(|error| Failure::failed("the operating system gives no random numbers").because(error))
}

fn not_stored(error: StoreError) -> Failure {
    Failure::failed("the link could not be stored").because(error)
}

/// Tells on standard error how to get in, past the log, which is kept for longer and read by more people than a link should.
pub(super) fn welcome(context: &Context<'_>, link: &MintedLink, address: SocketAddr, data_dir: &Path) {
    let link = link.at(&server::url(context, address.into()));
    let reach = match &context.config.http.public_url {
        Some(_) => String::new(),
        None => how_to_reach(address, &host_name()),
    };
    let data_dir = data_dir.display();
    let text = format!(
        "\nNobody has access yet. Open this link in a browser within 15 minutes; it works once:\n\n  {link}\n\n{reach}\
         Another link: muster sign-in-link --data-dir {data_dir}\n\
         A token for programs: muster token create --role admin --data-dir {data_dir}\n\n"
    );
    telemetry::message(&text);
}

/// How a browser on another machine gets to a server that listens here.
fn how_to_reach(address: SocketAddr, host: &str) -> String {
    let port = address.port();
    if address.ip().is_loopback() {
        return format!(
            "From another machine: run there\n\n  ssh -N -L {port}:{address} {host}\n\nand open the same link there. Or let \
             others connect with --listen 0.0.0.0:{port}, and say with\n--public-url at which address they reach this \
             server, best behind a proxy with TLS.\n\n"
        );
    }
    let named = "--public-url makes links begin with the name by which people reach this server.\n\n";
    if address.ip().is_unspecified() {
        let shown: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        return format!(
            "From another machine: put {host}, or an address of this machine, in the place of the link's {shown}.\n{named}"
        );
    }
    named.to_owned()
}

/// What this machine calls itself.
fn host_name() -> String {
    let name = HOST_NAME_FILES.iter().find_map(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    Some(name.trim()).filter(|name| is_name(name)).unwrap_or("THIS-MACHINE").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tunnel_leads_to_where_the_server_listens() {
        let check = |address: &str, expected: &str| {
            let text = how_to_reach(address.parse().unwrap(), "box");
            assert!(text.contains(expected), "{text}");
        };
        check("127.0.0.1:8383", "\n  ssh -N -L 8383:127.0.0.1:8383 box\n");
        check("[::1]:9000", "\n  ssh -N -L 9000:[::1]:9000 box\n");
        check("127.0.0.1:8383", "--listen 0.0.0.0:8383");
        check("127.0.0.1:8383", "--public-url");
        check(
            "0.0.0.0:8383",
            "put box, or an address of this machine, in the place of the link's 127.0.0.1.\n--public-url",
        );
        check("10.0.0.7:8383", "--public-url");
    }
}

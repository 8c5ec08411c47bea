//! Every setting, one row each: its name, its type and bounds, its default, the reasons for both, and its texts.
//!
//! Command line, environment, settings file, help texts, `muster config`, the README's table and the structs that
//! modules take are made from this table. `settings_macro.rs` explains a row.

use std::path::PathBuf;
use std::time::Duration;

use super::base_path::{BasePath, BasePathParser};
use super::environment::Environment;
use super::error::ConfigError;
use super::flags::Flags;
use super::installation_name::{InstallationName, InstallationNameParser};
use super::layers::{Layers, Sourced};
use super::listen_address::{ListenAddress, ListenAddressParser};
use super::network::{Network, NetworkParser};
use super::setting::{ReportLine, Setting, Usage};
use super::settings_macro::settings_table;
use super::value_parser::{List, Optional, SettingType, is_list};
use super::value_types::{
    ByteRange, DurationOrOff, DurationRange, IntegerRange, LogFilterParser, LogFormat, LogFormatParser, PathParser,
    ReadersParser, Switch,
};
use super::web::{PublicUrl, PublicUrlParser, WebOrigin, WebOriginParser};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const YEAR: Duration = Duration::from_hours(365 * 24);
const HOUR: Duration = Duration::from_hours(1);

settings_table! {
    /// Folder of the database; created where it is missing.
    // In the working directory, so that a first try needs no privilege and leaves nothing elsewhere.
    Store data_dir: PathBuf = "data-dir" <"DIR"> Everywhere,
        PathParser, default ["muster-data"],
        readme "folder of the database";

    /// What this server is called in its backups, their names and their folder: lower-case letters, digits, hyphens and
    /// dots. Without it, the machine's host name. Each of several servers of one machine needs its own.
    // Most machines run one server and have a name already. `InstallationName` has the reasons of the bounds.
    Backups installation_name: Option<InstallationName> = "installation-name" <"NAME"> Everywhere,
        Optional(InstallationNameParser), default [], unset "the host name",
        readme "what this server is called in its backups, their names and their folder";

    /// How the log on standard error is written: `text` for people, `json` for machines.
    // Without a setting, it is read on a terminal or in the journal.
    Telemetry log: LogFormat = "log" <"FORMAT"> Everywhere,
        LogFormatParser, default ["text"],
        readme "log format on standard error: `text` or `json`";

    /// What is logged: error, warn, info, debug, trace, off, or a filter such as `info,muster::store=debug`.
    // `info` has starts, stops and faults, and nothing for each request.
    Telemetry log_level: String = "log-level" <"FILTER"> Everywhere,
        LogFilterParser, default ["info"],
        readme "what is logged";

    /// Address (or localhost) and port to listen on; 0.0.0.0 or [::] takes connections from other machines, port 0 takes
    /// a free port.
    // Other machines cannot connect before the operator decides that they may.
    Server listen: ListenAddress = "listen" <"ADDRESS:PORT"> Serving,
        ListenAddressParser, default ["127.0.0.1:8383"],
        readme "address and port";

    /// Address at which people reach the server, where that is another than it listens on (a name, a proxy).
    // Without a proxy or a name there is no other.
    Http public_url: Option<PublicUrl> = "public-url" <"URL"> Serving,
        Optional(PublicUrlParser), default [],
        readme "address at which people reach the server, where that is another";

    /// Path below which everything is found, such as /muster, where a proxy passes the paths of a shared host on
    /// unchanged.
    // Most servers have a host of their own.
    Http base_path: Option<BasePath> = "base-path" <"PATH"> Serving,
        Optional(BasePathParser), default [],
        readme "path below which everything is found, such as `/muster`, where a proxy shares its host among several";

    /// File with the certificate that the server speaks TLS with, in PEM, followed by those that vouch for it; read
    /// anew on SIGHUP.
    // No certificate can be guessed, and the default address is reached by this machine alone.
    Server tls_cert: Option<PathBuf> = "tls-cert" <"FILE"> Serving,
        Optional(PathParser), default [],
        readme "file with the certificate, in PEM; with it the server speaks TLS. SIGHUP reloads it and the key";

    /// File with the private key of the certificate, in PEM.
    // As `tls-cert`, without which it means nothing.
    Server tls_key: Option<PathBuf> = "tls-key" <"FILE"> Serving,
        Optional(PathParser), default [],
        readme "file with the private key of the certificate, in PEM";

    /// Address or network (CIDR) of a proxy whose X-Forwarded-For is believed; may be given several times, or as a list
    /// with commas.
    // Any client can make the header up, so it is believed only of proxies that the operator names.
    Server trusted_proxy: Vec<Network> = "trusted-proxy" <"CIDR"> Serving,
        List(NetworkParser), default [],
        readme "addresses or networks (CIDR) of proxies whose `X-Forwarded-For` says where a request comes from";

    /// Origin whose pages may call the API from a browser; may be given several times, or as a list with commas.
    // The server's own pages need none.
    Http cors_origin: Vec<WebOrigin> = "cors-origin" <"URL"> Serving,
        List(WebOriginParser), default [],
        readme "origins whose pages may call the API from a browser";

    /// Longest time that a client may take to send the header of a request.
    // It also ends idle keep-alive connections. Long enough for a bad mobile link, short enough that a thousand silent
    // clients do not hold a thousand connections for long. A second is what a bad link needs at least; more than an
    // hour is as good as no limit.
    Server header_read_timeout: Duration = "header-read-timeout" <"DURATION"> Serving,
        DurationRange { min: SECOND, max: HOUR }, default ["10s"],
        readme "time for the head of a request";

    /// Longest time that a request may take.
    // From its header to its response, and for the reads and writes in between; routes that stream are excepted. Beyond
    // it the client has given up. Most requests take milliseconds, so a second is enough; more than an hour is as good
    // as no limit.
    Http request_timeout: Duration = "request-timeout" <"DURATION"> Serving,
        DurationRange { min: SECOND, max: HOUR }, default ["30s"],
        readme "time for a request; imports and exports are not bound by it";

    /// Largest body of a request; imports stream and are not bound by it.
    // The largest contact is a small fraction of the default; a short one fits into the least value. A body is held in
    // memory, so a larger one than the largest value is a mistake.
    Http body_max: usize = "body-max" <"SIZE"> Serving,
        ByteRange { min: KIB, max: GIB }, default ["1MiB"],
        readme "size of a request's body; imports are not bound by it";

    /// Most answers that are kept for one token's `Idempotency-Key`s; the oldest give way.
    // A retry comes within minutes, and each row costs some 200 bytes: the default is a retry window of a day for one
    // request in 9 seconds. Fewer than a hundred would not cover one batch of a client; a million are 200 MB.
    Http idempotency_rows_max: usize = "idempotency-rows-max" <"COUNT"> Serving,
        IntegerRange { min: 100, max: 1_000_000 }, default ["10000"],
        readme "answers kept for one token's `Idempotency-Key`s, each for 24 hours at most; the oldest give way";

    /// Most connections that may be open at a time; fewer where the process may not open so many files.
    // An idle one costs some 20 KiB, so the default costs about 200 MiB at worst. The largest value is beyond what a
    // machine for this server serves.
    Server connections_max: usize = "connections-max" <"COUNT"> Serving,
        IntegerRange { min: 1, max: 1_000_000 }, default ["10000"],
        readme "open connections, as far as the system allows so many files (`ulimit -n`); further ones wait";

    /// Most connections that may be open from one address (IPv6: one /64 network); trusted proxies may open more.
    // A tenth of all, so that one address cannot take them all. Everybody of a company may be behind one address, each
    // with a few.
    Server connections_per_address_max: usize = "connections-per-address-max" <"COUNT"> Serving,
        IntegerRange { min: 1, max: 1_000_000 }, default ["1000"],
        readme "open connections from one address (IPv6: one /64), trusted proxies excepted; further ones are closed";

    /// Most reads of the database that may wait; the next one is told to come again later.
    // At ten thousand reads a second, a tenth of a second of waiting: a client that would wait longer does better to
    // try again. With 0, a read that finds no free connection is refused at once.
    Store read_queue_max: usize = "read-queue-max" <"COUNT"> Serving,
        IntegerRange { min: 0, max: 1_000_000 }, default ["1024"],
        readme "reads of the database that may wait; the next one gets 503 with `Retry-After`, hits of the cache go on";

    /// Most writes that may wait; the next one is told to come again later.
    // At thousands of writes a second, well under a second of waiting. Every write passes the queue, so it needs a
    // place.
    Store write_queue_max: usize = "write-queue-max" <"COUNT"> Serving,
        IntegerRange { min: 1, max: 1_000_000 }, default ["1024"],
        readme "writes that may wait; the next one gets 503 with `Retry-After`";

    /// Share of everything that callers compete for that one token may have while others are there, in percent.
    // A quarter: a program at full tilt leaves most of it to others, and four of them do not stand in each other's way.
    // With 100, tokens have no shares.
    Http share_per_token: u32 = "share-per-token" <"PERCENT"> Serving,
        IntegerRange { min: 1, max: 100 }, default ["25"],
        readme "percent of event streams, transfers, reads, writes and processor time that one token may have while \
            others are there; beyond it 429";

    /// Share of the same that one address (IPv6: one /64 network) may have, with all its tokens, in percent.
    // A half: everybody of a company may be behind one address. With 100, addresses have no shares.
    Http share_per_address: u32 = "share-per-address" <"PERCENT"> Serving,
        IntegerRange { min: 1, max: 100 }, default ["50"],
        readme "percent of the same that one address (IPv6: one /64) may have with all its tokens";

    /// Most departments and employees that one import over HTTP may create.
    // Staff of a company of this size come in with one file. What a mistaken column creates beyond it somebody would
    // have to remove one by one.
    Http import_new_owners_max: u64 = "import-new-owners-max" <"COUNT"> Serving,
        IntegerRange { min: 0, max: 1_000_000 }, default ["1000"],
        readme "departments and employees that one import over HTTP may create; rows that need more are rejected. \
            `muster import` has no such bound";

    /// Most departments and employees that one token may create within an hour, one by one and by imports.
    // Several imports of the largest size, so that a company of any size can begin within a day.
    Http new_owners_per_hour: u64 = "new-owners-per-hour" <"COUNT"> Serving,
        IntegerRange { min: 1, max: 1_000_000_000 }, default ["5000"],
        readme "departments and employees that one token may create within an hour; then 429";

    /// Largest size of the database; writes beyond it are refused as on a full disk.
    // The disk is the limit unless others need its room, too. An empty database takes a quarter of the least value.
    Store database_max: Option<usize> = "database-max" <"SIZE"> Serving,
        Optional(ByteRange { min: MIB, max: 1_024 * GIB }), default [],
        readme "size of the database; writes beyond it get 507, as on a full disk";

    /// How often the server backs the database up by itself; `off` leaves that to others.
    // A day's work is what people can be asked to do again. A backup each minute is as much as a disk can be asked for.
    Backups backup_every: Option<Duration> = "backup-every" <"DURATION|off"> Serving,
        DurationOrOff(DurationRange { min: MINUTE, max: YEAR }), default ["24h"],
        readme "how often the server backs the database up by itself; `off` for never";

    /// How many backups of its own the server keeps; when there is a newer one, the oldest goes.
    // A week of days: a mistake is noticed by then. The newest is always kept.
    Backups backup_keep: usize = "backup-keep" <"COUNT"> Serving,
        IntegerRange { min: 1, max: 10_000 }, default ["7"],
        readme "how many of its own backups it keeps";

    /// Folder of the server's backups, best on another disk; without it, `backups` in the data directory.
    // Another disk cannot be guessed.
    Backups backup_dir: Option<PathBuf> = "backup-dir" <"DIR"> Serving,
        Optional(PathParser), default [], unset "`backups` in `data-dir`",
        readme "folder of its backups, best on another disk";

    /// Whether backups also hold the TLS certificate and its private key: `on` or `off`. Whoever reads such a backup
    /// can pose as this server; it must be kept as the key is.
    // The key is in one place more, so an operator decides it. Settings and units are always kept.
    Backups backup_certificates: bool = "backup-certificates" <"on|off"> Serving,
        Switch, default ["off"],
        readme "whether backups also hold the TLS certificate and its key; they are then as private as the key";

    /// Connections that read the database; `auto` takes one per processor core, at least 4 and at most 8.
    // `ReadersParser` has the reasons of these numbers.
    Store readers: u32 = "readers" <"COUNT"> Serving,
        ReadersParser, default ["auto"],
        readme "read connections; `auto` is one per core, 4 to 8";

    /// Most sign-ins that may fail from one address within a minute.
    // More is guessing, or a misconfigured client in a loop.
    Http sign_in_failures_max: u32 = "sign-in-failures-max" <"COUNT"> Serving,
        IntegerRange { min: 1, max: 1_000_000 }, default ["10"],
        readme "unknown tokens from one address in a minute; then 429";

    /// Longest time that requests under way may take to finish after the server was told to stop.
    // Service managers kill after 30 s or more. With 0, running requests are aborted at once.
    Server shutdown_drain: Duration = "shutdown-drain" <"DURATION"> Serving,
        DurationRange { min: Duration::ZERO, max: HOUR }, default ["10s"],
        readme "time for running requests when the server stops";
}

impl SettingValues {
    /// Every setting's default.
    fn defaults() -> Self {
        let layers = Layers { flags: &Flags::default(), environment: &Environment::default(), file: None };
        Self::resolve(&layers)
            .expect("no layer says anything, and `config/tests.rs` checks that the defaults are valid")
    }
}

impl ServerSettings {
    /// Whether the server speaks TLS itself.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls_cert.is_some()
    }
}

impl HttpSettings {
    /// The origin at which browsers reach the server, where that is another than it listens on.
    #[must_use]
    pub fn public_origin(&self) -> Option<WebOrigin> {
        self.public_url.as_ref().and_then(|url| url.origin())
    }
}

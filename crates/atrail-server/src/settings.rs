//! The server's settings.

mod console;
mod error;
mod listen;
pub(crate) mod oidc;
mod public_url;
mod syslog;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use atrail_disk::data_dir::INITIAL_CREDENTIALS;
use atrail_evidence::is_server_name;
use atrail_model::limits::EVENT_MAX_BYTES;
use atrail_sources::{Engine, OwnMapping};
use atrail_store::StoreSettings;
use serde::{Deserialize, Serialize};

use crate::pace::Limits;
use crate::serve::patience::Patience;

pub use console::ConsoleSettings;
use error::INSECURE;
pub use error::SettingError;
pub use listen::{ListenerSettings, Serves, listen_address};
pub use oidc::{OidcAlgorithm, OidcSettings, RoleRule};
pub use public_url::PublicUrl;
pub use syslog::{SyslogSettings, SyslogTransport};

/// The server's settings; [`Settings::new`] returns the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's settings, including the data directory.
    pub store: StoreSettings,
    /// The address to listen on; port 0 selects a free one.
    pub listen: SocketAddr,
    /// Further addresses to listen on.
    pub listeners: Vec<ListenerSettings>,
    /// Whether passwords and tokens may cross a network unencrypted: required to listen beyond loopback without a
    /// certificate.
    pub insecure_http: bool,
    /// The certificate chain for HTTPS, in PEM; requires [`Self::tls_key`]. `None`: plain HTTP.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// The URL under which clients reach the server, when that differs from its address, as behind a proxy. `None`: the
    /// host name that the client used.
    pub public_url: Option<PublicUrl>,
    /// The addresses of proxies in front, which name in `X-Forwarded-For` the address from which they got a request.
    pub trusted_proxies: Vec<IpAddr>,
    /// The lifetime of an access token.
    pub access_token_ttl: Duration,
    /// A login expires this long after its last refresh.
    pub refresh_token_ttl: Duration,
    /// The console.
    pub console: ConsoleSettings,
    /// Logins through an OpenID provider.
    pub oidc: OidcSettings,
    /// Largest number of connections served at a time. The server answers health checks on a few more.
    pub max_connections: usize,
    /// Largest number of connections of one address at a time, and of requests for which a trusted proxy names one
    /// address; never more than half of [`Self::max_connections`].
    pub max_connections_per_address: usize,
    /// The server closes a connection when a request's head does not arrive within this time.
    pub header_read_timeout: Duration,
    /// The server closes a connection after this time without a request.
    pub keep_alive_timeout: Duration,
    /// The server refuses a request when no byte of its body arrives for this time.
    pub body_idle_timeout: Duration,
    /// The server refuses a request when the client takes this long to send its body.
    pub body_timeout: Duration,
    /// The server refuses a request when its body arrives at fewer bytes per second than this, not counting a wait of
    /// [`Self::body_idle_timeout`].
    pub body_min_rate: u64,
    /// The server closes a connection when the client reads nothing of an answer for this time.
    pub write_idle_timeout: Duration,
    /// A client that reads an answer at fewer bytes per second than this counts as idle.
    pub write_min_rate: u64,
    /// Bytes of events, decompressed, that all requests together may hold in memory.
    pub ingest_bytes_in_flight: usize,
    /// How long requests and downloads in progress have to end at shutdown; then the server cuts them.
    pub drain: Duration,
    /// Mappings of further formats of events.
    pub mappings: Vec<OwnMapping>,
    /// The limits of searches.
    pub search: SearchLimits,
    /// The ports on which the server receives syslog.
    pub syslog: Vec<SyslogSettings>,
    /// What the server logs, and how.
    pub log: LogSettings,
}

/// The limits of searches. How events are indexed is a setting of the store, in [`StoreSettings::search`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimits {
    /// A search ends after this time; so does its wait for a turn.
    pub time_limit: Duration,
    /// Searches that run at a time; at most half of them, rounded up, are of one user.
    pub at_once: usize,
}

/// What the server logs, and how. The server only emits events; the program that starts it subscribes to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The format of a line.
    pub format: LogFormat,
    /// The lowest level that is logged.
    pub level: LogLevel,
}

/// The format of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object on each line.
    Json,
}

/// The levels of the log: each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Conditions that an operator should examine.
    Warn,
    /// One line for each request.
    Info,
    /// Details for finding a fault.
    Debug,
    /// Everything.
    Trace,
}

impl Default for Settings {
    /// Returns [`Self::new`] with the directory `atrail-data` below the current one.
    fn default() -> Self {
        Self::new(PathBuf::from("atrail-data"))
    }
}

impl Settings {
    /// Returns the settings of the store, with what the catalog is told of this node.
    pub(crate) fn of_store(&self) -> StoreSettings {
        let mut store = self.store.clone();
        if let Some(node) = &mut store.cluster {
            node.address = self.listen.to_string();
            if node.name.is_empty() {
                let machine = std::fs::read_to_string("/proc/sys/kernel/hostname");
                let machine = machine.ok().map(|name| name.trim().to_owned());
                node.name = machine.unwrap_or_else(|| node.address.clone());
            }
        }
        store
    }

    /// Returns the defaults for this data directory.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            store: StoreSettings::new(data_dir),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8181)),
            listeners: Vec::new(),
            insecure_http: false,
            tls_cert: None,
            tls_key: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            access_token_ttl: Duration::from_secs(600),
            refresh_token_ttl: Duration::from_secs(14 * 86_400),
            console: ConsoleSettings::default(),
            oidc: OidcSettings::default(),
            max_connections: 4096,
            max_connections_per_address: 1024,
            header_read_timeout: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(75),
            body_idle_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(600),
            body_min_rate: 4 << 10,
            write_idle_timeout: Duration::from_secs(120),
            write_min_rate: 1 << 10,
            ingest_bytes_in_flight: 256 << 20,
            drain: Duration::from_secs(25),
            mappings: Vec::new(),
            search: SearchLimits {
                time_limit: Duration::from_secs(30),
                at_once: 8,
            },
            syslog: Vec::new(),
            log: LogSettings {
                format: LogFormat::Text,
                level: LogLevel::Info,
            },
        }
    }

    /// Refuses settings that are invalid by themselves or in combination.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn check(&self) -> Result<(), SettingError> {
        let refuse = |name, why: &str| {
            Err(SettingError {
                name,
                why: why.to_owned(),
            })
        };
        let name = self.store.server_name.as_deref();
        if name.is_some_and(|name| !is_server_name(name)) {
            return refuse(
                "evidence.name",
                "must have 1 to 255 bytes, without a space or a '+'",
            );
        }
        match self.store.bucket() {
            None if self.store.archive_endpoint.is_some() => {
                return refuse("store.archive", "is missing, but archive_endpoint is set");
            }
            None => {}
            Some(bucket) => {
                if let Err(error) = bucket.address.check() {
                    return refuse("store.archive", &error.to_string());
                }
            }
        }
        if let Some(cluster) = &self.store.cluster {
            let parts = [
                ("cluster.key_file", cluster.key_file.as_os_str().is_empty()),
                ("store.catalog", self.store.catalog.is_none()),
                ("store.archive", self.store.archive.is_none()),
                ("store.cache", self.store.cache.is_none()),
            ];
            if let Some((name, _)) = parts.into_iter().find(|(_, is_missing)| *is_missing) {
                return refuse(name, "is missing: a node of a cluster needs it");
            }
            if self.store.cache.as_ref() != Some(&self.store.data_dir) {
                return refuse(
                    "store.data",
                    "is set, but a node of a cluster has no data directory: leave it and --data out",
                );
            }
            if cluster.lease < Duration::from_secs(2) {
                return refuse("cluster.node_lease", "must be 2 seconds or more");
            }
        }
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => {
                return refuse("server.tls_key", "is missing, but tls_cert is set");
            }
            (None, Some(_)) => {
                return refuse("server.tls_cert", "is missing, but tls_key is set");
            }
            _ => {}
        }
        let others = self.listeners.iter().map(|listener| listener.address);
        let open = std::iter::once(self.listen)
            .chain(others)
            .find(|address| !address.ip().is_loopback());
        if let Some(address) = open
            && !self.serves_https()
            && !self.insecure_http
        {
            return Err(SettingError {
                name: INSECURE,
                why: format!(
                    "is false and {address} can be reached from other machines, but the server speaks plain HTTP",
                ),
            });
        }
        let times = [
            ("server.header_read_timeout", self.header_read_timeout),
            ("server.keep_alive_timeout", self.keep_alive_timeout),
            ("server.body_idle_timeout", self.body_idle_timeout),
            ("server.body_timeout", self.body_timeout),
            ("server.write_idle_timeout", self.write_idle_timeout),
            ("search.time_limit", self.search.time_limit),
            ("tokens.access_ttl", self.access_token_ttl),
            ("tokens.refresh_ttl", self.refresh_token_ttl),
            ("console.idle_ttl", self.console.idle_ttl),
            ("console.max_ttl", self.console.max_ttl),
            ("console.fresh_ttl", self.console.fresh_ttl),
            ("sessions.idle_ttl", self.store.session_idle_ttl),
            ("sessions.max_ttl", self.store.session_max_ttl),
        ];
        for (name, time) in times {
            if time.is_zero() {
                return refuse(name, "is zero");
            }
        }
        let numbers = [
            ("server.max_connections", self.max_connections as u64),
            (
                "server.max_connections_per_address",
                self.max_connections_per_address as u64,
            ),
            ("search.at_once", self.search.at_once as u64),
            ("search.threads", self.store.search.threads as u64),
            ("server.body_min_rate", self.body_min_rate),
            ("server.write_min_rate", self.write_min_rate),
            ("store.seal_at", self.store.seal_at_bytes),
            ("sessions.max_open", self.store.max_open_sessions),
            (
                "sessions.max_per_hour",
                self.store.max_sessions_per_hour as u64,
            ),
        ];
        for (name, number) in numbers {
            if number == 0 {
                return refuse(name, "is zero");
            }
        }
        if self.access_token_ttl < Duration::from_secs(1) {
            return refuse("tokens.access_ttl", "is less than a second");
        }
        if self.refresh_token_ttl < self.access_token_ttl {
            return refuse("tokens.refresh_ttl", "is less than tokens.access_ttl");
        }
        if self.store.session_max_ttl < self.store.session_idle_ttl {
            return refuse("sessions.max_ttl", "is less than sessions.idle_ttl");
        }
        if self.console.max_ttl < self.console.idle_ttl {
            return refuse("console.max_ttl", "is less than console.idle_ttl");
        }
        if self.ingest_bytes_in_flight < EVENT_MAX_BYTES {
            return Err(SettingError {
                name: "server.ingest_memory",
                why: format!("is less than the largest event: {EVENT_MAX_BYTES} bytes"),
            });
        }
        if let Err(error) = Engine::with(&self.mappings) {
            return refuse("[[mapping]]", &format!("cannot be used: {error}"));
        }
        for listener in &self.syslog {
            listener.check(self.serves_https())?;
        }
        self.oidc.check()
    }

    /// Returns the limits of a body's pace.
    pub(crate) const fn body_limits(&self) -> Limits {
        Limits {
            idle: self.body_idle_timeout,
            total: self.body_timeout,
            min_rate: self.body_min_rate,
        }
    }

    /// Returns the other limits of a connection's time.
    pub(crate) const fn patience(&self) -> Patience {
        Patience {
            head: self.header_read_timeout,
            keep_alive: self.keep_alive_timeout,
            write_idle: self.write_idle_timeout,
            write_min_rate: self.write_min_rate,
        }
    }

    /// Returns whether the server itself speaks HTTPS.
    #[must_use]
    pub const fn serves_https(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Returns `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.serves_https() { "https" } else { "http" }
    }

    /// Returns the URL under which a client on this machine reaches a server that listens here.
    pub(crate) fn endpoint(&self, listen: SocketAddr) -> String {
        let mut reachable = listen;
        if listen.ip().is_unspecified() {
            reachable.set_ip(match listen {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("{}://{reachable}", self.scheme())
    }

    /// Returns the data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.store.data_dir
    }

    /// Returns the path of the file with the first user's password and key.
    pub(crate) fn credentials_file(&self) -> PathBuf {
        self.data_dir().join(INITIAL_CREDENTIALS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Settings)) -> &'static str {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().unwrap_err().name
    }

    #[test]
    fn the_defaults_hold() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let open = "0.0.0.0:1".parse().unwrap();
        assert_eq!(refused(|s| s.listen = open), "server.insecure_http");
        assert_eq!(refused(|s| s.tls_cert = Some("c".into())), "server.tls_key");
        assert_eq!(refused(|s| s.tls_key = Some("k".into())), "server.tls_cert");
        assert_eq!(refused(|s| s.max_connections = 0), "server.max_connections");
        let zero = Duration::ZERO;
        assert_eq!(
            refused(|s| s.body_idle_timeout = zero),
            "server.body_idle_timeout"
        );
        let brief = Duration::from_millis(1);
        assert_eq!(refused(|s| s.access_token_ttl = brief), "tokens.access_ttl");
        assert_eq!(
            refused(|s| s.refresh_token_ttl = brief),
            "tokens.refresh_ttl"
        );
        assert_eq!(
            refused(|s| s.store.session_max_ttl = brief),
            "sessions.max_ttl"
        );
        assert_eq!(refused(|s| s.console.max_ttl = brief), "console.max_ttl");
        assert_eq!(refused(|s| s.console.fresh_ttl = zero), "console.fresh_ttl");
        assert_eq!(
            refused(|s| s.ingest_bytes_in_flight = 1),
            "server.ingest_memory"
        );
    }
}

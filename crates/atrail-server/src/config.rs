//! The configuration file: reads TOML into [`Settings`], and writes settings as TOML.
//!
//! A setting that the file omits keeps its default. The parser refuses unknown keys, sizes and times without a unit,
//! and values of the wrong kind, and names the key and the line. `docs/atrail.example.toml` explains each setting.

mod cluster;
mod console;
mod oidc;
mod put;
mod search;
mod syslog;
mod units;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use atrail_sources::OwnMapping;
use atrail_store::StoreSettings;
use serde::{Deserialize, Serialize};

use crate::settings::{
    ListenerSettings, LogFormat, LogLevel, LogSettings, PublicUrl, Serves, Settings,
};
use cluster::ClusterSection;
use console::ConsoleSection;
use oidc::{AuthSection, OidcSection};
use put::{put, put_memory, put_size, put_span};
use search::SearchSection;
use syslog::SyslogSection;
use units::{Listen, Size, Span};

/// The content of a configuration file: every setting may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    server: ServerSection,
    store: StoreSection,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterSection>,
    search: SearchSection,
    sessions: SessionsSection,
    tokens: TokensSection,
    console: ConsoleSection,
    evidence: EvidenceSection,
    auth: AuthSection,
    log: LogSection,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mapping: Vec<OwnMapping>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    listener: Vec<ListenerSection>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    syslog: Vec<SyslogSection>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenerSection {
    address: Listen,
    serves: Serves,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServerSection {
    listen: Option<Listen>,
    insecure_http: Option<bool>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    public_url: Option<PublicUrl>,
    trusted_proxies: Option<Vec<IpAddr>>,
    max_connections: Option<usize>,
    max_connections_per_address: Option<usize>,
    header_read_timeout: Option<Span>,
    keep_alive_timeout: Option<Span>,
    body_idle_timeout: Option<Span>,
    body_timeout: Option<Span>,
    body_min_rate: Option<Size>,
    write_idle_timeout: Option<Span>,
    write_min_rate: Option<Size>,
    ingest_memory: Option<Size>,
    drain: Option<Span>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StoreSection {
    data: Option<PathBuf>,
    catalog: Option<String>,
    archive: Option<String>,
    archive_endpoint: Option<String>,
    cache: Option<PathBuf>,
    cache_size: Option<Size>,
    seal_at: Option<Size>,
    seal_after: Option<Span>,
    dedup_window: Option<Span>,
    dedup_memory: Option<Size>,
    recheck_after: Option<Span>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SessionsSection {
    idle_ttl: Option<Span>,
    max_ttl: Option<Span>,
    max_open: Option<u64>,
    max_per_hour: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TokensSection {
    access_ttl: Option<Span>,
    refresh_ttl: Option<Span>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EvidenceSection {
    name: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LogSection {
    format: Option<LogFormat>,
    level: Option<LogLevel>,
}

impl ListenerSection {
    fn of(settings: &ListenerSettings) -> Self {
        let ListenerSettings { address, serves } = *settings;
        Self {
            address: Listen(address),
            serves,
        }
    }

    const fn settings(self) -> ListenerSettings {
        let Self {
            address: Listen(address),
            serves,
        } = self;
        ListenerSettings { address, serves }
    }
}

/// A configuration file is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ConfigError {
    /// The line of the error, from 1.
    line: usize,
    message: String,
}

/// Parses a length of time, written with a unit as in the file.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    text.parse().map(|Span(length)| length)
}

impl ConfigFile {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown key, or a value that its key does not allow.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or(text);
            ConfigError {
                line: before.matches('\n').count() + 1,
                message: error.message().trim().replace('\n', ", "),
            }
        })
    }

    /// Returns the content of a file that states all of these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        // A full destructuring, so that the compiler reports a forgotten new setting.
        let Settings {
            store,
            listen,
            listeners,
            insecure_http,
            tls_cert,
            tls_key,
            public_url,
            trusted_proxies,
            access_token_ttl,
            refresh_token_ttl,
            console,
            oidc,
            max_connections,
            max_connections_per_address,
            header_read_timeout,
            keep_alive_timeout,
            body_idle_timeout,
            body_timeout,
            body_min_rate,
            write_idle_timeout,
            write_min_rate,
            ingest_bytes_in_flight,
            drain,
            mappings,
            search: limits,
            syslog,
            log: LogSettings { format, level },
        } = settings;
        let StoreSettings {
            data_dir,
            catalog,
            archive,
            archive_endpoint,
            cache,
            cache_bytes,
            cluster,
            aws: _,
            server_name,
            seal_at_bytes,
            seal_after,
            // Nobody has a reason to change these.
            wal_file_bytes: _,
            recent_bytes: _,
            reserve_bytes: _,
            max_receipt_bytes: _,
            text_part_bytes: _,
            tick: _,
            dedup_window,
            dedup_memory_bytes,
            recheck_after,
            session_idle_ttl,
            session_max_ttl,
            max_open_sessions,
            max_sessions_per_hour,
            search,
        } = store;
        Self {
            server: ServerSection {
                listen: Some(Listen(*listen)),
                insecure_http: Some(*insecure_http),
                tls_cert: tls_cert.clone(),
                tls_key: tls_key.clone(),
                public_url: public_url.clone(),
                trusted_proxies: Some(trusted_proxies.clone()),
                max_connections: Some(*max_connections),
                max_connections_per_address: Some(*max_connections_per_address),
                header_read_timeout: Some(Span(*header_read_timeout)),
                keep_alive_timeout: Some(Span(*keep_alive_timeout)),
                body_idle_timeout: Some(Span(*body_idle_timeout)),
                body_timeout: Some(Span(*body_timeout)),
                body_min_rate: Some(Size(*body_min_rate)),
                write_idle_timeout: Some(Span(*write_idle_timeout)),
                write_min_rate: Some(Size(*write_min_rate)),
                ingest_memory: Some(Size(*ingest_bytes_in_flight as u64)),
                drain: Some(Span(*drain)),
            },
            store: StoreSection {
                // A node has none.
                data: cluster.is_none().then(|| data_dir.clone()),
                catalog: catalog.clone(),
                archive: archive.clone(),
                archive_endpoint: archive_endpoint.clone(),
                cache: cache.clone(),
                cache_size: Some(Size(*cache_bytes)),
                seal_at: Some(Size(*seal_at_bytes)),
                seal_after: Some(Span(*seal_after)),
                dedup_window: Some(Span(*dedup_window)),
                dedup_memory: Some(Size(*dedup_memory_bytes as u64)),
                recheck_after: Some(Span(*recheck_after)),
            },
            cluster: cluster.as_ref().map(ClusterSection::of),
            search: SearchSection::of(search, limits),
            sessions: SessionsSection {
                idle_ttl: Some(Span(*session_idle_ttl)),
                max_ttl: Some(Span(*session_max_ttl)),
                max_open: Some(*max_open_sessions),
                max_per_hour: Some(*max_sessions_per_hour),
            },
            tokens: TokensSection {
                access_ttl: Some(Span(*access_token_ttl)),
                refresh_ttl: Some(Span(*refresh_token_ttl)),
            },
            console: ConsoleSection::of(console),
            evidence: EvidenceSection {
                name: server_name.clone(),
            },
            auth: AuthSection {
                oidc: OidcSection::of(oidc),
            },
            log: LogSection {
                format: Some(*format),
                level: Some(*level),
            },
            mapping: mappings.clone(),
            listener: listeners.iter().map(ListenerSection::of).collect(),
            syslog: syslog.iter().map(SyslogSection::of).collect(),
        }
    }

    /// Overrides the settings that the file states.
    pub fn apply(self, settings: &mut Settings) {
        let Self {
            server:
                ServerSection {
                    listen,
                    insecure_http,
                    tls_cert,
                    tls_key,
                    public_url,
                    trusted_proxies,
                    max_connections,
                    max_connections_per_address,
                    header_read_timeout,
                    keep_alive_timeout,
                    body_idle_timeout,
                    body_timeout,
                    body_min_rate,
                    write_idle_timeout,
                    write_min_rate,
                    ingest_memory,
                    drain,
                },
            store:
                StoreSection {
                    data,
                    catalog,
                    archive,
                    archive_endpoint,
                    cache,
                    cache_size,
                    seal_at,
                    seal_after,
                    dedup_window,
                    dedup_memory,
                    recheck_after,
                },
            cluster,
            search,
            sessions:
                SessionsSection {
                    idle_ttl,
                    max_ttl,
                    max_open,
                    max_per_hour,
                },
            tokens:
                TokensSection {
                    access_ttl,
                    refresh_ttl,
                },
            console,
            evidence: EvidenceSection { name },
            auth: AuthSection { oidc },
            log: LogSection { format, level },
            mapping,
            listener,
            syslog,
        } = self;
        if !listener.is_empty() {
            settings.listeners = listener
                .into_iter()
                .map(ListenerSection::settings)
                .collect();
        }
        put(&mut settings.listen, listen.map(|Listen(address)| address));
        put(&mut settings.insecure_http, insecure_http);
        put(&mut settings.tls_cert, tls_cert.map(Some));
        put(&mut settings.tls_key, tls_key.map(Some));
        put(&mut settings.public_url, public_url.map(Some));
        put(&mut settings.trusted_proxies, trusted_proxies);
        put(&mut settings.max_connections, max_connections);
        put(
            &mut settings.max_connections_per_address,
            max_connections_per_address,
        );
        put_span(&mut settings.header_read_timeout, header_read_timeout);
        put_span(&mut settings.keep_alive_timeout, keep_alive_timeout);
        put_span(&mut settings.body_idle_timeout, body_idle_timeout);
        put_span(&mut settings.body_timeout, body_timeout);
        put_size(&mut settings.body_min_rate, body_min_rate);
        put_span(&mut settings.write_idle_timeout, write_idle_timeout);
        put_size(&mut settings.write_min_rate, write_min_rate);
        put_memory(&mut settings.ingest_bytes_in_flight, ingest_memory);
        put_span(&mut settings.drain, drain);
        put_span(&mut settings.access_token_ttl, access_ttl);
        put_span(&mut settings.refresh_token_ttl, refresh_ttl);
        console.apply(&mut settings.console);
        oidc.apply(&mut settings.oidc);
        put(&mut settings.log.format, format);
        put(&mut settings.log.level, level);
        put(
            &mut settings.mappings,
            (!mapping.is_empty()).then_some(mapping),
        );
        if !syslog.is_empty() {
            let listeners = syslog.into_iter().map(SyslogSection::settings);
            settings.syslog = listeners.collect();
        }
        let store = &mut settings.store;
        let is_without_data = data.is_none();
        put(&mut store.data_dir, data);
        put(&mut store.catalog, catalog.map(Some));
        put(&mut store.archive, archive.map(Some));
        put(&mut store.archive_endpoint, archive_endpoint.map(Some));
        put(&mut store.cache, cache.map(Some));
        put_size(&mut store.cache_bytes, cache_size);
        if let Some(cluster) = cluster {
            cluster.apply(&mut store.cluster);
        }
        if let (Some(_), Some(cache), true) = (&store.cluster, &store.cache, is_without_data) {
            store.data_dir.clone_from(cache);
        }
        put(&mut store.server_name, name.map(Some));
        put_size(&mut store.seal_at_bytes, seal_at);
        put_span(&mut store.seal_after, seal_after);
        put_span(&mut store.dedup_window, dedup_window);
        put_memory(&mut store.dedup_memory_bytes, dedup_memory);
        put_span(&mut store.recheck_after, recheck_after);
        search.apply(&mut store.search, &mut settings.search);
        put_span(&mut store.session_idle_ttl, idle_ttl);
        put_span(&mut store.session_max_ttl, max_ttl);
        put(&mut store.max_open_sessions, max_open);
        put(&mut store.max_sessions_per_hour, max_per_hour);
    }
}

/// Writes TOML that [`ConfigFile::parse`] reads back.
impl std::fmt::Display for ConfigFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&toml::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

#[cfg(test)]
mod tests;

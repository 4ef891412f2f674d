//! The sections `[[syslog]]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::put::{put, put_span};
use super::units::{Listen, Span};
use crate::settings::{SyslogSettings, SyslogTransport};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SyslogSection {
    listen: Listen,
    transport: SyslogTransport,
    key_file: PathBuf,
    #[serde(default)]
    tls_cert: Option<PathBuf>,
    #[serde(default)]
    tls_key: Option<PathBuf>,
    #[serde(default)]
    client_certificates: Option<bool>,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    max_connections: Option<usize>,
    #[serde(default)]
    idle_timeout: Option<Span>,
}

impl SyslogSection {
    pub(super) fn of(settings: &SyslogSettings) -> Self {
        let SyslogSettings {
            listen,
            transport,
            key_file,
            tls_cert,
            tls_key,
            client_certificates,
            zone,
            max_connections,
            idle_timeout,
        } = settings;
        Self {
            listen: Listen(*listen),
            transport: *transport,
            key_file: key_file.clone(),
            tls_cert: tls_cert.clone(),
            tls_key: tls_key.clone(),
            client_certificates: Some(*client_certificates),
            zone: Some(zone.clone()),
            max_connections: Some(*max_connections),
            idle_timeout: Some(Span(*idle_timeout)),
        }
    }

    pub(super) fn settings(self) -> SyslogSettings {
        let Self {
            listen: Listen(listen),
            transport,
            key_file,
            tls_cert,
            tls_key,
            client_certificates,
            zone,
            max_connections,
            idle_timeout,
        } = self;
        let mut settings = SyslogSettings {
            tls_cert,
            tls_key,
            ..SyslogSettings::new(listen, transport, key_file)
        };
        put(&mut settings.client_certificates, client_certificates);
        put(&mut settings.zone, zone);
        put(&mut settings.max_connections, max_connections);
        put_span(&mut settings.idle_timeout, idle_timeout);
        settings
    }
}

//! Listeners for syslog.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::SettingError;

/// A port on which the server receives syslog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogSettings {
    /// The address to listen on; port 0 selects a free one.
    pub listen: SocketAddr,
    /// How messages arrive.
    pub transport: SyslogTransport,
    /// The file with the key whose space the messages go to.
    pub key_file: PathBuf,
    /// The certificate chain for TLS, in PEM; `None`: the server's own.
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM; `None`: the server's own.
    pub tls_key: Option<PathBuf>,
    /// Whether the server asks for client certificates: a connection with the certificate of an ingest key is that
    /// key's, and needs no key in the file.
    pub client_certificates: bool,
    /// The zone of times that state none, by its name in the IANA database.
    pub zone: String,
    /// Largest number of connections at a time; one address has at most half of them.
    pub max_connections: usize,
    /// The server closes a connection that sends nothing for this time.
    pub idle_timeout: Duration,
}

/// How syslog messages arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogTransport {
    /// In connections that anybody on the way can read.
    Tcp,
    /// In secured connections (RFC 5425).
    Tls,
    /// In datagrams (RFC 5426).
    Udp,
}

impl SyslogSettings {
    /// Returns a listener on this address with the defaults.
    #[must_use]
    pub fn new(listen: SocketAddr, transport: SyslogTransport, key_file: PathBuf) -> Self {
        Self {
            listen,
            transport,
            key_file,
            tls_cert: None,
            tls_key: None,
            client_certificates: false,
            zone: "UTC".to_owned(),
            max_connections: 256,
            idle_timeout: Duration::from_secs(3600),
        }
    }

    /// Returns the zone of times that state none; `None` when there is no such zone.
    pub(crate) fn time_zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.zone).ok()
    }

    /// Refuses a listener that is invalid by itself. `has_tls` states whether the server has a certificate of its own.
    pub(super) fn check(&self, has_tls: bool) -> Result<(), SettingError> {
        let refuse = |name, why: String| Err(SettingError { name, why });
        let secured = self.transport == SyslogTransport::Tls;
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => {
                return refuse(
                    "syslog.tls_key",
                    "is missing, but tls_cert is set".to_owned(),
                );
            }
            (None, Some(_)) => {
                return refuse(
                    "syslog.tls_cert",
                    "is missing, but tls_key is set".to_owned(),
                );
            }
            (Some(_), Some(_)) if !secured => {
                return refuse(
                    "syslog.tls_cert",
                    format!("is set, but transport is not \"tls\" for {}", self.listen),
                );
            }
            (None, None) if secured && !has_tls => {
                return refuse(
                    "syslog.tls_cert",
                    format!("is missing for {}, and server.tls_cert, too", self.listen),
                );
            }
            _ => {}
        }
        if self.client_certificates && !secured {
            return refuse(
                "syslog.client_certificates",
                format!("is true, but transport is not \"tls\" for {}", self.listen),
            );
        }
        if self.time_zone().is_none() {
            return refuse(
                "syslog.zone",
                format!(
                    "is \"{}\", which is not a time zone such as \"Europe/Berlin\"",
                    self.zone
                ),
            );
        }
        if self.max_connections == 0 {
            return refuse("syslog.max_connections", "is zero".to_owned());
        }
        if self.idle_timeout.is_zero() {
            return refuse("syslog.idle_timeout", "is zero".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(
        transport: SyslogTransport,
        change: impl FnOnce(&mut SyslogSettings),
    ) -> Option<&'static str> {
        let mut settings =
            SyslogSettings::new("127.0.0.1:0".parse().unwrap(), transport, "key".into());
        change(&mut settings);
        settings.check(true).err().map(|error| error.name)
    }

    #[test]
    fn what_cannot_work_is_named() {
        use SyslogTransport::{Tcp, Tls, Udp};
        for transport in [Tcp, Tls, Udp] {
            assert_eq!(refused(transport, |_| ()), None);
            assert_eq!(
                refused(transport, |s| s.zone = "Europe/Berlin".to_owned()),
                None
            );
            assert_eq!(
                refused(transport, |s| s.zone = "Mars".to_owned()),
                Some("syslog.zone")
            );
            assert_eq!(
                refused(transport, |s| s.max_connections = 0),
                Some("syslog.max_connections")
            );
        }
        assert_eq!(
            refused(Tls, |s| s.tls_cert = Some("c".into())),
            Some("syslog.tls_key")
        );
        let cert = |s: &mut SyslogSettings| {
            s.tls_cert = Some("c".into());
            s.tls_key = Some("k".into());
        };
        assert_eq!(refused(Tls, cert), None);
        assert_eq!(refused(Udp, cert), Some("syslog.tls_cert"));
        let tls = SyslogSettings::new("127.0.0.1:0".parse().unwrap(), Tls, "key".into());
        assert_eq!(tls.check(false).unwrap_err().name, "syslog.tls_cert");
    }
}

//! The listeners for syslog: reads messages, makes them durable, and only then reads on.
//!
//! The protocol has no acknowledgements. So a full or busy store is met by not reading, and the sender's machine keeps
//! what it sends until then; in datagrams, it gets lost.

mod batch;
mod datagrams;
mod delivery;
mod identity;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::places::Places;
use super::tls::Tls;
use crate::app::App;
use crate::settings::{Settings, SyslogSettings, SyslogTransport};
use delivery::Delivery;
pub use identity::SyslogKeyError;
use identity::{KeyFile, SenderKey};

/// A listener whose files are read.
pub(super) struct Ready {
    settings: SyslogSettings,
    zone: TimeZone,
    tls: Option<Tls>,
    key: KeyFile,
}

/// Reads the files of every listener.
pub(super) fn ready(settings: &Settings) -> Result<Vec<Ready>, StartError> {
    let all = settings.syslog.iter();
    all.map(|one| Ready::read(one, settings)).collect()
}

impl Ready {
    fn read(one: &SyslogSettings, all: &Settings) -> Result<Self, StartError> {
        let key = KeyFile::open(one.key_file.clone())?;
        let cert = one.tls_cert.as_ref().or(all.tls_cert.as_ref());
        let cert_key = one.tls_key.as_ref().or(all.tls_key.as_ref());
        let tls = match (one.transport, cert, cert_key) {
            (SyslogTransport::Tls, Some(cert), Some(cert_key)) => {
                let (cert, key) = (cert.clone(), cert_key.clone());
                Some(match one.client_certificates {
                    true => Tls::asking_clients(cert, key)?,
                    false => Tls::open(cert, key, &[])?,
                })
            }
            _ => None,
        };
        Ok(Self {
            // The settings are checked.
            zone: one.time_zone().unwrap_or(TimeZone::UTC),
            settings: one.clone(),
            tls,
            key,
        })
    }

    /// Occupies the port.
    pub(super) async fn bind(self) -> Result<Bound, StartError> {
        let listen = self.settings.listen;
        let failed = |source| StartError::Listen { listen, source };
        let (socket, addr) = if self.settings.transport == SyslogTransport::Udp {
            let socket = UdpSocket::bind(listen).await.map_err(failed)?;
            let addr = socket.local_addr();
            (Socket::Datagrams(socket), addr)
        } else {
            let socket = TcpListener::bind(listen).await.map_err(failed)?;
            let addr = socket.local_addr();
            (Socket::Streams(socket), addr)
        };
        Ok(Bound {
            addr: addr.map_err(failed)?,
            socket,
            ready: self,
        })
    }
}

enum Socket {
    Streams(TcpListener),
    Datagrams(UdpSocket),
}

/// A listener that occupies its port.
pub(super) struct Bound {
    /// Its address.
    pub(super) addr: SocketAddr,
    socket: Socket,
    ready: Ready,
}

impl Bound {
    /// Begins to receive. The listener and its connections end at `stop`, each after the messages that it has read.
    pub(super) fn run(self, app: &Arc<App>, tasks: &TaskTracker, stop: &CancellationToken) {
        let Self {
            addr,
            socket,
            ready,
        } = self;
        let Ready {
            settings,
            zone,
            tls,
            key,
        } = ready;
        let delivery = Delivery {
            app: Arc::clone(app),
            key: SenderKey::File(Arc::new(key)),
            zone,
            stop: stop.clone(),
        };
        match socket {
            Socket::Streams(listener) => {
                let most = settings.max_connections;
                let streams = stream::Streams {
                    places: Places::new(most, most.div_ceil(2), Vec::new()),
                    tls,
                    idle: settings.idle_timeout,
                    handshake: app.settings.header_read_timeout,
                    delivery,
                    tasks: tasks.clone(),
                };
                tasks.spawn(streams.run(listener));
            }
            Socket::Datagrams(socket) => {
                tasks.spawn(datagrams::run(socket, addr.ip(), delivery));
            }
        }
    }
}

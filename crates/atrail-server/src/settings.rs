//! How the server works.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use atrail_store::StoreSettings;

/// How the server works; [`Settings::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the store works, and the data directory.
    pub store: StoreSettings,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether passwords and tokens may cross a network in the clear: needed to listen elsewhere than on loopback.
    pub insecure_http: bool,
    /// How long an access token lives.
    pub access_token_ttl: Duration,
    /// A login ends this long after its last refresh.
    pub refresh_token_ttl: Duration,
    /// Connections that are served at once; more wait to be accepted.
    pub max_connections: usize,
    /// A connection is closed when a request's head does not come within this time.
    pub header_read_timeout: Duration,
    /// A request is refused when nothing of its body comes for this time.
    pub body_idle_timeout: Duration,
    /// A connection is closed when the client takes nothing of an answer for this time.
    pub write_idle_timeout: Duration,
    /// Bytes of events, decompressed, that all requests together may hold in memory.
    pub ingest_bytes_in_flight: usize,
    /// Requests and downloads under way get this long to end at shutdown; then they are cut.
    pub drain: Duration,
}

impl Settings {
    /// The defaults, for this data directory.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            store: StoreSettings::new(data_dir),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8470)),
            insecure_http: false,
            access_token_ttl: Duration::from_secs(600),
            refresh_token_ttl: Duration::from_secs(14 * 86_400),
            max_connections: 4096,
            header_read_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(30),
            write_idle_timeout: Duration::from_secs(120),
            ingest_bytes_in_flight: 256 << 20,
            drain: Duration::from_secs(25),
        }
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.store.data_dir
    }

    /// Where the first user's password and key are written.
    pub(crate) fn credentials_file(&self) -> PathBuf {
        self.data_dir().join("initial-credentials.json")
    }

    pub(crate) fn token_key_file(&self) -> PathBuf {
        self.data_dir().join("keys").join("token-signing.key")
    }
}

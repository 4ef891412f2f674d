//! HTTPS: reads certificates again when their files change.

mod clients;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use clients::AnyClient;

/// The server cannot use the certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The server cannot read a file.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file has the wrong content.
    #[error("{path} does not contain {what} in PEM: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The expected content.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The key belongs to another certificate.
    #[error("the key {key} does not belong to the certificate {cert}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The library refuses the certificate or the key.
    #[error("the server cannot use the certificate {cert} with the key {key}")]
    Refused {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// Secures connections.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("cert", &self.certificate.cert)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Opens the certificate chain and the key in these files, for these protocols (RFC 7301); none: for any.
    pub(super) fn open(cert: PathBuf, key: PathBuf, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        Self::opened(cert, key, protocols, false)
    }

    /// The same for any protocol, and asks clients for a certificate.
    pub(super) fn asking_clients(cert: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        Self::opened(cert, key, &[], true)
    }

    fn opened(
        cert: PathBuf,
        key: PathBuf,
        protocols: &[&[u8]],
        asks_clients: bool,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(default_provider());
        let certificate = Arc::new(Certificate::open(cert, key, &provider)?);
        let refused = |source| TlsError::Refused {
            cert: certificate.cert.clone(),
            key: certificate.key.clone(),
            source,
        };
        let any_client = AnyClient::new(&provider);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let config = match asks_clients {
            true => config.with_client_cert_verifier(Arc::new(any_client)),
            false => config.with_no_client_auth(),
        };
        let mut config =
            config.with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }

    /// Performs the handshake. Reads the files first if they have changed since the last one.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let certificate = Arc::clone(&self.certificate);
        tokio::task::spawn_blocking(move || certificate.refresh())
            .await
            .map_err(io::Error::other)?;
        self.acceptor.accept(stream).await
    }
}

/// A certificate and the files that it came from.
#[derive(Debug)]
struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    /// Stamps of the files when they were last read, whether or not they were usable.
    seen: Mutex<Stamps>,
    current: RwLock<Arc<CertifiedKey>>,
}

type Stamps = [Option<Stamp>; 2];

/// Distinguishes a file from its predecessor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
}

impl Certificate {
    fn open(cert: PathBuf, key: PathBuf, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let seen = stamps(&cert, &key);
        let current = load(&cert, &key, provider)?;
        Ok(Self {
            cert,
            key,
            provider: Arc::clone(provider),
            seen: Mutex::new(seen),
            current: RwLock::new(Arc::new(current)),
        })
    }

    /// Reads the files again if they have changed. Unusable files, such as a certificate whose key is still to follow,
    /// are ignored until they change again.
    fn refresh(&self) {
        let mut seen = self.seen.lock();
        let now = stamps(&self.cert, &self.key);
        if *seen == now {
            return;
        }
        *seen = now;
        match load(&self.cert, &self.key, &self.provider) {
            Ok(fresh) => {
                *self.current.write() = Arc::new(fresh);
                tracing::info!(cert = %self.cert.display(), "the server read the certificate again");
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the certificate has changed, and the server cannot use it: its predecessor stays in use"
            ),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

fn stamps(cert: &Path, key: &Path) -> Stamps {
    [cert, key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok()?,
            length: metadata.len(),
        })
    })
}

fn load(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let pem = read(cert)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(cert, "a certificate chain", &error))?;
    if chain.is_empty() {
        return Err(malformed(cert, "a certificate chain", &"there is none"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| malformed(key, "a private key", &error))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|source| {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        match source {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { cert, key },
            source => TlsError::Refused { cert, key, source },
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

fn malformed(path: &Path, what: &'static str, why: &dyn fmt::Display) -> TlsError {
    TlsError::Malformed {
        path: path.to_owned(),
        what,
        why: why.to_string(),
    }
}

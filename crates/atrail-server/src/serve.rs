//! Starting, accepting connections, and ending in order.

mod patience;
mod source;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atrail_model::Clock;
use atrail_store::{Store, StoreError};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::audit::Audit;
use crate::auth::oidc::Oidc;
use crate::auth::passwords::Passwords;
use crate::auth::standings::Standings;
use crate::auth::throttle::Throttle;
use crate::auth::tokens::Tokens;
use crate::founding;
use crate::ingest::Budget;
use crate::metrics::Metrics;
use crate::routes;
use crate::settings::{SettingError, Settings};
use patience::WriteTimeout;
use tls::Tls;
pub use tls::TlsError;

/// Longest head of a request, in bytes; half of it is what a connection costs while it is idle.
const HEAD_MAX_BYTES: usize = 32 << 10;
/// Header fields that a request may have.
const MAX_HEADERS: usize = 64;
/// How long cut connections get to notice.
const CUT_GRACE: Duration = Duration::from_secs(1);
/// How long there is at shutdown to write what was counted.
const AUDIT_GRACE: Duration = Duration::from_secs(4);
/// How long the store gets to finish what is under way at shutdown.
const STORE_GRACE: Duration = Duration::from_secs(4);
/// Wait after a failed accept: the process is out of file descriptors, and asking at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be worked with.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store does not open.
    #[error("cannot open the store")]
    Store(#[from] StoreError),
    /// The certificate cannot be served.
    #[error("cannot serve HTTPS")]
    Tls(#[from] TlsError),
    /// The OpenID provider cannot be asked: not at all, since its certificates cannot be read.
    #[error("cannot use auth.oidc.ca_file")]
    Oidc(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Keys or first credentials cannot be had.
    #[error("cannot prepare the server's secrets")]
    Secrets(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Opens the store, makes the first user when there is none, and begins to serve. When this returns, connections are
    /// accepted.
    ///
    /// # Errors
    /// When the settings are unsafe, the store or the secrets cannot be had, or the address is taken.
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
        settings.check()?;
        let store = Store::open(settings.store.clone(), Arc::clone(&clock)).await?;
        match prepare(settings, clock, store.clone()).await {
            Ok(running) => Ok(running),
            Err(error) => {
                // The first error is the one to report.
                let _ = store.close().await;
                Err(error)
            }
        }
    }
}

async fn prepare(
    mut settings: Settings,
    clock: Arc<dyn Clock>,
    store: Store,
) -> Result<Running, StartError> {
    let tls = match (&settings.tls_cert, &settings.tls_key) {
        (Some(cert), Some(key)) => Some(Tls::open(cert.clone(), key.clone())?),
        _ => None,
    };
    let listen = settings.listen;
    let failed = |source| StartError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    // Port 0 asks for any that is free; from here on it is known which.
    settings.listen = addr;
    let verifier_key = store.verifier_key().await.to_string();
    let identity = store.catalog().identity();
    let tokens = Tokens::open(&settings.token_key_file(), settings.access_token_ttl)
        .map_err(|error| StartError::Secrets(error.into()))?;
    let passwords = Passwords::new().map_err(|error| StartError::Secrets(error.chain().into()))?;
    let oidc = Oidc::new(&settings.oidc).map_err(|error| StartError::Oidc(error.chain().into()))?;
    let credentials_file = settings.credentials_file();
    let endpoint = settings.endpoint(addr);
    let founded = founding::ensure(
        &identity,
        &passwords,
        &credentials_file,
        &endpoint,
        clock.now(),
    )
    .await
    .map_err(|error| StartError::Secrets(error.into()))?;
    if !founded && credentials_file.exists() {
        tracing::warn!(
            path = %credentials_file.display(),
            "the first user's credentials are still in this file: take note of them, then remove it"
        );
    }
    let tenancy = store.tenancy();
    let metrics = Arc::new(Metrics::new(clock.now()));
    let audit = Audit::new(store.clone(), Arc::clone(&clock), Arc::clone(&metrics)).await;
    let audit = Arc::new(audit);
    let app = Arc::new(App {
        standings: Standings::new(identity.clone(), tenancy.clone()),
        throttle: Throttle::default(),
        metrics,
        audit: Arc::clone(&audit),
        ingest_budget: Budget::new(settings.ingest_bytes_in_flight),
        tokens,
        passwords,
        oidc,
        identity,
        tenancy,
        store: store.clone(),
        clock,
        settings,
    });
    let stop = CancellationToken::new();
    let cut = CancellationToken::new();
    let drain = app.settings.drain;
    let acceptor = Acceptor {
        router: routes::router(Arc::clone(&app)),
        tls,
        app,
        connections: TaskTracker::new(),
        stop: stop.clone(),
        cut: cut.clone(),
    };
    let connections = acceptor.connections.clone();
    Ok(Running {
        addr,
        endpoint,
        first_credentials: founded.then_some(credentials_file),
        verifier_key,
        accepting: tokio::spawn(acceptor.run(listener)),
        connections,
        counting: tokio::spawn(Arc::clone(&audit).run(stop.clone())),
        stop,
        cut,
        drain,
        audit,
        store,
    })
}

/// A server that serves. Dropping it does not end it; [`Running::shutdown`] does.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    endpoint: String,
    /// The file with the first user's credentials, when this start made them.
    pub first_credentials: Option<PathBuf>,
    /// The key that the server's evidence is verified with.
    pub verifier_key: String,
    accepting: JoinHandle<()>,
    connections: TaskTracker,
    counting: JoinHandle<()>,
    stop: CancellationToken,
    cut: CancellationToken,
    drain: Duration,
    audit: Arc<Audit>,
    store: Store,
}

impl Running {
    /// The base URL for a client of this machine.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Takes no more connections, lets requests and downloads under way end within the drain time, cuts the rest, puts
    /// on record what was counted, and closes the store.
    ///
    /// # Errors
    /// When the store cannot be closed in order; nothing acknowledged is lost by it.
    pub async fn shutdown(self) -> Result<(), StoreError> {
        self.stop.cancel();
        // Ends by itself at the signal; a panic there is in the log already.
        let _ = self.accepting.await;
        self.connections.close();
        if tokio::time::timeout(self.drain, self.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(connections = self.connections.len(), "cutting connections");
            self.cut.cancel();
            // Who is deaf to this is at work on a thread that the store outlasts.
            let _ = tokio::time::timeout(CUT_GRACE, self.connections.wait()).await;
        }
        // Ends by itself at the signal, as accepting does.
        let _ = self.counting.await;
        if tokio::time::timeout(AUDIT_GRACE, self.audit.close())
            .await
            .is_err()
        {
            tracing::error!("how often things were read in this hour is not on record");
        }
        match tokio::time::timeout(STORE_GRACE, self.store.close()).await {
            Ok(closed) => closed,
            Err(_) => {
                tracing::warn!("the store is still at work; what is acknowledged is durable");
                Ok(())
            }
        }
    }
}

struct Acceptor {
    router: Router,
    tls: Option<Tls>,
    app: Arc<App>,
    connections: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(self.app.settings.max_connections));
        loop {
            let permit = tokio::select! {
                () = self.stop.cancelled() => return,
                permit = Arc::clone(&room).acquire_owned() => match permit {
                    Ok(permit) => permit,
                    Err(_) => return,
                },
            };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = self.connection(stream, peer, Arc::new(permit));
                    let open = self.app.metrics.connected();
                    self.connections.spawn(async move {
                        connection.await;
                        drop(open);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Arc<OwnedSemaphorePermit>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (app, router) = (Arc::clone(&self.app), self.router.clone());
        let requests = self.connections.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let trusted = &app.settings.trusted_proxies;
            let source = source::source(peer.ip(), request.headers(), trusted);
            request.extensions_mut().insert(routes::Peer(source));
            let only_reads = request.method().is_safe();
            let answer = router.clone().oneshot(request);
            let (requests, place) = (requests.clone(), Arc::clone(&place));
            async move {
                if only_reads {
                    return Ok(answer.await.unwrap_or_else(|never| match never {}));
                }
                // Whoever hangs up does not stop it between what it does and the event that puts it on record. Until it
                // ends it takes its connection's place.
                let to_the_end = requests.spawn(async move {
                    let answered = answer.await;
                    drop(place);
                    answered
                });
                let answered = to_the_end.await?;
                Ok::<_, JoinError>(answered.unwrap_or_else(|never| match never {}))
            }
        });
        // Small answers must not wait for the acknowledgement of earlier ones; without it they are only slower.
        let _ = stream.set_nodelay(true);
        let settings = &self.app.settings;
        let stream = WriteTimeout::new(stream, settings.write_idle_timeout);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(settings.header_read_timeout)
            .max_header_size(HEAD_MAX_BYTES)
            .max_headers(MAX_HEADERS);
        let ending = Ending {
            stop: self.stop.clone(),
            cut: self.cut.clone(),
        };
        let (tls, patience) = (self.tls.clone(), settings.header_read_timeout);
        async move {
            let Some(tls) = tls else {
                let connection = http.serve_connection(TokioIo::new(stream), service);
                return ending.run(connection, peer).await;
            };
            // A handshake has as long as the head of a request, and none is waited for at the end.
            let secured = tokio::select! {
                secured = tokio::time::timeout(patience, tls.accept(stream)) => secured,
                () = ending.stop.cancelled() => return,
            };
            match secured {
                Ok(Ok(stream)) => {
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    ending.run(connection, peer).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        }
    }
}

/// How connections are told to end.
struct Ending {
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Ending {
    /// Serves a connection until it ends, or has to.
    async fn run<C>(self, connection: C, peer: SocketAddr)
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = self.cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection broke off");
        }
    }
}

//! Starting, accepting connections, and ending in order.

mod patience;

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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
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

/// Longest head of a request, in bytes; half of it is what a connection costs while it is idle.
const HEAD_MAX_BYTES: usize = 32 << 10;
/// Header fields that a request may have.
const MAX_HEADERS: usize = 64;
/// How long cut connections get to notice.
const CUT_GRACE: Duration = Duration::from_secs(1);
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
    settings: Settings,
    clock: Arc<dyn Clock>,
    store: Store,
) -> Result<Running, StartError> {
    let listen = settings.listen;
    let failed = |source| StartError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let identity = store.catalog().identity();
    let tokens = Tokens::open(&settings.token_key_file(), settings.access_token_ttl)
        .map_err(|error| StartError::Secrets(error.into()))?;
    let passwords = Passwords::new().map_err(|error| StartError::Secrets(error.chain().into()))?;
    let credentials_file = settings.credentials_file();
    let founded = founding::ensure(&identity, &passwords, &credentials_file, addr, clock.now())
        .await
        .map_err(|error| StartError::Secrets(error.into()))?;
    let tenancy = store.tenancy();
    let app = Arc::new(App {
        standings: Standings::new(identity.clone(), tenancy.clone()),
        throttle: Throttle::default(),
        metrics: Arc::new(Metrics::new(clock.now())),
        ingest_budget: Budget::new(settings.ingest_bytes_in_flight),
        tokens,
        passwords,
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
        app,
        connections: TaskTracker::new(),
        stop: stop.clone(),
        cut: cut.clone(),
    };
    let connections = acceptor.connections.clone();
    Ok(Running {
        addr,
        first_credentials: founded.then_some(credentials_file),
        accepting: tokio::spawn(acceptor.run(listener)),
        connections,
        stop,
        cut,
        drain,
        store,
    })
}

/// A server that serves. Dropping it does not end it; [`Running::shutdown`] does.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The file with the first user's credentials, when this start made them.
    pub first_credentials: Option<PathBuf>,
    accepting: JoinHandle<()>,
    connections: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
    drain: Duration,
    store: Store,
}

impl Running {
    /// The base URL for a client of this machine.
    #[must_use]
    pub fn endpoint(&self) -> String {
        founding::endpoint(self.addr)
    }

    /// Takes no more connections, lets requests and downloads under way end within the drain time, cuts the rest, and
    /// closes the store.
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
                    let connection = self.connection(stream, peer);
                    let open = self.app.metrics.connected();
                    self.connections.spawn(async move {
                        connection.await;
                        drop((permit, open));
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
    ) -> impl Future<Output = ()> + Send + 'static {
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(routes::Peer(peer.ip()));
            router.clone().oneshot(request)
        });
        // Small answers must not wait for the acknowledgement of earlier ones; without it they are only slower.
        let _ = stream.set_nodelay(true);
        let settings = &self.app.settings;
        let io = TokioIo::new(WriteTimeout::new(stream, settings.write_idle_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_read_timeout)
            .max_header_size(HEAD_MAX_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(io, service);
        let (stop, cut) = (self.stop.clone(), self.cut.clone());
        async move {
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection.as_mut() => ended,
                        () = cut.cancelled() => Ok(()),
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection broke off");
            }
        }
    }
}

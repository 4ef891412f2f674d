//! Starts the server, accepts connections, and shuts down in order.

mod files;
pub(crate) mod patience;
pub(crate) mod places;
pub(crate) mod served;
pub(crate) mod source;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atrail_api::paths;
use atrail_model::Clock;
use atrail_store::{Store, StoreError, Turns};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::audit::Audit;
use crate::auth::api_keys::ApiKeys;
use crate::auth::browser::Browsers;
use crate::auth::passwords::Passwords;
use crate::auth::standings::Standings;
use crate::auth::throttle::Throttle;
use crate::auth::tokens::Tokens;
use crate::founding;
use crate::ingest::budget::Budget;
use crate::ingest_keys::IngestKeys;
use crate::metrics::{Metrics, Refusal};
use crate::observe::Peer;
use crate::routes;
use crate::search::Searches;
use crate::settings::{SettingError, Settings};
use crate::tail::Tails;
use files::Files;
pub use files::check;
use patience::{Slow, Timed};
use places::{Crowded, Place, Places};
use served::Served;
use tls::Tls;
pub use tls::TlsError;

/// Longest head of a request, in bytes; an idle connection costs half of it.
const HEAD_MAX_BYTES: usize = 32 << 10;
/// Largest number of header fields in a request.
const MAX_HEADERS: usize = 64;
/// Longest wait for a head on a connection beyond a limit; such a connection serves health probes.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);
/// Paths that such a connection serves.
const PROBES: [&str; 3] = [paths::HEALTHZ, paths::READYZ, paths::METRICS];
/// How long connections have to end after they are cut.
const CUT_GRACE: Duration = Duration::from_secs(1);
/// How long the audit has at shutdown to write its counts.
const AUDIT_GRACE: Duration = Duration::from_secs(4);
/// How long the store has at shutdown to finish its work.
const STORE_GRACE: Duration = Duration::from_secs(4);
/// Wait after a failed accept: the process has no free file descriptor, and an immediate retry would only waste time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is invalid.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The server cannot listen on the address.
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
    /// The server cannot use the certificate.
    #[error("cannot serve HTTPS")]
    Tls(#[from] TlsError),
    /// The server cannot read the certificates that verify the OpenID provider.
    #[error("cannot use auth.oidc.ca_file")]
    Oidc(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server cannot read or create its keys or the first credentials.
    #[error("cannot prepare the server's secrets")]
    Secrets(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Opens the store, creates the first user if there is none, and begins to serve. When this returns, the server
    /// accepts connections.
    ///
    /// # Errors
    /// When a setting is unsafe, the store or the secrets are not available, or the address is in use.
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
        // A start that fails because of a wrong setting leaves neither a directory nor a key behind.
        let files = Files::read(&settings)?;
        let store = Store::open_dir(settings.store.clone(), Arc::clone(&clock)).await?;
        match prepare(settings, files, clock, store.clone()).await {
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
    Files { tls, oidc }: Files,
    clock: Arc<dyn Clock>,
    store: Store,
) -> Result<Running, StartError> {
    let listen = settings.listen;
    let failed = |source| StartError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    // Port 0 selects any free port; the address has its number from here on.
    settings.listen = addr;
    let verifier_key = store.verifier_key().await;
    if let Some(name) = &settings.store.server_name
        && name != verifier_key.name()
    {
        tracing::warn!(
            configured = %name,
            key = %verifier_key.name(),
            "evidence.name is not the name of this directory's key: a key gets its name when it is made, so clients see the key's"
        );
    }
    let verifier_key = verifier_key.to_string();
    let identity = store.identity();
    let tokens = Tokens::open(store.secrets(), settings.access_token_ttl)
        .map_err(|error| StartError::Secrets(error.into()))?;
    let metrics = Arc::new(Metrics::new(clock.now(), routes::ROUTES));
    let passwords = Passwords::new(Arc::clone(&metrics))
        .map_err(|error| StartError::Secrets(error.chain().into()))?;
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
            "the first user's credentials are still in this file: copy them, then remove it"
        );
    }
    let tenancy = store.tenancy();
    let audit = Audit::new(store.clone(), Arc::clone(&clock), Arc::clone(&metrics)).await;
    let audit = Arc::new(audit);
    let stop = CancellationToken::new();
    let app = Arc::new(App {
        tails: Tails::open(&*store.secrets()).map_err(|error| StartError::Secrets(error.into()))?,
        stop: stop.clone(),
        standings: Standings::new(identity.clone(), tenancy.clone()),
        throttle: Throttle::default(),
        ingest_budget: Budget::new(settings.ingest_bytes_in_flight, Arc::clone(&metrics)),
        body_turns: Turns::new(cores(), usize::MAX, usize::MAX),
        searches: Searches::new(settings.search, Arc::clone(&metrics)),
        metrics,
        audit: Arc::clone(&audit),
        api_keys: Arc::new(ApiKeys::new(identity.clone())),
        ingest_keys: Arc::new(IngestKeys::new(identity.clone(), store.secrets())),
        browsers: Browsers::new(),
        tokens,
        passwords,
        oidc,
        identity,
        tenancy,
        store: store.clone(),
        clock,
        settings,
    });
    let cut = CancellationToken::new();
    let api_keys = Arc::clone(&app.api_keys);
    let ingest_keys = Arc::clone(&app.ingest_keys);
    let watching = (store.clone(), Arc::clone(&audit), Arc::clone(&app.clock));
    let drain = app.settings.drain;
    let places = {
        let Settings {
            max_connections,
            max_connections_per_address,
            trusted_proxies,
            ..
        } = &app.settings;
        Places::new(
            *max_connections,
            *max_connections_per_address,
            trusted_proxies.clone(),
        )
    };
    let acceptor = Acceptor {
        places,
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
        storing_uses: tokio::spawn(Arc::clone(&api_keys).run(stop.clone())),
        api_keys,
        minding_ingest_keys: tokio::spawn(Arc::clone(&ingest_keys).run(watching, stop.clone())),
        ingest_keys,
        stop,
        cut,
        drain,
        audit,
        store,
    })
}

/// A running server. Dropping it does not stop the server; [`Running::shutdown`] does.
#[derive(Debug)]
pub struct Running {
    /// The address on which the server listens.
    pub addr: SocketAddr,
    endpoint: String,
    /// The file with the first user's credentials, if this start created them.
    pub first_credentials: Option<PathBuf>,
    /// The key that verifies the server's evidence.
    pub verifier_key: String,
    accepting: JoinHandle<()>,
    connections: TaskTracker,
    counting: JoinHandle<()>,
    storing_uses: JoinHandle<()>,
    minding_ingest_keys: JoinHandle<()>,
    stop: CancellationToken,
    cut: CancellationToken,
    drain: Duration,
    api_keys: Arc<ApiKeys>,
    ingest_keys: Arc<IngestKeys>,
    audit: Arc<Audit>,
    store: Store,
}

impl Running {
    /// Returns the base URL for a client on this machine.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Accepts no more connections, lets requests and downloads in progress end within the drain time, cuts the rest,
    /// records the counts, and closes the store.
    ///
    /// # Errors
    /// When the store cannot close in order. No acknowledged event is lost.
    pub async fn shutdown(self) -> Result<(), StoreError> {
        self.stop.cancel();
        // The task ends at the signal; a panic in it has already been logged.
        let _ = self.accepting.await;
        self.connections.close();
        if tokio::time::timeout(self.drain, self.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(connections = self.connections.len(), "cutting connections");
            self.cut.cancel();
            // A connection that ignores this is in a blocking thread, and the store outlives that.
            let _ = tokio::time::timeout(CUT_GRACE, self.connections.wait()).await;
        }
        // The task ends at the signal, as the one that accepts does.
        let _ = self.counting.await;
        let _ = self.storing_uses.await;
        let _ = self.minding_ingest_keys.await;
        let store_uses = async {
            self.api_keys.store_uses().await;
            self.ingest_keys.store_uses().await;
        };
        if tokio::time::timeout(AUDIT_GRACE, store_uses).await.is_err() {
            tracing::error!("the last uses of API keys and ingest keys are not stored");
        }
        if tokio::time::timeout(AUDIT_GRACE, self.audit.close())
            .await
            .is_err()
        {
            tracing::error!("the counts of this hour's reads are not recorded");
        }
        match tokio::time::timeout(STORE_GRACE, self.store.close()).await {
            Ok(closed) => closed,
            Err(_) => {
                tracing::warn!("the store is still working; every acknowledged event is durable");
                Ok(())
            }
        }
    }
}

/// Returns how many cores long work may occupy: on a single core still two, so that such work does not wait for other
/// such work.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
}

struct Acceptor {
    places: Places,
    router: Router,
    tls: Option<Tls>,
    app: Arc<App>,
    connections: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = self.places.admit(peer.ip()) else {
                        self.app.metrics.refused(Refusal::Connections);
                        continue;
                    };
                    let connection = self.connection(stream, peer, Arc::new(place));
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
        place: Arc<Place>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (app, router) = (Arc::clone(&self.app), self.router.clone());
        let (requests, places) = (self.connections.clone(), self.places.clone());
        let served = Arc::clone(&place);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let trusted = &app.settings.trusted_proxies;
            let source = source::source(peer.ip(), request.headers(), trusted);
            request.extensions_mut().insert(Peer(source));
            let (serving, crowded) = places.serve(&served, peer.ip(), source);
            if let Some(crowded) = crowded.filter(|_| !PROBES.contains(&request.uri().path())) {
                app.metrics.refused(match crowded {
                    Crowded::Address => Refusal::ConnectionsOfAddress,
                    Crowded::Server => Refusal::Connections,
                });
                request.extensions_mut().insert(crowded);
            }
            let only_reads = routes::only_reads(request.method(), request.uri().path());
            let answer = router.clone().oneshot(request);
            let requests = requests.clone();
            async move {
                if only_reads {
                    let answer = answer.await.unwrap_or_else(|never| match never {});
                    return Ok(answer.map(|body| Served::new(body, serving)));
                }
                // A client that disconnects must not stop a handler between an action and the event that records it.
                // Until the handler ends, the request is in progress and occupies its connection's place.
                let to_the_end = requests.spawn(async move { (answer.await, serving) });
                let (answered, serving) = to_the_end.await?;
                let answer = answered.unwrap_or_else(|never| match never {});
                Ok::<_, JoinError>(answer.map(|body| Served::new(body, serving)))
            }
        });
        // Small answers must not wait for the acknowledgement of earlier ones; if this fails, they are only slower.
        let _ = stream.set_nodelay(true);
        let settings = &self.app.settings;
        let is_beside = place.crowded.is_some();
        let mut patience = settings.patience();
        if is_beside {
            patience.head = patience.head.min(PROBE_PATIENCE);
        }
        let stream = Timed::new(stream, patience, Arc::clone(&place.stage));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            // The stream knows when a head begins, and this library does not; this limit is a safeguard against an
            // error in the stream.
            .header_read_timeout(patience.head.saturating_add(patience.keep_alive))
            .keep_alive(!is_beside)
            .max_header_size(HEAD_MAX_BYTES)
            .max_headers(MAX_HEADERS);
        let ending = Ending {
            stop: self.stop.clone(),
            cut: self.cut.clone(),
            place,
            metrics: Arc::clone(&self.app.metrics),
        };
        let (tls, patience) = (self.tls.clone(), patience.head);
        async move {
            let Some(tls) = tls else {
                let connection = http.serve_connection(TokioIo::new(stream), service);
                return ending.run(connection, peer).await;
            };
            // A handshake may take as long as a request's head, and a shutdown waits for no handshake.
            let secured = tokio::select! {
                secured = tokio::time::timeout(patience, tls.accept(stream)) => secured,
                () = ending.stop.cancelled() => return,
                () = ending.place.leave.cancelled() => return,
            };
            ending.place.stage.expect_head();
            match secured {
                Ok(Ok(stream)) => {
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    ending.run(connection, peer).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => {
                    ending.metrics.refused(Refusal::SlowHandshake);
                    tracing::debug!(%peer, "a TLS handshake took too long");
                }
            }
        }
    }
}

/// The signals that end a connection.
struct Ending {
    stop: CancellationToken,
    cut: CancellationToken,
    place: Arc<Place>,
    metrics: Arc<Metrics>,
}

impl Ending {
    /// Serves a connection until it ends, or has to end.
    async fn run<C>(self, connection: C, peer: SocketAddr)
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        tokio::pin!(connection);
        let has_to_leave = tokio::select! {
            ended = connection.as_mut() => return self.note(ended, peer),
            () = self.stop.cancelled() => false,
            () = self.place.leave.cancelled() => true,
        };
        // Otherwise the server would wait for a client that sends only the beginning of a head.
        if has_to_leave && self.place.stage.idle_since().is_some() {
            return;
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection.as_mut() => self.note(ended, peer),
            () = self.cut.cancelled() => {}
        }
    }

    fn note(&self, ended: Result<(), hyper::Error>, peer: SocketAddr) {
        match self.place.stage.slow() {
            Some(Slow::Head) => self.metrics.refused(Refusal::SlowHead),
            Some(Slow::Reader) => self.metrics.refused(Refusal::SlowReader),
            None => {}
        }
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection broke off");
        }
    }
}

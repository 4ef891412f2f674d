//! Starts the server, accepts connections, and shuts down in order.

mod acceptor;
mod files;
mod listeners;
mod mount;
pub(crate) mod patience;
pub(crate) mod places;
mod plain;
pub(crate) mod served;
pub(crate) mod source;
mod syslog;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atrail_model::Clock;
use atrail_sources::MappingError;
use atrail_store::{Store, StoreError, Turns};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
use crate::metrics::Metrics;
use crate::receivers::acks::Acks;
use crate::routes;
use crate::search::Searches;
use crate::settings::{SettingError, Settings};
use crate::tail::Tails;
use acceptor::Acceptor;
use files::Files;
pub use files::check;
use listeners::Listeners;
use places::Places;
pub use syslog::SyslogKeyError;
pub use tls::TlsError;

/// How long connections have to end after they are cut.
const CUT_GRACE: Duration = Duration::from_secs(1);
/// How long the audit has at shutdown to write its counts.
const AUDIT_GRACE: Duration = Duration::from_secs(4);
/// How long the store has at shutdown to finish its work.
const STORE_GRACE: Duration = Duration::from_secs(4);

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
    /// The server cannot use a mapping of the configuration.
    #[error("cannot use the mappings")]
    Mapping(#[from] MappingError),
    /// The server cannot use the certificate.
    #[error("cannot serve HTTPS")]
    Tls(#[from] TlsError),
    /// The server cannot use the ingest key of a syslog listener.
    #[error("cannot use syslog.key_file")]
    SyslogKey(#[from] SyslogKeyError),
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
        let store = Store::open_dir(settings.of_store(), Arc::clone(&clock)).await?;
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
    Files {
        engine,
        tls,
        oidc,
        syslog,
    }: Files,
    clock: Arc<dyn Clock>,
    store: Store,
) -> Result<Running, StartError> {
    let listeners = Listeners::bind(&mut settings).await?;
    let addr = settings.listen;
    let mut syslog_listeners = Vec::new();
    for listener in syslog {
        syslog_listeners.push(listener.bind().await?);
    }
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
        tails: Tails::open(&*store.secrets(), store.is_shared())
            .map_err(|error| StartError::Secrets(error.into()))?,
        stop: stop.clone(),
        standings: Standings::new(identity.clone(), tenancy.clone()),
        throttle: Throttle::default(),
        engine,
        hec_acks: Acks::starting_at(clock.now()),
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
    let other_addrs = (app.settings.listeners.iter())
        .map(|listener| listener.address)
        .collect();
    let acceptor = Arc::new(Acceptor {
        places,
        router: routes::router(Arc::clone(&app)),
        tls,
        app,
        connections: TaskTracker::new(),
        stop: stop.clone(),
        cut: cut.clone(),
    });
    let connections = acceptor.connections.clone();
    let syslog = syslog_listeners.iter().map(|bound| bound.addr).collect();
    for bound in syslog_listeners {
        bound.run(&acceptor.app, &connections, &stop);
    }
    Ok(Running {
        addr,
        syslog,
        endpoint,
        first_credentials: founded.then_some(credentials_file),
        verifier_key,
        other_addrs,
        accepting: listeners.spawn(&acceptor),
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
    /// The addresses on which it receives syslog, in the order of the settings.
    pub syslog: Vec<SocketAddr>,
    endpoint: String,
    /// The file with the first user's credentials, if this start created them.
    pub first_credentials: Option<PathBuf>,
    /// The key that verifies the server's evidence.
    pub verifier_key: String,
    /// The addresses of the other listeners, in the order of the settings.
    pub other_addrs: Vec<SocketAddr>,
    accepting: TaskTracker,
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

    /// Waits until a node of a cluster has to be started again, and returns why. A server that is alone waits for ever.
    pub async fn ended(&self) -> String {
        self.store.ended().await
    }

    /// Accepts no more connections, lets requests and downloads in progress end within the drain time, cuts the rest,
    /// records the counts, and closes the store.
    ///
    /// # Errors
    /// When the store cannot close in order. No acknowledged event is lost.
    pub async fn shutdown(self) -> Result<(), StoreError> {
        self.stop.cancel();
        // The tasks end at the signal; a panic in one of them has already been logged.
        self.accepting.wait().await;
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

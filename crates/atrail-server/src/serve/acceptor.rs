//! Accepts connections, and serves the requests on each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use atrail_api::paths;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::mount::Mount;
use super::patience::{Slow, Timed};
use super::places::{Crowded, Place, Places};
use super::plain;
use super::served::Served;
use super::source;
use super::tls::Tls;
use crate::app::App;
use crate::metrics::{Metrics, Refusal};
use crate::observe::Peer;
use crate::receivers::dialect::NoAnswer;
use crate::routes;

/// Longest head of a request, in bytes; an idle connection costs half of it.
const HEAD_MAX_BYTES: usize = 32 << 10;
/// Largest number of header fields in a request.
const MAX_HEADERS: usize = 64;
/// Longest wait for a head on a connection beyond a limit; such a connection serves health probes.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);
/// Paths that such a connection serves.
const PROBES: [&str; 3] = [paths::HEALTHZ, paths::READYZ, paths::METRICS];
/// Wait after a failed accept: the process has no free file descriptor, and an immediate retry would only waste time.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a request has no answer: its connection ends.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("the request's handler panicked")]
    Panicked(#[source] JoinError),
    #[error("its sender would lose events if it were answered")]
    OnPurpose,
}

/// Accepts connections and serves them.
pub(super) struct Acceptor {
    pub(super) places: Places,
    pub(super) router: Router,
    pub(super) tls: Option<Tls>,
    pub(super) app: Arc<App>,
    pub(super) connections: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) cut: CancellationToken,
}

impl Acceptor {
    /// Accepts connections of a listener, which serves what is below `mount`, until the server stops.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener, mount: Mount) {
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
                    let connection = self.connection(stream, peer, mount, Arc::new(place));
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
        mount: Mount,
        place: Arc<Place>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (app, router) = (Arc::clone(&self.app), self.router.clone());
        let (requests, places) = (self.connections.clone(), self.places.clone());
        let served = Arc::clone(&place);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            mount.put(&mut request, &PROBES);
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
                let (answered, serving) = to_the_end.await.map_err(Unanswered::Panicked)?;
                let answer = answered.unwrap_or_else(|never| match never {});
                if answer.extensions().get::<NoAnswer>().is_some() {
                    return Err(Unanswered::OnPurpose);
                }
                Ok::<_, Unanswered>(answer.map(|body| Served::new(body, serving)))
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
        let stage = Arc::clone(&place.stage);
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
        let tls = self.tls.clone();
        async move {
            let Some(tls) = tls else {
                let stream = Timed::new(stream, patience, stage);
                let connection = http.serve_connection(TokioIo::new(stream), service);
                return ending.run(connection, peer).await;
            };
            let mut stream = stream;
            let handshake = async move {
                if plain::is_plain(&stream).await? {
                    plain::answer(&mut stream).await?;
                    return Err(std::io::Error::other("it began with plain HTTP"));
                }
                tls.accept(Timed::new(stream, patience, stage)).await
            };
            // A handshake may take as long as a request's head, and a shutdown waits for no handshake.
            let secured = tokio::select! {
                secured = tokio::time::timeout(patience.head, handshake) => secured,
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

//! Messages in connections, secured or not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use atrail_carriers::syslog::Frames;
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::batch::Batch;
use super::delivery::Delivery;
use super::identity::SenderKey;
use crate::auth::secrets::sha256;
use crate::metrics::SyslogRefusal;
use crate::serve::acceptor::ACCEPT_PAUSE;
use crate::serve::places::{Place, Places};
use crate::serve::tls::Tls;

/// Bytes to read at a time.
const READ_BYTES: usize = 16 << 10;
/// Bytes of messages after which a batch is delivered even if more have arrived.
const BATCH_BYTES: usize = 256 << 10;
/// Most bytes that are still read of a connection that the server gives up: somewhat more than a system keeps of one.
const LAST_BYTES: usize = 8 << 20;

/// A listener for connections.
pub(super) struct Streams {
    pub(super) places: Places,
    pub(super) tls: Option<Tls>,
    /// Longest silence of a connection.
    pub(super) idle: Duration,
    /// Longest handshake.
    pub(super) handshake: Duration,
    pub(super) delivery: Delivery,
    pub(super) tasks: TaskTracker,
}

impl Streams {
    /// Accepts connections until the server stops.
    pub(super) async fn run(self, listener: TcpListener) {
        let streams = Arc::new(self);
        let stop = streams.delivery.stop.clone();
        let metrics = Arc::clone(&streams.delivery.app.metrics);
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a syslog connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // A place beyond a limit is for health checks, which nobody sends here.
            let place = streams.places.admit(peer.ip());
            let Some(place) = place.filter(|place| place.crowded.is_none()) else {
                metrics.refused_syslog(SyslogRefusal::Connections);
                continue;
            };
            let (streams, open) = (Arc::clone(&streams), metrics.syslog_connected());
            let tasks = streams.tasks.clone();
            tasks.spawn(async move {
                streams.serve(stream, peer, &place).await;
                drop(open);
            });
        }
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, place: &Place) {
        let address = peer.ip().to_canonical();
        let Some(tls) = &self.tls else {
            return self.receive(stream, address, place, &self.delivery).await;
        };
        let secured = tokio::select! {
            secured = tokio::time::timeout(self.handshake, tls.accept(stream)) => secured,
            () = self.delivery.stop.cancelled() => return,
            () = place.leave.cancelled() => return,
        };
        let stream = match secured {
            Ok(Ok(stream)) => stream,
            failed => {
                self.delivery
                    .app
                    .metrics
                    .refused_syslog(SyslogRefusal::Handshake);
                let error = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "it took too long".to_owned(),
                };
                tracing::debug!(%peer, error, "a TLS handshake for syslog failed");
                return;
            }
        };
        let mut delivery = self.delivery.clone();
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        if let Some(certificate) = shown {
            delivery.key = SenderKey::Certificate(sha256(certificate));
        }
        self.receive(stream, address, place, &delivery).await;
    }

    /// Reads a connection to its end.
    async fn receive<S: AsyncRead + Unpin>(
        &self,
        mut stream: S,
        address: IpAddr,
        place: &Place,
        delivery: &Delivery,
    ) {
        let metrics = &delivery.app.metrics;
        // The sender learns of a key that is not valid before it sends anything.
        if let Err(error) = delivery.key.admission(&delivery.app).await {
            metrics.refused_syslog(SyslogRefusal::Key);
            tracing::warn!(peer = %address, error = error.detail(), "a syslog connection was refused");
            return;
        }
        let mut frames = Frames::default();
        let mut batch = Batch::default();
        let mut buffer = vec![0; READ_BYTES];
        let mut received = Received::default();
        // The bytes that are still read when the server gives the connection up: nobody would send again what has
        // arrived by then.
        let mut last = None;
        loop {
            let mut read = match &mut last {
                Some(left) => arrived_last(&mut stream, &mut buffer, left),
                None => tokio::select! {
                    read = tokio::time::timeout(self.idle, stream.read(&mut buffer)) => read.unwrap_or_else(|_| {
                        metrics.refused_syslog(SyslogRefusal::Idle);
                        received.end = "it was silent for too long";
                        Ok(0)
                    }),
                    () = delivery.stop.cancelled() => {
                        received.end = "the server stops";
                        arrived_last(&mut stream, &mut buffer, last.insert(LAST_BYTES))
                    }
                    () = place.leave.cancelled() => {
                        metrics.refused_syslog(SyslogRefusal::Displaced);
                        received.end = "a newcomer took its place";
                        arrived_last(&mut stream, &mut buffer, last.insert(LAST_BYTES))
                    }
                },
            };
            place.stage.busy();
            let arrived = delivery.app.store.time().latest();
            // What has arrived by now goes with it.
            let end = loop {
                let mut push =
                    |message: &[u8], is_cut| batch.push(message, is_cut, address, arrived);
                let end = match read {
                    Ok(0) => {
                        received.partial_bytes = frames.partial_bytes();
                        frames
                            .finish(&mut |message, is_cut| push(message, is_cut || last.is_some()));
                        true
                    }
                    // The sender repeats the message that broke off: this part of it is marked.
                    Err(_) => {
                        received.partial_bytes = frames.partial_bytes();
                        received.end = "it broke";
                        frames.finish(&mut |message, _| push(message, true));
                        true
                    }
                    Ok(length) => {
                        received.bytes += length as u64;
                        frames.feed(&buffer[..length], &mut push).is_err_and(|fault| {
                            metrics.refused_syslog(SyslogRefusal::Framing);
                            tracing::warn!(peer = %address, %fault, "a syslog connection is not framed");
                            received.end = "it is not framed";
                            true
                        })
                    }
                };
                if end || batch.size_bytes() >= BATCH_BYTES {
                    break end;
                }
                if let Some(left) = &mut last {
                    read = arrived_last(&mut stream, &mut buffer, left);
                    continue;
                }
                match stream.read(&mut buffer).now_or_never() {
                    Some(more) => read = more,
                    None => break false,
                }
            };
            received.messages += batch.len() as u64;
            if !batch.is_empty()
                && let Err(undelivered) = delivery.deliver(address, batch.take()).await
            {
                undelivered.count(metrics);
                return received.ended(address, "its last messages were not accepted");
            }
            if end {
                return received.ended(address, received.end);
            }
            place.stage.idle();
        }
    }
}

/// Reads what has arrived, and no more than is left of a number of bytes; then the connection counts as ended.
fn arrived_last<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut [u8],
    left: &mut usize,
) -> std::io::Result<usize> {
    let most = buffer.len().min(*left);
    let read = stream.read(&mut buffer[..most]).now_or_never();
    if let Some(Ok(length)) = read {
        *left -= length;
    }
    read.unwrap_or(Ok(0))
}

/// What came by a connection.
#[derive(Debug)]
struct Received {
    messages: u64,
    bytes: u64,
    /// Bytes of a message that had not ended when the connection did.
    partial_bytes: usize,
    /// Why the connection ends, unless something else ends it.
    end: &'static str,
}

impl Default for Received {
    fn default() -> Self {
        Self {
            messages: 0,
            bytes: 0,
            partial_bytes: 0,
            end: "the sender closed it",
        }
    }
}

impl Received {
    /// Logs the end of the connection.
    fn ended(&self, peer: IpAddr, why: &'static str) {
        let Self {
            messages,
            bytes,
            partial_bytes,
            ..
        } = self;
        tracing::debug!(%peer, messages, bytes, partial_bytes, why, "a syslog connection ended");
    }
}

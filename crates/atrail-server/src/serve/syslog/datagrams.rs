//! Messages in datagrams: one each (RFC 5426). While a batch becomes durable, others collect; beyond a limit they are
//! dropped and counted, for the protocol has no way to make a sender wait.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::batch::Batch;
use super::delivery::Delivery;
use crate::metrics::SyslogRefusal;
use crate::serve::acceptor::ACCEPT_PAUSE;

/// Largest datagram.
const DATAGRAM_BYTES: usize = 64 << 10;
/// Bytes of messages that wait at most.
const WAITING_BYTES: usize = 8 << 20;

/// Receives until the server stops; then what waits still becomes durable.
pub(super) async fn run(socket: UdpSocket, listen: IpAddr, delivery: Delivery) {
    let waiting = Arc::new(Waiting::default());
    let reading = read(&socket, &waiting, &delivery);
    let delivering = async {
        loop {
            let batch = waiting.batch.lock().take();
            if !batch.entries.is_empty() {
                // A key that is not valid loses the messages, as the next ones; somebody may make it valid.
                if let Err(undelivered) = delivery.deliver(listen, batch).await {
                    undelivered.count(&delivery.app.metrics);
                }
            } else if delivery.stop.is_cancelled() {
                return;
            } else {
                tokio::select! {
                    () = waiting.arrived.notified() => {}
                    () = delivery.stop.cancelled() => {}
                }
            }
        }
    };
    tokio::join!(reading, delivering);
}

/// What has arrived and is not being delivered.
#[derive(Default)]
struct Waiting {
    batch: Mutex<Batch>,
    arrived: Notify,
}

async fn read(socket: &UdpSocket, waiting: &Waiting, delivery: &Delivery) {
    let metrics = &delivery.app.metrics;
    let mut buffer = vec![0; DATAGRAM_BYTES];
    while let Some(received) = delivery
        .stop
        .run_until_cancelled(socket.recv_from(&mut buffer))
        .await
    {
        let (length, peer) = match received {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "cannot receive a syslog datagram");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let message = buffer[..length].trim_ascii_end();
        if message.is_empty() {
            continue;
        }
        let mut batch = waiting.batch.lock();
        if batch.size_bytes() + message.len() > WAITING_BYTES {
            metrics.refused_syslog(SyslogRefusal::Datagrams);
        } else {
            let arrived = delivery.app.store.time().latest();
            batch.push(message, false, peer.ip().to_canonical(), arrived);
        }
        drop(batch);
        waiting.arrived.notify_one();
    }
}

//! A load balancer of the simplest kind: each connection goes to the next node that accepts it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::{CliError, Result};

/// A balancer that listens on this machine. It ends with the value.
#[derive(Debug)]
pub(super) struct Balancer {
    pub(super) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Balancer {
    /// Listens, and forwards to these nodes.
    pub(super) async fn start(nodes: Vec<SocketAddr>) -> Result<Self> {
        let failed = |error| CliError::file("could not listen on 127.0.0.1", error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let nodes: Arc<[SocketAddr]> = nodes.into();
        let next = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                let first = next.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(forward(client, Arc::clone(&nodes), first));
            }
        });
        Ok(Self { address, accepting })
    }
}

async fn forward(mut client: TcpStream, nodes: Arc<[SocketAddr]>, first: usize) {
    for n in 0..nodes.len() {
        if let Ok(mut node) = TcpStream::connect(nodes[(first + n) % nodes.len()]).await {
            // Either side may break off.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            return;
        }
    }
}

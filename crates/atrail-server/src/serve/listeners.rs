//! The addresses on which the server accepts connections.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::acceptor::Acceptor;
use super::mount::Mount;
use crate::settings::Settings;

/// The bound listeners.
#[derive(Debug)]
pub(super) struct Listeners(Vec<(TcpListener, Mount)>);

impl Listeners {
    /// Binds every address of the settings. Port 0 selects any free port; the settings have its number from here on.
    pub(super) async fn bind(settings: &mut Settings) -> Result<Self, StartError> {
        let main = (&mut settings.listen, Mount::Whole);
        let others = settings.listeners.iter_mut();
        let others = others.map(|listener| (&mut listener.address, Mount::from(listener.serves)));
        let mut bound = Vec::new();
        for (address, mount) in std::iter::once(main).chain(others) {
            bound.push((bind(address).await?, mount));
        }
        Ok(Self(bound))
    }

    /// Accepts connections on all of them.
    pub(super) fn spawn(self, acceptor: &Arc<Acceptor>) -> TaskTracker {
        let tasks = TaskTracker::new();
        for (listener, mount) in self.0 {
            tasks.spawn(Arc::clone(acceptor).run(listener, mount));
        }
        tasks.close();
        tasks
    }
}

async fn bind(address: &mut SocketAddr) -> Result<TcpListener, StartError> {
    let listen = *address;
    let failed = |source| StartError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    *address = listener.local_addr().map_err(failed)?;
    Ok(listener)
}

//! The addresses on which the server accepts connections, and what each of them serves.

use std::net::SocketAddr;
use std::sync::Arc;

use atrail_api::paths;
use axum::http::uri::PathAndQuery;
use axum::http::{Request, Uri};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::acceptor::Acceptor;
use crate::settings::{Serves, Settings};

/// The part of the server's paths that a listener serves at its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mount {
    /// All paths.
    Whole,
    /// The paths below this one.
    Below(&'static str),
}

impl From<Serves> for Mount {
    fn from(serves: Serves) -> Self {
        match serves {
            Serves::Elasticsearch => Self::Below(paths::ES),
        }
    }
}

impl Mount {
    /// Rewrites a request's path as if it had come to the main listener, unless it is one of the exceptions.
    pub(super) fn put<B>(self, request: &mut Request<B>, exceptions: &[&str]) {
        let Self::Below(base) = self else { return };
        let uri = request.uri();
        if exceptions.contains(&uri.path()) {
            return;
        }
        let after = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let Ok(whole) = PathAndQuery::try_from(format!("{base}{after}")) else {
            return;
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(whole);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_puts_its_base_before_every_path_but_the_exceptions() {
        for (path, expected) in [
            ("/", "/es/"),
            ("/_bulk?refresh=true", "/es/_bulk?refresh=true"),
            ("/logs/_bulk", "/es/logs/_bulk"),
            ("/healthz", "/healthz"),
            ("/es/_bulk", "/es/es/_bulk"),
        ] {
            let mut request = Request::get(path).body(()).unwrap();
            Mount::Whole.put(&mut request, &["/healthz"]);
            assert_eq!(request.uri(), path);
            Mount::from(Serves::Elasticsearch).put(&mut request, &["/healthz"]);
            assert_eq!(request.uri(), expected);
        }
    }
}

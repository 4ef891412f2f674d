//! A server inside this process: for `serve` and `quickstart` alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_model::Clock;
use atrail_server::{Running, Server, StartError};

use crate::error::{CliError, Result};

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Embedded(Running);

impl Embedded {
    /// Starts one; it accepts connections when this returns.
    pub(crate) async fn start(
        data_dir: PathBuf,
        listen: SocketAddr,
        insecure_http: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let mut settings = atrail_server::Settings::new(data_dir);
        settings.listen = listen;
        settings.insecure_http = insecure_http;
        let running = Server::start(settings, clock).await.map_err(explain)?;
        Ok(Self(running))
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.0.addr
    }

    /// The file with the first user's credentials, when this start made them.
    pub(crate) fn first_credentials(&self) -> Option<&Path> {
        self.0.first_credentials.as_deref()
    }

    /// Takes no new connections, finishes what is under way, and closes the store.
    pub(crate) async fn stop(self) -> Result<()> {
        let stopped = self.0.shutdown().await;
        stopped
            .map_err(|error| CliError::failed("the store was not closed in order").because(error))
    }
}

fn explain(error: StartError) -> CliError {
    match error {
        StartError::Insecure { listen } => CliError::usage(format!(
            "{listen} can be reached from other machines, and the server speaks plain http"
        ))
        .hint("listen on 127.0.0.1 behind a proxy that speaks https; --insecure-http goes without"),
        StartError::Listen { .. } => CliError::failed("the server could not be started")
            .because(error)
            .hint("choose another --listen, or port 0 for a free one"),
        other => CliError::failed("the server could not be started").because(other),
    }
}

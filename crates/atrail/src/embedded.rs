//! A server inside this process, for `serve` and `quickstart` only.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use atrail_model::Clock;
use atrail_server::{Running, Server, SettingError, StartError};

use crate::error::{CliError, Result};
use crate::platform;

/// A running server.
#[derive(Debug)]
pub(crate) struct Embedded(Running);

impl Embedded {
    /// Starts a server; it accepts connections when this returns.
    pub(crate) async fn start(
        settings: atrail_server::Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        platform::allow_many_open_files();
        platform::keep_files_private();
        // Boxed: the compiler refuses futures that hold one another as deep as a start and the command round it.
        let running = Box::pin(Server::start(settings, clock));
        let running = running.await.map_err(explain)?;
        Ok(Self(running))
    }

    /// Returns the address that the server listens on.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.0.addr
    }

    /// Returns the file with the first user's credentials, if this start made them.
    pub(crate) fn first_credentials(&self) -> Option<&Path> {
        self.0.first_credentials.as_deref()
    }

    /// Returns the key that verifies the server's evidence.
    pub(crate) fn verifier_key(&self) -> &str {
        &self.0.verifier_key
    }

    /// Waits until a node of a cluster has to be started again, and returns why.
    pub(crate) async fn ended(&self) -> String {
        self.0.ended().await
    }

    /// Accepts no new connections, finishes the requests in progress, and closes the store.
    pub(crate) async fn stop(self) -> Result<()> {
        let stopped = self.0.shutdown().await;
        stopped.map_err(|error| CliError::failed("the store was not closed cleanly").because(error))
    }
}

/// Returns the error for a server that cannot start. A wrong setting is a usage error: another start would not help.
pub(crate) fn explain(error: StartError) -> CliError {
    match error {
        StartError::Setting(error) => explain_setting(error),
        StartError::Listen { .. } => CliError::failed("the server could not be started")
            .because(error)
            .hint("choose another --listen, or port 0 for a free one"),
        StartError::Oidc(_) => CliError::usage("the server could not be started").because(error),
        StartError::SyslogKey(_) => CliError::usage("the server could not be started")
            .because(error)
            .hint(
                "start the server without this listener, make its key with `atrail admin ingest-key create NAME`, and \
                 write the key into the file",
            ),
        StartError::Tls(error) => CliError::usage("the server could not be started")
            .because(error)
            .hint("check the files of --tls-cert and --tls-key, or of tls_cert and tls_key in the configuration"),
        other => CliError::failed("the server could not be started").because(other),
    }
}

/// Returns the usage error for a setting that the server cannot work with.
pub(crate) fn explain_setting(error: SettingError) -> CliError {
    if error.is_insecure() {
        CliError::usage(error.to_string()).hint(
            "give a certificate: --tls-cert FILE --tls-key FILE; or listen on 127.0.0.1 behind a proxy that speaks https; --insecure-http goes without",
        )
    } else {
        CliError::usage(error.to_string())
    }
}

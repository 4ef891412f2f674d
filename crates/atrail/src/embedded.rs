//! A server inside this process: for `serve` and `quickstart` alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::{CliError, Result};

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Embedded {
    address: SocketAddr,
}

impl Embedded {
    /// Starts one; it accepts connections when this returns.
    pub(crate) async fn start(data_dir: PathBuf, listen: SocketAddr) -> Result<Self> {
        let _ = (data_dir, Self { address: listen });
        Err(CliError::failed("the server is not part of this build"))
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections, finishes what is under way, and closes the store.
    pub(crate) async fn stop(self) -> Result<()> {
        Ok(())
    }
}

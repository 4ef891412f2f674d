//! `atrail serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::Result;
use crate::settings::Settings;

/// Run a server on one directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail serve --data /var/lib/atrail --listen 127.0.0.1:8181")]
pub(crate) struct Args {
    /// The directory with everything that it keeps; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "atrail-data")]
    data: PathBuf,
    /// Where it listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8181")]
    listen: SocketAddr,
}

/// Serves until it is asked to stop.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let _ = (settings, args.data, args.listen);
    Ok(())
}

//! `atrail healthcheck`: asks a server whether it accepts events; for containers and scripts.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::{Endpoint, Server, Trust};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;

/// The server that is asked when nothing names one: where `atrail serve` listens.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8181";

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ask a server whether it accepts events
///
/// Makes one attempt of at most five seconds, sends no secret and needs no login. Without -a it asks the server of
/// ATRAIL_ENDPOINT or of the context, or else http://127.0.0.1:8181. Exits with 0 when the server accepts events and
/// with 5 when it does not, is busy, or does not answer.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail healthcheck\n  atrail healthcheck -a https://atrail.example.com"
)]
pub(crate) struct Args {
    /// The server: a URL, or HOST:PORT (https, except on this machine)
    #[arg(short = 'a', long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Trust the certificates in this file (PEM) besides the system's: authorities', or the server's own
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Do not check the server's certificate, as where it names another host than this machine
    #[arg(long)]
    skip_ssl_validation: bool,
}

/// Asks once and prints the answer.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let context = settings.context()?.map(|(_, context)| context);
    let is_named = context.is_some() || settings.environment.endpoint.is_some();
    let endpoint: Endpoint = match &args.endpoint {
        Some(text) => text.parse()?,
        None if is_named => settings.endpoint(context.as_ref())?,
        None => DEFAULT_ENDPOINT.parse()?,
    };
    let remembered = settings.trust(context.as_ref());
    let trust = Trust {
        ca_file: args.ca_file.or(remembered.ca_file),
        skip_ssl_validation: args.skip_ssl_validation || remembered.skip_ssl_validation,
    };
    let server = Server::new(endpoint, &trust, Vec::new())?;
    let Ok(answer) = tokio::time::timeout(PATIENCE, server.readiness()).await else {
        let seconds = PATIENCE.as_secs();
        let what = format!("{} did not answer in {seconds} seconds", server.endpoint);
        return Err(CliError::new(Exit::Unavailable, what));
    };
    settings.printer.data(&answer?)
}

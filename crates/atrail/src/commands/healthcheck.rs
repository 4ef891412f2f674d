//! `atrail healthcheck`: asks a server whether it accepts events, or only whether it runs; for containers and scripts.

use std::path::PathBuf;
use std::time::Duration;

use atrail_api::paths;

use crate::client::{Endpoint, Server, Trust};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;
use crate::trusted_keys::Known;

/// The server that is asked when nothing names one: where `atrail serve` listens.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8181";

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ask a server whether it accepts events
///
/// Makes one attempt of at most five seconds, sends no secret and needs no login. Without -a it asks the server of
/// ATRAIL_ENDPOINT or of the context, or else http://127.0.0.1:8181. Exits with 0 when the server accepts events and
/// with 5 when it does not, is busy, or does not answer. A server whose disk is full accepts no events, but its
/// downloads still work: what restarts a server, or takes it from readers, asks with --live.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail healthcheck\n  atrail healthcheck --live -a https://atrail.example.com"
)]
pub(crate) struct Args {
    /// The server: a URL, or HOST:PORT (https, except on this machine)
    #[arg(short = 'a', long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Ask only whether the server runs and answers
    #[arg(long)]
    live: bool,
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
    let server = Server::new(endpoint, &trust, Known::default())?;
    let path = match args.live {
        true => paths::HEALTHZ,
        false => paths::READYZ,
    };
    let Ok(answer) = tokio::time::timeout(PATIENCE, server.health(path)).await else {
        let seconds = PATIENCE.as_secs();
        let what = format!("{} did not answer in {seconds} seconds", server.endpoint);
        return Err(CliError::new(Exit::Unavailable, what));
    };
    settings.printer.data(&answer?)
}

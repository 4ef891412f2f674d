//! `atrail serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::embedded::Embedded;
use crate::error::Result;
use crate::platform;
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
    /// Listen where other machines reach it, with passwords and events in the clear
    #[arg(long)]
    insecure_http: bool,
}

/// Serves until Ctrl-C or SIGTERM, then finishes what is under way.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(settings.printer.terminals.stderr)
        .init();
    let server = {
        let clock = Arc::clone(&settings.clock);
        Embedded::start(args.data, args.listen, args.insecure_http, clock).await?
    };
    if let Some(file) = server.first_credentials() {
        settings.printer.warn(&format!(
            "first start: user admin; password and API key are in {}",
            file.display()
        ));
    }
    settings
        .printer
        .data(&format!("listening on http://{}\n", server.address()))?;
    stop_requested().await;
    settings.printer.note("stopping");
    server.stop().await
}

/// Ends when somebody wants the process to end.
pub(crate) async fn stop_requested() {
    tokio::select! {
        done = tokio::signal::ctrl_c() => if done.is_err() {
            std::future::pending::<()>().await;
        },
        () = platform::terminated() => {}
    }
}

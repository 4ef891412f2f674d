//! `atrail serve`: runs the server.

mod dev;
mod log;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_server::{ConfigFile, listen_address};

use crate::embedded::{self, Embedded};
use crate::error::{CliError, Exit, Result};
use crate::platform;
use crate::settings::Settings;

/// Run a server on one directory
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A flag overrides the file, and the file overrides the default. docs/atrail.example.toml has every setting.\n\nExample:\n  atrail serve --dev\n  atrail serve --data /var/lib/atrail --listen 127.0.0.1:8181\n  atrail serve --config /etc/atrail/atrail.toml --check-config"
)]
pub(crate) struct Args {
    /// The data directory; created if it is missing [default: atrail-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; port 0 selects a free one [default: 127.0.0.1:8181]
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    /// Speak HTTPS with this certificate chain (PEM); the server reloads it when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Allow other machines to connect by http, which sends passwords and events in the clear
    #[arg(long)]
    insecure_http: bool,
    /// Read the settings from this file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the resulting settings and start nothing; exit code 2 if they, or the files that they name, cannot be used
    #[arg(long)]
    check_config: bool,
    #[command(flatten)]
    console: ConsoleFlags,
    /// Try atrail: run on this machine only, on a directory that is removed at the end, with the client logged in
    #[arg(long, conflicts_with_all = ["data", "tls_cert", "tls_key", "insecure_http", "config", "check_config"])]
    dev: bool,
}

/// The console.
#[derive(Debug, Default, clap::Args)]
struct ConsoleFlags {
    /// Do not serve the console: no browser can log in
    #[arg(long)]
    no_console: bool,
    /// Serve the console's pages from this directory, to edit them
    #[cfg(all(debug_assertions, feature = "console"))]
    #[arg(long, value_name = "DIR", hide = true)]
    console_dir: Option<PathBuf>,
}

impl ConsoleFlags {
    fn apply(self, settings: &mut atrail_server::ConsoleSettings) {
        settings.is_on &= !self.no_console;
        #[cfg(all(debug_assertions, feature = "console"))]
        if self.console_dir.is_some() {
            settings.dir = self.console_dir;
        }
    }
}

/// Serves until Ctrl-C, SIGTERM or the end of the terminal, then finishes the requests in progress.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    if args.dev {
        let mut console = atrail_server::ConsoleSettings::default();
        args.console.apply(&mut console);
        return dev::run(settings, args.listen, console).await;
    }
    let check_only = args.check_config;
    let mut resolved = resolve(args)?;
    resolved.store.aws.0.clone_from(&settings.environment.aws);
    if check_only {
        atrail_server::check(&resolved).map_err(embedded::explain)?;
        return settings
            .printer
            .data(&ConfigFile::of(&resolved).to_string());
    }
    let scheme = resolved.scheme();
    let log = log::start(resolved.log, settings.printer.terminals.stderr);
    let server = Embedded::start(resolved, Arc::clone(&settings.clock)).await?;
    if let Some(file) = server.first_credentials() {
        let text = format!(
            "first start: user admin; password and API key are in {}",
            file.display()
        );
        log.tell(&settings.printer, &text);
    }
    let text = format!("evidence is verified with {}", server.verifier_key());
    log.tell(&settings.printer, &text);
    settings
        .printer
        .data(&format!("listening on {scheme}://{}\n", server.address()))?;
    tokio::select! {
        () = platform::stop_requested() => {}
        why = server.ended() => {
            // What it holds in memory is not the truth any more. Whoever started it starts it again.
            return Err(CliError::failed("this node of the cluster cannot go on")
                .because(why)
                .hint("start it again: it joins as a new node, and nothing is lost"));
        }
    }
    tracing::info!("stopping");
    server.stop().await
}

/// Resolves the settings: a flag overrides the file, the file overrides the default.
fn resolve(args: Args) -> Result<atrail_server::Settings> {
    let Args {
        data,
        listen,
        tls_cert,
        tls_key,
        insecure_http,
        config,
        console,
        check_config: _,
        dev: _,
    } = args;
    let mut settings = atrail_server::Settings::default();
    if let Some(path) = config {
        read(&path)?.apply(&mut settings);
    }
    if let Some(data) = data {
        settings.store.data_dir = data;
    }
    if let Some(listen) = listen {
        settings.listen = listen;
    }
    if tls_cert.is_some() {
        settings.tls_cert = tls_cert;
        settings.tls_key = tls_key;
    }
    settings.insecure_http |= insecure_http;
    console.apply(&mut settings.console);
    settings.check().map_err(embedded::explain_setting)?;
    Ok(settings)
}

/// Reads a configuration.
pub(super) fn read(path: &Path) -> Result<ConfigFile> {
    let what = || format!("the configuration {} cannot be used", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::unreadable(path, error).with_exit(Exit::Usage))?;
    ConfigFile::parse(&text).map_err(|error| {
        CliError::usage(what())
            .because(error)
            .hint("docs/atrail.example.toml has every setting with its default")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(config: &Path) -> Args {
        Args {
            data: None,
            listen: None,
            tls_cert: None,
            tls_key: None,
            insecure_http: false,
            console: ConsoleFlags::default(),
            config: Some(config.to_owned()),
            check_config: false,
            dev: false,
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("atrail.toml");
        std::fs::write(
            &path,
            "[server]\nlisten = \"127.0.0.1:1\"\nmax_connections = 7\n",
        )
        .unwrap();
        let resolved = resolve(args(&path)).unwrap();
        assert_eq!(resolved.listen.port(), 1);
        assert_eq!(resolved.max_connections, 7);
        assert_eq!(resolved.data_dir(), Path::new("atrail-data"));
        let resolved = resolve(Args {
            listen: Some("127.0.0.1:2".parse().unwrap()),
            data: Some("elsewhere".into()),
            ..args(&path)
        });
        let resolved = resolved.unwrap();
        assert_eq!(resolved.listen.port(), 2);
        assert_eq!(resolved.data_dir(), Path::new("elsewhere"));
    }
}

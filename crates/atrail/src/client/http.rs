//! Connection settings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::endpoint::Endpoint;
use super::tls;
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// Longest wait for one read before the client considers the connection dead.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Which certificates prove a server's identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Certificates that the client trusts besides the system's, in PEM: those of authorities, or the server's own.
    pub(crate) ca_file: Option<PathBuf>,
    /// Accepts every certificate without a check.
    pub(crate) skip_ssl_validation: bool,
}

impl Trust {
    /// Warns when certificates are not checked.
    pub(crate) fn warn(&self, printer: &Printer) {
        if self.skip_ssl_validation {
            printer.warn("warning: the server's certificate is not checked; anybody between you and the server can read and change everything");
        }
    }
}

/// Builds a connection pool for one server.
///
/// The pool follows no redirect, so that a token never travels to another server. It never uses a proxy for a server on
/// this machine.
pub(crate) fn build(endpoint: &Endpoint, trust: &Trust) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("atrail/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(READ_TIMEOUT)
        .tcp_nodelay(true);
    if trust.skip_ssl_validation {
        builder = builder.tls_danger_accept_invalid_certs(true);
    } else if let Some(file) = &trust.ca_file {
        let config = tls::trusting(certificates(file)?).map_err(|_| unusable(file))?;
        builder = builder.tls_backend_preconfigured(config);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| CliError::failed("could not set up HTTP").because(error))
}

/// Reads the certificates in a file.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(file).map_err(|error| CliError::unreadable(file, error))?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable(file)),
    }
}

fn unusable(file: &Path) -> CliError {
    CliError::usage(format!("{} holds no usable certificate", file.display()))
        .hint("the file of --ca-file is PEM: it begins with -----BEGIN CERTIFICATE-----; `openssl x509 -in FILE` converts")
}

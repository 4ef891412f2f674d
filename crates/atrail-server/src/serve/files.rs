//! Reads the files that the settings name, before the server makes anything.

use atrail_sources::Engine;

use super::StartError;
use super::syslog::{self, Ready};
use super::tls::Tls;
use crate::auth::oidc::Oidc;
use crate::settings::Settings;

/// Checks settings, and the files that they name, as a start does first. Makes nothing.
///
/// # Errors
/// When a setting is invalid, or a file cannot be used.
pub fn check(settings: &Settings) -> Result<(), StartError> {
    Files::read(settings).map(drop)
}

/// What the files that the settings name hold.
pub(super) struct Files {
    /// The formats, with the mappings of the settings.
    pub(super) engine: Engine,
    /// The certificate and its key.
    pub(super) tls: Option<Tls>,
    /// The OpenID provider.
    pub(super) oidc: Option<Oidc>,
    /// The listeners for syslog.
    pub(super) syslog: Vec<Ready>,
}

impl Files {
    /// Checks the settings, and reads the files.
    pub(super) fn read(settings: &Settings) -> Result<Self, StartError> {
        settings.check()?;
        let tls = match (&settings.tls_cert, &settings.tls_key) {
            (Some(cert), Some(key)) => Some(Tls::open(cert.clone(), key.clone(), &[b"http/1.1"])?),
            _ => None,
        };
        let oidc =
            Oidc::new(&settings.oidc).map_err(|error| StartError::Oidc(error.chain().into()))?;
        let engine = Engine::with(&settings.mappings)?;
        let syslog = syslog::ready(settings)?;
        Ok(Self {
            engine,
            tls,
            oidc,
            syslog,
        })
    }
}

//! The keys of a listener's senders.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use atrail_model::{AccountId, IngestTerms, LoginId, Target, UserId};
use parking_lot::RwLock;

use crate::app::App;
use crate::auth::permissions::{Action, allows_in_space};
use crate::auth::principal::Admitted;
use crate::auth::sent_keys;
use crate::error::ApiError;

/// The file of a listener's key is not usable.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the key in {path}")]
pub struct SyslogKeyError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A file with a key. It is read again when the key no longer works, for somebody may have rotated it.
pub(super) struct KeyFile {
    path: PathBuf,
    text: RwLock<Arc<str>>,
}

impl KeyFile {
    /// Reads the file.
    pub(super) fn open(path: PathBuf) -> Result<Self, SyslogKeyError> {
        match read(&path) {
            Ok(text) => Ok(Self {
                path,
                text: RwLock::new(text),
            }),
            Err(source) => Err(SyslogKeyError { path, source }),
        }
    }

    /// Returns the login of the key, if it is valid.
    async fn login(&self, app: &App) -> Result<LoginId, ApiError> {
        // No sender guesses this key, so that no sender's address waits for a wrong one.
        let address = IpAddr::from([0; 4]);
        let text = Arc::clone(&self.text.read());
        let refusal = match sent_keys::login_of(app, &text, address).await {
            Ok(login) => return Ok(login),
            Err(refusal) => refusal,
        };
        let path = self.path.clone();
        let fresh = tokio::task::spawn_blocking(move || read(&path)).await;
        match fresh {
            Ok(Ok(fresh)) if fresh != text => {
                *self.text.write() = Arc::clone(&fresh);
                sent_keys::login_of(app, &fresh, address).await
            }
            _ => Err(refusal),
        }
    }
}

fn read(path: &std::path::Path) -> io::Result<Arc<str>> {
    let text = std::fs::read_to_string(path)?;
    match text.trim() {
        "" => Err(io::Error::other("the file is empty")),
        key => Ok(key.into()),
    }
}

/// A sender whose key is valid now.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) user: UserId,
    pub(super) target: Target,
    pub(super) account: AccountId,
    /// The terms of an ingest key.
    pub(super) terms: Option<IngestTerms>,
    pub(super) admitted: Admitted,
}

/// What identifies the senders of a listener, or of one of its connections.
#[derive(Clone)]
pub(super) enum SenderKey {
    /// The key in the listener's file.
    File(Arc<KeyFile>),
    /// A client certificate, by the SHA-256 of its DER.
    Certificate([u8; 32]),
}

impl SenderKey {
    /// Returns what the key admits to now.
    pub(super) async fn admission(&self, app: &App) -> Result<Admission, ApiError> {
        let login = match self {
            Self::File(file) => file.login(app).await?,
            Self::Certificate(sha256) => {
                let login = app.identity.ingest_key_of_certificate(*sha256).await?;
                login.ok_or_else(|| {
                    ApiError::unauthenticated("the client certificate stands for no ingest key")
                })?
            }
        };
        let standing = app.standings.of(login, app.clock.moment()).await?;
        let standing = standing.ok_or_else(refused)?;
        if let Some(terms) = standing.ingest.clone() {
            return Ok(Admission {
                user: standing.user.id,
                target: terms.target(),
                account: terms.account,
                terms: Some(terms),
                admitted: Admitted::by(login, standing),
            });
        }
        let space = standing.home.space.ok_or_else(|| {
            ApiError::forbidden("the key of a syslog listener is bound to no space")
        })?;
        let account = app.account_of(Target::Space(space)).await?;
        let sends = Action::Send;
        if !standing.scopes.contains(sends.scope())
            || !allows_in_space(&standing, sends, space, account)
        {
            return Err(ApiError::forbidden(
                "the key of a syslog listener may not send",
            ));
        }
        Ok(Admission {
            user: standing.user.id,
            target: Target::Space(space),
            account,
            terms: None,
            admitted: Admitted::by(login, standing),
        })
    }
}

fn refused() -> ApiError {
    ApiError::unauthenticated(
        "the key of a syslog listener is not valid, or has expired or been deleted",
    )
}

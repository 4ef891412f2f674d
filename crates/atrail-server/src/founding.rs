//! The first start: creates an account, an organization, a space and a user, and a file with the user's credentials.
//!
//! The server writes the file first, as its intent, and then commits the same to the catalog in one transaction. After
//! a crash between the two, the file's secrets match nothing yet; the next start completes the work with them. So there
//! is never a user whose password nobody has.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use atrail_disk::durable;
use atrail_model::{AccountId, OrganizationId, SpaceId, Timestamp};
use atrail_store::{Founding, Identity, StoreError};
use serde::{Deserialize, Serialize};

use crate::auth::passwords::Passwords;
use crate::auth::secrets::{ApiKeySecret, password};
use crate::error::ApiError;

const TENANCY_NAME: &str = "default";
const USER_NAME: &str = "admin";

/// The content of the file.
#[derive(Clone, Serialize, Deserialize)]
struct InitialCredentials {
    endpoint: String,
    user: String,
    password: String,
    api_key: String,
    account: AccountId,
    organization: OrganizationId,
    space: SpaceId,
}

/// The server cannot create the first user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoundingError {
    /// The server cannot read or write the file.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file exists but contains no credentials, and there is no user yet.
    #[error("{path} does not contain the first user's credentials: move it away and start again")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The catalog refuses.
    #[error("cannot create the first user")]
    Store(#[from] StoreError),
    /// The server cannot hash the password.
    #[error("cannot create the first user: {0}")]
    Hash(String),
    /// The system returns no random bytes.
    #[error("the system returns no random bytes")]
    Random(#[from] getrandom::Error),
}

/// Creates the first user and what it needs. Returns whether this start did so.
///
/// A later start only updates the file's `endpoint`, and only while the file exists: an operator removes it after
/// copying the credentials.
pub(crate) async fn ensure(
    identity: &Identity,
    passwords: &Passwords,
    path: &Path,
    endpoint: &str,
    now: Timestamp,
) -> Result<bool, FoundingError> {
    let endpoint = endpoint.to_owned();
    let written = read(path)?;
    if identity.is_founded().await? {
        if let Written::Credentials(mut old) = written
            && old.endpoint != endpoint
        {
            old.endpoint = endpoint;
            write(path, &old, durable::replace)?;
        }
        return Ok(false);
    }
    let is_again = matches!(written, Written::Credentials(_));
    let credentials = match written {
        Written::Credentials(intended) => InitialCredentials {
            endpoint,
            ..*intended
        },
        Written::Nothing => generate(endpoint)?,
        Written::SomethingElse => {
            return Err(FoundingError::Malformed {
                path: path.to_owned(),
            });
        }
    };
    let api_key =
        ApiKeySecret::parse(&credentials.api_key).ok_or_else(|| FoundingError::Malformed {
            path: path.to_owned(),
        })?;
    write(path, &credentials, durable::replace)?;
    let password_hash = passwords
        .hash(credentials.password.clone(), Ipv4Addr::LOCALHOST.into())
        .await
        .map_err(|error: ApiError| FoundingError::Hash(error.chain()))?;
    let founding = Founding {
        account: credentials.account,
        organization: credentials.organization,
        space: credentials.space,
        tenancy_name: TENANCY_NAME,
        user_name: &credentials.user,
        password_hash: &password_hash,
        api_key_id: api_key.id(),
        api_key_hash: api_key.whole().hash(),
        is_again,
    };
    match identity.found(&founding, now).await {
        Ok(()) => Ok(true),
        // The commit took effect, and only its answer was lost.
        Err(_) if is_ours(identity, &credentials.user, &password_hash).await? => Ok(true),
        // Another node of the cluster did so since the look above: these credentials are of nobody.
        Err(_) if !is_again && identity.is_founded().await? => {
            durable::remove_if_there(path).map_err(|source| FoundingError::File {
                path: path.to_owned(),
                source,
            })?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Reports whether the user has the password with this hash, whose salt nobody else has.
async fn is_ours(identity: &Identity, user: &str, hash: &str) -> Result<bool, StoreError> {
    let found = identity.credentials(user).await?;
    let known = found.and_then(|found| found.password_hash);
    Ok(known.is_some_and(|known| known == hash))
}

/// Returns whether the file exists and contains the credentials of this user.
pub(crate) fn is_of(path: &Path, user: &str) -> bool {
    matches!(read(path), Ok(Written::Credentials(written)) if written.user == user)
}

fn generate(endpoint: String) -> Result<InitialCredentials, getrandom::Error> {
    Ok(InitialCredentials {
        endpoint,
        user: USER_NAME.to_owned(),
        password: password()?.expose().to_owned(),
        api_key: ApiKeySecret::generate()?.whole().expose().to_owned(),
        account: AccountId::generate(),
        organization: OrganizationId::generate(),
        space: SpaceId::generate(),
    })
}

enum Written {
    Nothing,
    Credentials(Box<InitialCredentials>),
    SomethingElse,
}

fn read(path: &Path) -> Result<Written, FoundingError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(
            serde_json::from_slice(&bytes).map_or(Written::SomethingElse, |read| {
                Written::Credentials(Box::new(read))
            }),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Written::Nothing),
        Err(source) => Err(FoundingError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(
    path: &Path,
    credentials: &InitialCredentials,
    how: impl FnOnce(&Path, &[u8], u32) -> io::Result<()>,
) -> Result<(), FoundingError> {
    let failed = |source| FoundingError::File {
        path: path.to_owned(),
        source,
    };
    let mut text = serde_json::to_vec_pretty(credentials).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    how(path, &text, 0o600).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::Metrics;

    struct Fixture {
        dir: tempfile::TempDir,
        identity: Identity,
        passwords: Passwords,
    }

    impl Fixture {
        async fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
                identity: atrail_catalog::Catalog::open_in_memory()
                    .await
                    .unwrap()
                    .identity(),
                passwords: Passwords::new(Arc::new(Metrics::new(Timestamp::UNIX_EPOCH, &[])))
                    .unwrap(),
            }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("initial-credentials.json")
        }

        async fn start(&self, port: u16) -> Result<bool, FoundingError> {
            let endpoint = format!("http://127.0.0.1:{port}");
            let now = Timestamp::UNIX_EPOCH;
            ensure(
                &self.identity,
                &self.passwords,
                &self.path(),
                &endpoint,
                now,
            )
            .await
        }

        fn written(&self) -> InitialCredentials {
            serde_json::from_slice(&std::fs::read(self.path()).unwrap()).unwrap()
        }

        async fn can_log_in(&self, credentials: &InitialCredentials) -> bool {
            let found = self.identity.credentials("admin").await.unwrap();
            let hash = found.and_then(|found| found.password_hash);
            let password = credentials.password.clone();
            let here = Ipv4Addr::LOCALHOST.into();
            self.passwords.verify(password, hash, here).await.unwrap()
        }
    }

    #[tokio::test]
    async fn later_starts_change_nothing_but_the_endpoint() {
        let fixture = Fixture::new().await;
        assert!(fixture.start(1000).await.unwrap());
        let first = fixture.written();
        assert!(fixture.can_log_in(&first).await);
        assert_eq!(first.endpoint, "http://127.0.0.1:1000");
        assert!(!fixture.start(2000).await.unwrap());
        let second = fixture.written();
        assert_eq!(second.endpoint, "http://127.0.0.1:2000");
        assert_eq!(second.password, first.password);
        std::fs::remove_file(fixture.path()).unwrap();
        assert!(!fixture.start(3000).await.unwrap());
        assert!(!fixture.path().exists());
    }

    #[tokio::test]
    async fn a_start_that_died_between_file_and_catalog_is_finished() {
        let fixture = Fixture::new().await;
        let intended = generate("http://127.0.0.1:1".to_owned()).unwrap();
        write(&fixture.path(), &intended, durable::write_new).unwrap();
        assert!(!fixture.can_log_in(&intended).await, "nothing is there yet");
        assert!(fixture.start(1000).await.unwrap());
        assert!(fixture.can_log_in(&intended).await);
        let written = fixture.written();
        assert_eq!(written.password, intended.password);
        assert_eq!(written.space, intended.space);
    }

    #[tokio::test]
    async fn a_file_of_somebody_else_is_not_overwritten() {
        let fixture = Fixture::new().await;
        std::fs::write(fixture.path(), "notes").unwrap();
        let error = fixture.start(1000).await.unwrap_err();
        assert!(matches!(error, FoundingError::Malformed { .. }));
        assert_eq!(std::fs::read(fixture.path()).unwrap(), b"notes");
    }
}

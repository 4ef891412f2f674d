//! The tokens of a context.
//!
//! A refresh token is valid for one exchange. Two processes that refresh at once would both use it, and the server
//! would end the login. So a process takes the lock before it refreshes, and reads the stored tokens again before it
//! asks the server.

use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{StateDir, check_context_name, durable};
use crate::error::{CliError, Result};
use crate::platform;

/// Both tokens of a login. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Sent with every request.
    pub(crate) access_token: String,
    /// Valid for one exchange.
    pub(crate) refresh_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// The exclusive right to replace a context's tokens.
#[derive(Debug)]
pub(crate) struct Locked {
    path: PathBuf,
    // Dropping the file releases the lock.
    _lock: File,
}

impl StateDir {
    /// Returns the tokens of a context, if it is logged in.
    pub(crate) fn credentials(&self, context: &str) -> Result<Option<Credentials>> {
        read(&self.credentials_path(context)?)
    }

    /// Returns whether the context has tokens. The server may nevertheless have ended the login.
    pub(crate) fn is_logged_in(&self, context: &str) -> Result<bool> {
        Ok(self.credentials(context)?.is_some())
    }

    /// Waits for the right to replace a context's tokens. Blocks.
    pub(crate) fn lock_credentials(&self, context: &str) -> Result<Locked> {
        let path = self.credentials_path(context)?;
        let failed = |error| CliError::file("could not lock the credentials", error);
        platform::create_private_dir(&self.path().join("credentials")).map_err(failed)?;
        let lock = platform::open_lock(&path.with_extension("json.lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Locked { path, _lock: lock })
    }

    fn credentials_path(&self, context: &str) -> Result<PathBuf> {
        let name = check_context_name(context)?;
        Ok(self.path().join("credentials").join(format!("{name}.json")))
    }
}

impl Locked {
    /// Returns the stored tokens.
    pub(crate) fn read(&self) -> Result<Option<Credentials>> {
        read(&self.path)
    }

    /// Replaces both tokens at once.
    pub(crate) fn save(&self, credentials: &Credentials) -> Result<()> {
        let text = serde_json::to_vec(credentials)
            .map_err(|error| CliError::failed("could not write the credentials").because(error))?;
        durable::replace_private(&self.path, &text)
            .map_err(|error| CliError::file("could not save the credentials", error))
    }

    /// Removes the tokens.
    pub(crate) fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CliError::file("could not remove the credentials", error))
            }
            _ => Ok(()),
        }
    }
}

fn read(path: &std::path::Path) -> Result<Option<Credentials>> {
    match durable::read_small(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            CliError::failed(format!("{} is damaged", path.display()))
                .because(error)
                .hint("log in again")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file("could not read the credentials", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("atrail"));
        let tokens = Credentials {
            access_token: "a".into(),
            refresh_token: "r".into(),
        };
        assert_eq!(state.credentials("x").unwrap(), None);
        let locked = state.lock_credentials("x").unwrap();
        locked.save(&tokens).unwrap();
        assert_eq!(locked.read().unwrap(), Some(tokens.clone()));
        assert_eq!(state.credentials("x").unwrap(), Some(tokens));
        locked.remove().unwrap();
        locked.remove().unwrap();
        assert_eq!(state.credentials("x").unwrap(), None);
    }
}

//! The state that the client keeps between commands: contexts, and the credentials of each.
//!
//! ```text
//! $XDG_CONFIG_HOME/atrail/            0700
//!   config.json                       0600  contexts, and which is current
//!   credentials/CONTEXT.json          0600  access and refresh token
//!   checkpoints/CONTEXT.json          0600  the newest checkpoint seen of each domain
//!   credentials/CONTEXT.lock          held while tokens are replaced
//! ```

mod checkpoints;
mod credentials;
pub(crate) mod durable;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{CliError, Result};
use crate::platform;

pub(crate) use credentials::{Credentials, Locked};

/// An object on the server, with its GUID and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    /// Its GUID.
    pub(crate) guid: String,
    /// Its name at the time of the lookup.
    pub(crate) name: String,
}

/// A server, a user on it, and the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    /// Base URL of the server.
    pub(crate) endpoint: String,
    /// Name of the user.
    pub(crate) user: String,
    /// The server's own name.
    #[serde(default)]
    pub(crate) region: String,
    /// Whether certificates go unchecked.
    #[serde(default)]
    pub(crate) skip_ssl_validation: bool,
    /// Certificates of authorities that the client trusts besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The targeted account, or that of the targeted organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Named>,
    /// The targeted organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<Named>,
    /// The targeted space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) space: Option<Named>,
    /// The session that `atrail session create` made last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_session: Option<String>,
    /// Whether the context belongs to a server that ends with its data, so that no other context may trust what it
    /// showed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_throwaway: bool,
    /// The key that signed the server's evidence at the last login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verifier_key: Option<String>,
    /// The keys before it, the newest first, each of which endorses the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier_keys: Vec<String>,
}

/// The file `config.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    /// The context that commands use by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// Every context by its name.
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// The directory with the client's state.
#[derive(Debug, Clone)]
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    /// Returns the state in this directory, which need not exist.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the contexts; there are none before the first login.
    pub(crate) fn config(&self) -> Result<Config> {
        let path = self.0.join("config.json");
        let text = match durable::read_small(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Config::default());
            }
            Err(error) => {
                return Err(CliError::file(
                    format!("could not read {}", path.display()),
                    error,
                ));
            }
        };
        serde_json::from_slice(&text).map_err(|error| {
            CliError::failed(format!("{} is damaged", path.display()))
                .because(error)
                .hint("repair it, or remove it and log in again")
        })
    }

    /// Changes the contexts. No other process changes them meanwhile, and a reader sees either the whole change or none
    /// of it.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Config) -> Result<T>) -> Result<T> {
        let failed = |error| {
            let dir = self.0.display();
            CliError::file(format!("could not save the client's state in {dir}"), error)
        };
        platform::create_private_dir(&self.0).map_err(failed)?;
        let lock = platform::open_lock(&self.0.join("config.lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut config = self.config()?;
        let answer = change(&mut config)?;
        let text = serde_json::to_vec_pretty(&config)
            .map_err(|error| CliError::failed("could not write the contexts").because(error))?;
        durable::replace_private(&self.0.join("config.json"), &text).map_err(failed)?;
        Ok(answer)
    }
}

impl StateDir {
    /// Removes a deleted account, organization or space from the targets of all contexts.
    pub(crate) fn forget_target(&self, guid: &str) -> Result<()> {
        let is = |named: &Option<Named>| named.as_ref().is_some_and(|named| named.guid == guid);
        let is_above = |context: &Context| is(&context.account) || is(&context.organization);
        let aims = |context: &Context| is_above(context) || is(&context.space);
        if !self.config()?.contexts.values().any(aims) {
            return Ok(());
        }
        self.update(|config| {
            for context in config.contexts.values_mut() {
                if is_above(context) {
                    context.account = None;
                    context.organization = None;
                    context.space = None;
                } else if is(&context.space) {
                    context.space = None;
                }
            }
            Ok(())
        })
    }
}

/// Refuses names that could leave the directory or need quoting.
pub(crate) fn check_context_name(name: &str) -> Result<&str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(fine) {
        return Err(CliError::usage(format!("{name:?} cannot name a context"))
            .hint("use letters, digits, '.', '_' and '-', and do not begin with '.'"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(endpoint: &str) -> Context {
        Context {
            endpoint: endpoint.to_owned(),
            user: "admin".to_owned(),
            region: String::new(),
            skip_ssl_validation: false,
            ca_file: None,
            account: None,
            organization: None,
            space: None,
            last_session: None,
            is_throwaway: false,
            verifier_key: None,
            earlier_keys: Vec::new(),
        }
    }

    #[test]
    fn contexts_are_kept_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("deep/atrail"));
        assert_eq!(state.config().unwrap(), Config::default());
        state
            .update(|config| {
                config.contexts.insert("a".into(), context("http://x"));
                config.current = Some("a".into());
                Ok(())
            })
            .unwrap();
        let config = state.config().unwrap();
        assert_eq!(config.contexts["a"], context("http://x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(state.path()), 0o700);
            assert_eq!(mode(&state.path().join("config.json")), 0o600);
        }
    }

    #[test]
    fn a_failed_change_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().to_owned());
        let refused: Result<()> = state.update(|config| {
            config.current = Some("a".into());
            Err(CliError::failed("no"))
        });
        assert!(refused.is_err());
        assert_eq!(state.config().unwrap().current, None);
    }

    #[test]
    fn names_stay_in_the_directory() {
        for name in ["", ".", "..", "../x", "a/b", "a b", ".hidden"] {
            assert!(check_context_name(name).is_err(), "{name:?}");
        }
        assert!(check_context_name("127.0.0.1-8181").is_ok());
    }
}

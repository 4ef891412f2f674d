//! The newest checkpoint of each domain that this client saw. They expose a server that later shows another history.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::{StateDir, durable};
use crate::error::{CliError, Result};
use crate::platform;

/// Signed checkpoint notes by domain: one for each log that the domain had, the newest log last.
pub(crate) type Checkpoints = BTreeMap<String, Vec<String>>;

impl StateDir {
    /// Returns the remembered checkpoints of a context's server.
    pub(crate) fn checkpoints(&self, context: &str) -> Result<Checkpoints> {
        let path = self.checkpoints_file(context);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Checkpoints::new()),
            text => text.map_err(|error| {
                CliError::file(format!("could not read {}", path.display()), error)
            })?,
        };
        serde_json::from_slice(&text).map_err(|error| {
            CliError::failed(format!("{} is damaged", path.display()))
                .because(error)
                .hint("restore it, or remove it: atrail then forgets which checkpoints the server signed")
        })
    }

    /// Replaces the remembered checkpoints.
    pub(crate) fn remember_checkpoints(&self, context: &str, all: &Checkpoints) -> Result<()> {
        let path = self.checkpoints_file(context);
        let failed = |error| CliError::file(format!("could not write {}", path.display()), error);
        if let Some(dir) = path.parent() {
            platform::create_private_dir(dir).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(all)
            .map_err(|error| CliError::failed("could not write the checkpoints").because(error))?;
        durable::replace_private(&path, &text).map_err(failed)
    }

    /// Forgets the checkpoints of a context's server.
    pub(crate) fn forget_checkpoints(&self, context: &str) -> Result<()> {
        let path = self.checkpoints_file(context);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(CliError::file(
                format!("could not remove {}", path.display()),
                error,
            )),
            _ => Ok(()),
        }
    }

    fn checkpoints_file(&self, context: &str) -> PathBuf {
        self.path()
            .join("checkpoints")
            .join(format!("{context}.json"))
    }
}

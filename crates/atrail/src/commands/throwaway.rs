//! Directories of servers that end with their data, and what is in them.

pub(crate) mod events;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{CliError, Result};
use crate::platform;

/// A directory that is removed at the end.
#[derive(Debug)]
pub(crate) struct Throwaway(PathBuf);

impl Throwaway {
    /// Makes a directory below `base` that only this user can enter.
    pub(crate) fn make(base: &Path, name: &str) -> Result<Self> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let dir = base.join(format!("{name}-{}", &id[..8]));
        let failed = |error| CliError::file(format!("could not make {}", dir.display()), error);
        platform::keep_files_private();
        // Fails if the name is taken: the directory must be nobody else's.
        std::fs::create_dir(&dir).map_err(failed)?;
        platform::create_private_dir(&dir).map_err(failed)?;
        Ok(Self(dir))
    }

    /// Returns the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes the directory, and reports a failure.
    pub(crate) fn remove(self) -> Result<()> {
        let removed = std::fs::remove_dir_all(&self.0);
        removed.map_err(|error| {
            CliError::file(format!("could not remove {}", self.0.display()), error)
        })
    }
}

impl Drop for Throwaway {
    /// Removes the directory after a failure, which is the one to report.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The file that a server writes at its first start.
#[derive(Deserialize)]
pub(crate) struct InitialCredentials {
    /// The first user.
    pub(crate) user: String,
    /// Its password.
    pub(crate) password: String,
}

/// Reads the credentials of the first user of a data directory.
pub(crate) fn credentials(data: &Path) -> Result<InitialCredentials> {
    let path = data.join("initial-credentials.json");
    let text = std::fs::read(&path)
        .map_err(|error| CliError::file(format!("could not read {}", path.display()), error))?;
    serde_json::from_slice(&text).map_err(|error| {
        CliError::failed(format!("{} cannot be understood", path.display())).because(error)
    })
}

//! Checks that files stay in their place while the store runs. Somebody may move the directory, replace the catalog or
//! remove an open file: later writes would then go where nobody finds them. (The log's file and the file of checkpoints
//! have checks of their own.)

use std::path::{Path, PathBuf};

use atrail_disk::{FileId, Result, StoreError};
use parking_lot::Mutex;

/// Files and directories that were opened, and the first fault found with them.
#[derive(Debug, Default)]
pub struct Anchors {
    of: Mutex<Vec<(PathBuf, FileId)>>,
    /// Set once, never cleared in this process.
    lost: Mutex<Option<String>>,
}

impl Anchors {
    /// Requires that from here on this path leads to the file or directory that it leads to now.
    pub fn hold(&self, path: &Path) -> std::io::Result<()> {
        let id = FileId::at(path)?;
        self.of.lock().push((path.to_owned(), id));
        Ok(())
    }

    /// Checks that everything is in its place.
    ///
    /// # Errors
    /// `Poisoned` from the first time on that something was not.
    pub fn check(&self) -> Result<()> {
        if let Some(why) = self.lost() {
            return Err(StoreError::Poisoned(why));
        }
        let moved = {
            let of = self.of.lock();
            of.iter()
                .find(|(path, id)| FileId::at(path).ok() != Some(*id))
                .map(|(path, _)| path.display().to_string())
        };
        match moved {
            None => Ok(()),
            Some(path) => Err(self.lose(format!(
                "{path} is not the one that was opened: it was moved, replaced or removed"
            ))),
        }
    }

    /// Stops all writing for this reason.
    pub fn lose(&self, why: String) -> StoreError {
        tracing::error!(why, "the store writes nothing more");
        StoreError::Poisoned(self.lost.lock().get_or_insert(why).clone())
    }

    /// Returns the reason why writing has stopped, if it has.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().clone()
    }
}

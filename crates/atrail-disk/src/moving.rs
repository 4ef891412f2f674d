//! The marks of a data directory that takes part in a migration.
//!
//! As long as a directory is copied, it has the mark [`MOVING_TO`] and can be used. Once everything is elsewhere, it has the mark
//! [`MOVED_TO`], and nobody uses it any more. A directory that a migration fills has the mark [`MOVING_IN`] until it is
//! complete.

use std::path::Path;

use crate::data_dir::{MOVED_TO, MOVING_IN};
use crate::durable;
use crate::error::{Result, StoreError, io_failure};

/// A mark: which migration, and where it goes to or comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The migration's name.
    pub migration: String,
    /// The other place, for people.
    pub place: String,
}

impl Mark {
    /// Reads the mark of this name; `None` when the directory has none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(dir: &Path, name: &str) -> Result<Option<Self>> {
        let path = dir.join(name);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(io_failure("read", &path))?,
        };
        let (migration, place) = text.trim_end().split_once('\n').unwrap_or((&text, ""));
        Ok(Some(Self {
            migration: migration.to_owned(),
            place: place.to_owned(),
        }))
    }

    /// Writes the mark of this name, durably.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&self, dir: &Path, name: &str) -> Result<()> {
        let path = dir.join(name);
        let text = format!("{}\n{}\n", self.migration, self.place);
        durable::replace(&path, text.as_bytes(), 0o600).map_err(io_failure("write", &path))
    }

    /// Removes the mark of this name, durably.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(dir: &Path, name: &str) -> Result<()> {
        let path = dir.join(name);
        durable::ensure_gone(&path).map_err(io_failure("remove", &path))
    }
}

/// Refuses a directory that was moved elsewhere, or that a migration has not filled yet.
///
/// # Errors
/// `Conflict` with the place where everything is, or with what is left to do.
pub fn refuse_moved(dir: &Path) -> Result<()> {
    if let Some(mark) = Mark::read(dir, MOVED_TO)? {
        return Err(StoreError::Conflict(format!(
            "everything in {} was moved to {}, where the history goes on: this copy is of the past, and is not used any more",
            dir.display(),
            mark.place
        )));
    }
    if let Some(mark) = Mark::read(dir, MOVING_IN)? {
        return Err(StoreError::Conflict(format!(
            "a migration from {} into {} has not ended: run `atrail admin migrate` with --into again",
            mark.place,
            dir.display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::MOVING_TO;

    #[test]
    fn a_directory_is_refused_once_it_was_moved_and_before_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark {
            migration: "one".to_owned(),
            place: "postgres://db and s3://logs".to_owned(),
        };
        refuse_moved(dir.path()).unwrap();
        // One that is being copied can be used.
        mark.write(dir.path(), MOVING_TO).unwrap();
        refuse_moved(dir.path()).unwrap();
        for (name, words) in [(MOVED_TO, "was moved to"), (MOVING_IN, "has not ended")] {
            mark.write(dir.path(), name).unwrap();
            assert_eq!(Mark::read(dir.path(), name).unwrap().as_ref(), Some(&mark));
            let refused = refuse_moved(dir.path()).unwrap_err().to_string();
            assert!(
                refused.contains(words) && refused.contains(&mark.place),
                "{refused}"
            );
            Mark::remove(dir.path(), name).unwrap();
            Mark::remove(dir.path(), name).unwrap();
            refuse_moved(dir.path()).unwrap();
        }
    }
}

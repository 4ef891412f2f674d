//! Temporary files without a name, which nobody else can read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::platform;

/// A file that ends with the process, whatever ends it.
#[derive(Debug)]
pub(crate) struct Nameless {
    file: File,
    /// Its path, where the system keeps the name of an open file.
    path: Option<PathBuf>,
}

impl Nameless {
    /// Makes an empty file in this directory; until it is open, `atrail-PURPOSE-…` is its name.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn create(dir: &Path, purpose: &str) -> io::Result<Self> {
        let path = dir.join(format!(
            "atrail-{purpose}-{}",
            uuid::Uuid::new_v4().simple()
        ));
        let file = platform::create_private(&path)?;
        let removed = std::fs::remove_file(&path);
        let path = removed.is_err().then_some(path);
        Ok(Self { file, path })
    }

    /// Returns the open file.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }
}

impl Read for Nameless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Drop for Nameless {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

//! Secrets as files in a directory.

use std::io;
use std::path::{Path, PathBuf};

use atrail_disk::durable;

use super::Secrets;

const MODE: u32 = 0o600;

/// Secrets as files in a directory, which is created with the first of them.
#[derive(Debug, Clone)]
pub struct LocalSecrets(PathBuf);

impl LocalSecrets {
    /// Returns the secrets in this directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Secrets for LocalSecrets {
    fn load(&self, name: &str) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => text.map(Some),
        }
    }

    /// (What a crash left of a write is no secret: its name begins with a dot.)
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, name: &str, text: &str) -> io::Result<()> {
        durable::create_dir(&self.0)?;
        durable::write_new(&self.path(name), text.as_bytes(), MODE)
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        durable::create_dir(&self.0)?;
        durable::replace(&self.path(name), text.as_bytes(), MODE)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        durable::rename(&self.path(from), &self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        durable::remove(&self.path(name))
    }

    fn place(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

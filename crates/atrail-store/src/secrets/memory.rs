//! Secrets in memory, for tests.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Secrets;

/// Secrets in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySecrets(Arc<Mutex<BTreeMap<String, String>>>);

impl MemorySecrets {
    /// Returns a new one with a copy of the present contents.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

impl Secrets for MemorySecrets {
    fn load(&self, name: &str) -> io::Result<Option<String>> {
        Ok(self.0.lock().get(name).cloned())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }

    fn create(&self, name: &str, text: &str) -> io::Result<()> {
        let mut secrets = self.0.lock();
        if secrets.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        secrets.insert(name.to_owned(), text.to_owned());
        Ok(())
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        self.0.lock().insert(name.to_owned(), text.to_owned());
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut secrets = self.0.lock();
        let text = secrets.remove(from).ok_or(io::ErrorKind::NotFound)?;
        secrets.insert(to.to_owned(), text);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.0.lock().remove(name);
        removed
            .map(drop)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn place(&self, name: &str) -> String {
        format!("{name} in memory")
    }
}

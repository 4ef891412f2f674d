//! Secrets sealed in a catalog that several nodes share.

use std::io;
use std::sync::Arc;

use atrail_catalog::Catalog;
use atrail_disk::StoreError;

use super::Secrets;
use super::cluster_key::ClusterKey;
use crate::beside::Beside;

/// Secrets in the catalog, each sealed under the key of the cluster: who has the database alone reads none, and makes none
/// that a node accepts.
#[derive(Debug)]
pub(crate) struct SealedSecrets {
    catalog: Catalog,
    key: Arc<ClusterKey>,
    beside: Arc<Beside>,
}

impl SealedSecrets {
    /// Returns the secrets of this catalog, whose connections no other thread uses.
    pub(crate) fn new(catalog: Catalog, key: Arc<ClusterKey>, beside: Arc<Beside>) -> Self {
        Self {
            catalog,
            key,
            beside,
        }
    }

    /// Runs work on the catalog, and waits for it.
    fn wait<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Catalog, Arc<ClusterKey>) -> F,
    ) -> io::Result<T>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.beside
            .wait(work(self.catalog.clone(), Arc::clone(&self.key)))
    }
}

fn must(is_done: bool, otherwise: io::ErrorKind) -> io::Result<()> {
    if is_done {
        Ok(())
    } else {
        Err(otherwise.into())
    }
}

impl Secrets for SealedSecrets {
    fn load(&self, name: &str) -> io::Result<Option<String>> {
        let name = name.to_owned();
        self.wait(|catalog, key| async move {
            let sealed = catalog.sealed_secret(&name).await?;
            sealed.map(|sealed| key.open(&name, &sealed)).transpose()
        })
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.wait(|catalog, _| async move { catalog.sealed_secret_names().await })
    }

    fn create(&self, name: &str, text: &str) -> io::Result<()> {
        let sealed = self.key.seal(name, text).map_err(io::Error::other)?;
        let name = name.to_owned();
        let is_new = self
            .wait(|catalog, _| async move { catalog.create_sealed_secret(&name, &sealed).await })?;
        must(is_new, io::ErrorKind::AlreadyExists)
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let sealed = self.key.seal(name, text).map_err(io::Error::other)?;
        let name = name.to_owned();
        self.wait(|catalog, _| async move { catalog.replace_sealed_secret(&name, &sealed).await })
    }

    /// (A sealing is for one name, so the text is sealed again.)
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let is_renamed = self.wait(|catalog, key| async move {
            let Some(sealed) = catalog.sealed_secret(&from).await? else {
                return Ok(false);
            };
            let again = key.seal(&to, &key.open(&from, &sealed)?)?;
            let renamed = catalog.rename_sealed_secret(&from, &sealed.nonce, &to, &again);
            renamed.await
        })?;
        must(is_renamed, io::ErrorKind::NotFound)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let name = name.to_owned();
        let is_removed =
            self.wait(|catalog, _| async move { catalog.remove_sealed_secret(&name).await })?;
        must(is_removed, io::ErrorKind::NotFound)
    }

    fn place(&self, name: &str) -> String {
        format!("{name} in the catalog, sealed under the key of the cluster")
    }
}

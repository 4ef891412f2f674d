//! The parts of a place that a migration copies, wherever they are.

use std::path::Path;
use std::sync::Arc;

use atrail_archive::{Blobs, LocalBlobs};
use atrail_catalog::Catalog;
use atrail_disk::Result;
use atrail_disk::data_dir::{ARCHIVE, CATALOG, INDEX, KEYS, RUNS};

use crate::dedup::runs::Runs;
use crate::dedup::runs::local::LocalRuns;
use crate::parts::Parts;
use crate::secrets::{LocalSecrets, Secrets};
use crate::signing::checkpoints::Checkpoints;
use crate::signing::checkpoints::local::LocalCheckpoints;

/// What is copied, or where it is copied to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) catalog: Catalog,
    pub(super) secrets: Arc<dyn Secrets>,
    pub(super) checkpoints: Arc<dyn Checkpoints>,
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) index: Arc<dyn Blobs>,
    pub(super) runs: Arc<dyn Runs>,
}

impl Place {
    /// Returns what these parts have, and this catalog of theirs.
    pub(super) fn of_parts(parts: &Parts, catalog: Catalog) -> Self {
        Self {
            catalog,
            secrets: Arc::clone(&parts.secrets),
            checkpoints: Arc::clone(&parts.checkpoints),
            blobs: Arc::clone(&parts.blobs),
            index: Arc::clone(&parts.index),
            runs: Arc::clone(&parts.runs),
        }
    }

    /// Opens a directory that is being filled. The caller has its lock.
    pub(super) async fn of_directory(dir: &Path) -> Result<Self> {
        Ok(Self {
            secrets: Arc::new(LocalSecrets::new(&dir.join(KEYS))),
            checkpoints: Arc::new(LocalCheckpoints::open(dir)?),
            blobs: Arc::new(LocalBlobs::open(&dir.join(ARCHIVE))?),
            index: Arc::new(LocalBlobs::open(&dir.join(INDEX))?),
            runs: Arc::new(LocalRuns::open(&dir.join(RUNS))?),
            // No log is begun in it here: all of them are copied, with their keys.
            catalog: Catalog::open(&dir.join(CATALOG), String::new()).await?,
        })
    }
}

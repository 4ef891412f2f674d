//! Makes the index anew, and checks it.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_catalog::index_files::IndexFileRow;
use atrail_disk::{Priority, Result, StoreError, joined, spawn_low};
use atrail_model::Target;

use super::IndexProgress;
use crate::Store;
use crate::core::Core;
use crate::search::Unopened;

/// Files of one query of the catalog.
const PAGE: u32 = 256;

/// What a check of the index found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexCheck {
    /// Files that were read to their end.
    pub files: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// The events in them.
    pub events: u64,
    /// Files that do not answer, by their paths below the data directory, each with the fault. Searches read the lines of
    /// their events; the server makes them anew.
    pub damaged: Vec<(String, String)>,
}

impl Store {
    /// Makes the index of a target, or of everything, anew, and returns what it lacks then. Searches read lines meanwhile.
    /// It completes even when nobody waits for it any longer.
    ///
    /// # Errors
    /// `Conflict` when the index is switched off, or when the catalog or the disk fails.
    pub async fn rebuild_index(&self, target: Option<Target>) -> Result<IndexProgress> {
        if !self.core.settings.search.is_on {
            return Err(StoreError::Conflict(
                "the search index is switched off".to_owned(),
            ));
        }
        let core = Arc::clone(&self.core);
        let work = tokio::spawn(async move { core.rebuild_index(target).await });
        joined(work).await
    }

    /// Brings the index up to date now, as the background does, and returns what it lacks then.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn update_index(&self) -> Result<IndexProgress> {
        let core = Arc::clone(&self.core);
        let work = tokio::spawn(async move {
            core.index_everything().await?;
            Ok(core.indexing.progress())
        });
        joined(work).await
    }

    /// Reads every file of the index to its end, and checks each of its bytes. Those that are damaged are left out of
    /// searches from then on, and are made anew.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn verify_index(&self) -> Result<IndexCheck> {
        let mut check = IndexCheck::default();
        let mut after = String::new();
        loop {
            let page = self.core.catalog.index_files_after(&after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(check);
            };
            after.clone_from(&last.path);
            for row in page {
                let fault = self.core.check_index_file(&row).await?;
                // Others may have taken its place meanwhile.
                let fault = match fault {
                    Some(why) if self.core.catalog.has_index_file(&row.path).await? => Some(why),
                    _ => None,
                };
                match fault {
                    None => {
                        check.files += 1;
                        check.size_bytes += row.size_bytes;
                        check.events += row.events;
                    }
                    Some(why) => {
                        self.core.index_cache.note_bad(&row.path, &why);
                        check.damaged.push((row.path, why));
                    }
                }
            }
        }
    }
}

impl Core {
    async fn rebuild_index(self: &Arc<Self>, target: Option<Target>) -> Result<IndexProgress> {
        let domains: Option<HashSet<_>> = match target {
            None => None,
            Some(target) => {
                let rows = self.catalog.domains_of(target).await?;
                Some(rows.into_iter().map(|row| row.domain).collect())
            }
        };
        let mut after = String::new();
        loop {
            let page = self.catalog.index_files_after(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.path);
            let is_wanted = |row: &IndexFileRow| {
                domains
                    .as_ref()
                    .is_none_or(|domains| domains.contains(&row.domain))
            };
            let paths = page.iter().filter(|row| is_wanted(row));
            let paths: Vec<_> = paths.map(|row| row.path.clone()).collect();
            if !paths.is_empty() {
                self.drop_index_files(&paths).await?;
            }
        }
        self.index_everything().await?;
        Ok(self.indexing.progress())
    }

    /// Reads a file to its end; returns its fault, if it has one.
    async fn check_index_file(self: &Arc<Self>, row: &IndexFileRow) -> Result<Option<String>> {
        let (core, row) = (Arc::clone(self), row.clone());
        let path = row.path.clone();
        let checked = spawn_low(Priority::Lowest, move || {
            let (file, source) = core.index_cache.open_anew(&*core.index, &row)?;
            file.check(&source)
                .map_err(|error| Unopened::Bad(error.to_string()))
        });
        match checked.await.map_err(|_| StoreError::Panicked)? {
            Ok(()) => Ok(None),
            Err(Unopened::Bad(why)) => Ok(Some(why)),
            Err(Unopened::Away) => Err(StoreError::Away {
                what: format!("read {path}"),
                source: "the bucket does not answer".into(),
            }),
        }
    }
}

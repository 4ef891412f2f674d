//! The directory of the index belongs to a catalog: it has a mark that the catalog names.
//!
//! A backup has no index, and neither has a catalog that was made anew. Where the mark is missing, the files of the rows are
//! missing too, or are of another catalog: the index begins anew.

use atrail_disk::{ErrorKind, Result, chain};
use atrail_model::ObjectId;
use bytes::Bytes;

use crate::core::Core;

impl Core {
    /// Finds the index's directory, or begins a new index in it. When this fails, the background tries again; until then
    /// no file counts.
    pub(crate) async fn find_index(&self) {
        if !self.settings.search.is_on {
            return;
        }
        if let Err(error) = self.try_find_index().await {
            tracing::warn!(
                error = chain(&error),
                "the search index cannot be used; the server tries again"
            );
        }
    }

    async fn try_find_index(&self) -> Result<()> {
        if let Some(mark) = self.catalog.index_mark().await? {
            match self.index.open(&mark, None).await {
                Ok(_) => {
                    self.indexing.note_found();
                    return Ok(());
                }
                // Nobody knows whether the index is there.
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(_) => {}
            }
        }
        let mark = format!("mark-{}", ObjectId::generate());
        self.index.clear().await?;
        self.index.put(&mark, Bytes::from_static(b"\n")).await?;
        self.index.settle(std::slice::from_ref(&mark)).await?;
        self.catalog.begin_index(&mark).await?;
        self.indexing.note_found();
        Ok(())
    }
}

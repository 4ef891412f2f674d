//! Reading the chunks of a download from its objects, each checked before its first byte.

use std::sync::Arc;

use atrail_model::ObjectId;
use bytes::Bytes;

use super::{Chunk, Plan};
use crate::blobs::Reader;
use crate::error::Result;
use crate::object::EMPTY_MEMBER;
use crate::store::Core;

/// Reads chunks, keeping the object at hand open.
pub(super) struct Source {
    core: Arc<Core>,
    plan: Arc<Plan>,
    /// Where the range ends.
    end: u64,
    /// The object at hand, and where its bytes begin in what is open.
    open: tokio::sync::Mutex<Option<(ObjectId, Reader, u64)>>,
}

impl Source {
    pub(super) fn new(core: Arc<Core>, plan: Arc<Plan>, end: u64) -> Self {
        Self {
            core,
            plan,
            end,
            open: tokio::sync::Mutex::default(),
        }
    }

    pub(super) async fn read(&self, chunk: Chunk) -> Result<Bytes> {
        let part = self.plan.parts[chunk.part];
        let Some(object) = part.object else {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(EMPTY_MEMBER.len());
            return Ok(
                Bytes::from_static(&EMPTY_MEMBER).slice(at(chunk.range.start)..at(chunk.range.end))
            );
        };
        let (reader, start) = self.reader(chunk.part, object).await?;
        let start = start + part.offset;
        reader
            .read(start + chunk.range.start..start + chunk.range.end)
            .await
    }

    /// The object's bytes, and where in the reader they begin: elsewhere than at its beginning when it was compacted.
    async fn reader(&self, part: usize, object: ObjectId) -> Result<(Reader, u64)> {
        let mut open = self.open.lock().await;
        if let Some((_, reader, start)) = open.as_ref().filter(|(id, ..)| *id == object) {
            return Ok((reader.clone(), *start));
        }
        let (reader, start) = self.core.checked_reader(object).await?;
        *open = Some((object, reader.clone(), start));
        self.check_ahead(part + 1);
        Ok((reader, start))
    }

    /// Checks the next object while this one is being sent, so that the check costs no pause.
    fn check_ahead(&self, part: usize) {
        let next = self.plan.parts.get(part);
        let Some(object) = next
            .filter(|next| next.start < self.end)
            .and_then(|next| next.object)
        else {
            return;
        };
        let core = Arc::clone(&self.core);
        // What is wrong with it is told by whoever reads it.
        drop(tokio::spawn(
            async move { core.checked_reader(object).await },
        ));
    }
}

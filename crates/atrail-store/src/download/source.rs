//! Reading the chunks of a download from its objects, each checked before its first byte.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atrail_model::ObjectId;
use bytes::Bytes;
use parking_lot::Mutex;

use super::plan::{Chunk, Piece, Plan};
use crate::catalog::compaction::LOCATED_AT_ONCE;
use crate::core::Core;
use crate::error::Result;
use crate::object::{EMPTY_MEMBER, Location};
use crate::reader::Reader;
use crate::verified::{self, OpenObject, ReadFrom, SMALL_BYTES};

/// Reads chunks, keeping the object at hand open.
pub(super) struct Source {
    core: Arc<Core>,
    plan: Arc<Plan>,
    /// Where the range ends.
    end: u64,
    /// The file from which bytes were read together last.
    last_file: Mutex<Option<OpenObject>>,
    /// Where objects lie of which bytes were read together, and those that come next.
    located: tokio::sync::Mutex<HashMap<ObjectId, Location>>,
    /// The object from which a piece was read alone last, and where its bytes begin in what is open.
    checked: tokio::sync::Mutex<Option<(ObjectId, Reader, u64)>>,
    /// The part after those of the furthest chunk that was begun.
    next_part: AtomicUsize,
}

impl Source {
    pub(super) fn new(core: Arc<Core>, plan: Arc<Plan>, end: u64) -> Self {
        Self {
            core,
            plan,
            end,
            last_file: Mutex::default(),
            located: tokio::sync::Mutex::default(),
            checked: tokio::sync::Mutex::default(),
            next_part: AtomicUsize::default(),
        }
    }

    /// The bytes of a chunk. Where they cannot be read to the end: those before, and then why.
    pub(super) async fn read(&self, chunk: Chunk) -> Vec<Result<Bytes>> {
        self.check_ahead(&chunk);
        match self.read_together(&chunk).await {
            Ok(Some(bytes)) => return vec![Ok(bytes)],
            Ok(None) => {}
            Err(error) => return vec![Err(error)],
        }
        let mut read = Vec::with_capacity(chunk.len());
        for piece in &chunk {
            read.push(self.read_piece(piece).await);
            if read.last().is_some_and(Result::is_err) {
                break;
            }
        }
        read
    }

    /// All pieces at once, if their objects are known to be sound, or so small that this is soon known.
    async fn read_together(&self, chunk: &Chunk) -> Result<Option<Bytes>> {
        let Some(pieces) = self.located(chunk).await? else {
            return Ok(None);
        };
        let mut file = self.last_file.lock().take();
        // A turn of another thread costs more than what is copied from the page cache.
        let since = self.plan.made;
        let mut read = self
            .core
            .read_quickly(&pieces, ReadFrom::Memory, since, &mut file);
        if read.is_none() {
            let core = Arc::clone(&self.core);
            let turn = move || {
                let read = core.read_quickly(&pieces, ReadFrom::Disk, since, &mut file);
                (read, file)
            };
            (read, file) = tokio::task::spawn_blocking(turn).await.unwrap_or_default();
        }
        if read.is_some() {
            *self.last_file.lock() = file;
            // Two files would be open for whoever does not take the bytes.
            if let Ok(mut checked) = self.checked.try_lock() {
                *checked = None;
            }
        }
        Ok(read)
    }

    /// Where the pieces of a chunk lie, or lay shortly before; `None` when one of them is of no object that the archive has. One
    /// look into the catalog tells it of those that come next, too.
    async fn located(&self, chunk: &Chunk) -> Result<Option<Vec<verified::Piece>>> {
        // For the whole chunk: chunks that are read at once would take turns, each forgetting what the other has just learned.
        let mut located = self.located.lock().await;
        let mut pieces = Vec::with_capacity(chunk.len());
        for piece in chunk {
            let part = self.plan.parts[piece.part];
            let Some(object) = part.object else {
                return Ok(None);
            };
            if !located.contains_key(&object) {
                let next = self.plan.parts[piece.part..].iter().take(LOCATED_AT_ONCE);
                let next = next.take_while(|next| next.start < self.end);
                let ids: Vec<_> = next.filter_map(|next| next.object).collect();
                *located = self.core.catalog.locate(&ids).await?;
            }
            let Some(location) = located.get(&object).cloned() else {
                return Ok(None);
            };
            pieces.push(verified::Piece {
                location,
                range: part.offset + piece.range.start..part.offset + piece.range.end,
            });
        }
        Ok(Some(pieces))
    }

    async fn read_piece(&self, piece: &Piece) -> Result<Bytes> {
        let part = self.plan.parts[piece.part];
        let Some(object) = part.object else {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(EMPTY_MEMBER.len());
            return Ok(
                Bytes::from_static(&EMPTY_MEMBER).slice(at(piece.range.start)..at(piece.range.end))
            );
        };
        let (reader, start) = self.reader(object).await?;
        let start = start + part.offset;
        reader
            .read(start + piece.range.start..start + piece.range.end)
            .await
    }

    /// The object's bytes, and where in the reader they begin: elsewhere than at its beginning when it was compacted.
    async fn reader(&self, object: ObjectId) -> Result<(Reader, u64)> {
        let mut checked = self.checked.lock().await;
        if let Some((_, reader, start)) = checked.as_ref().filter(|(id, ..)| *id == object) {
            return Ok((reader.clone(), *start));
        }
        let (reader, start) = self.core.checked_reader(object, self.plan.made).await?;
        *checked = Some((object, reader.clone(), start));
        Ok((reader, start))
    }

    /// Checks the object after those of a chunk while they are being sent, so that the check costs no pause: a small one costs
    /// none.
    fn check_ahead(&self, chunk: &Chunk) {
        let Some(next) = chunk.last().map(|piece| piece.part + 1) else {
            return;
        };
        if self.next_part.fetch_max(next, Ordering::Relaxed) >= next {
            return;
        }
        let part = self.plan.parts.get(next);
        let Some(object) = part
            .filter(|part| part.start < self.end && part.length > SMALL_BYTES)
            .and_then(|part| part.object)
            .filter(|object| !self.core.verified.has(*object, self.plan.made))
        else {
            return;
        };
        let (core, since) = (Arc::clone(&self.core), self.plan.made);
        // What is wrong with it is told by whoever reads it.
        drop(tokio::spawn(async move {
            core.checked_reader(object, since).await
        }));
    }
}

//! Reads the chunks of a download from its objects, each object checked before its first byte.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atrail_archive::object::{EMPTY_MEMBER, Location};
use atrail_archive::verified::{self, OpenObject, ReadFrom, SMALL_BYTES};
use atrail_catalog::compaction::LOCATED_AT_ONCE;
use atrail_disk::{Reader, Result};
use atrail_model::ObjectId;
use bytes::Bytes;
use parking_lot::Mutex;

use super::plan::{Chunk, Piece, Plan};
use crate::core::Core;

/// Reads chunks, and keeps the last object open.
pub(super) struct Source {
    core: Arc<Core>,
    plan: Arc<Plan>,
    /// The end of the range.
    end: u64,
    /// The file of the last joint read.
    last_file: Mutex<Option<OpenObject>>,
    /// The locations of objects of the last joint read, and of the next ones.
    located: tokio::sync::Mutex<HashMap<ObjectId, Location>>,
    /// The object of the last single read, and the offset of its bytes in the open file.
    checked: tokio::sync::Mutex<Option<(ObjectId, Reader, u64)>>,
    /// The part after those of the furthest chunk so far.
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

    /// Returns the bytes of a chunk. After a failure: the bytes before it, and then the reason.
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

    /// Returns all pieces together, if their objects are known to be sound, or small enough for a quick check.
    async fn read_together(&self, chunk: &Chunk) -> Result<Option<Bytes>> {
        let Some(pieces) = self.located(chunk).await? else {
            return Ok(None);
        };
        let mut file = self.last_file.lock().take();
        // A switch to another thread costs more than copying from the page cache.
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
            // Otherwise two files would stay open for a caller that does not read the bytes.
            if let Ok(mut checked) = self.checked.try_lock() {
                *checked = None;
            }
        }
        Ok(read)
    }

    /// Returns the locations of a chunk's pieces, now or shortly before; `None` when the archive lacks one of their
    /// objects. One query of the catalog also covers the next pieces.
    async fn located(&self, chunk: &Chunk) -> Result<Option<Vec<verified::Piece>>> {
        // The lock is held for the whole chunk: otherwise chunks read at the same time would take turns, each dropping
        // the locations that the other has just looked up.
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

    /// Returns the object's bytes, and their offset in the reader: not 0 when the object was compacted.
    async fn reader(&self, object: ObjectId) -> Result<(Reader, u64)> {
        let mut checked = self.checked.lock().await;
        if let Some((_, reader, start)) = checked.as_ref().filter(|(id, ..)| *id == object) {
            return Ok((reader.clone(), *start));
        }
        let (reader, start) = self.core.checked_reader(object, self.plan.made).await?;
        *checked = Some((object, reader.clone(), start));
        Ok((reader, start))
    }

    /// Checks the object after those of a chunk while they are being sent, so that the check causes no pause: a small
    /// object needs none.
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
        // The reader of the object reports its faults.
        drop(tokio::spawn(async move {
            core.checked_reader(object, since).await
        }));
    }
}

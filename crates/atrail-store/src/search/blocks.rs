//! Reads lines of the archive by their places.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use atrail_archive::members::read_member;
use atrail_archive::object::ObjectFile;
use atrail_catalog::searching::SegmentPlace;
use atrail_disk::{ErrorKind, Reader, StoreError};
use atrail_model::{ObjectId, Recent, SegmentId};
use tokio::runtime::Handle;

use super::error::Stop;
use super::rank::Line;
use crate::core::Core;

/// Bytes of inflated blocks that one thread keeps.
const MEMORY_BYTES: usize = 4 << 20;

/// The text of a block, and where a line lies in it.
pub(super) type InText = (Arc<Vec<u8>>, Range<usize>);

/// Reads blocks in a thread of a search, and keeps the last ones.
pub(super) struct Blocks {
    core: Arc<Core>,
    /// Where the catalog's work is done.
    handle: Handle,
    places: HashMap<SegmentId, Arc<SegmentPlace>>,
    texts: Recent<(SegmentId, u64), Arc<Vec<u8>>>,
    file: Option<(ObjectId, Reader)>,
    /// The last line that was read: its block, its number, and where it begins in the block's text.
    last: Option<((SegmentId, u64), (u32, usize))>,
    /// Bytes of lines that were inflated.
    pub(super) read_bytes: u64,
}

/// Opens an object's file.
///
/// # Errors
/// `Moved` when it is missing, or another file stands there: a compaction or a deletion may have removed it.
pub(super) fn open_object(core: &Core, file: &ObjectFile) -> Result<Reader, Stop> {
    let opened = core.blobs.open_waiting(&file.path, Some(file.expected()));
    let reader = opened.map_err(|error| match error.kind() {
        ErrorKind::Unavailable => Stop::Failed(error.into()),
        _ => Stop::Moved(damaged(file, &error.to_string())),
    })?;
    let size_bytes = reader.stamp().map(|stamp| stamp.size_bytes);
    if size_bytes.as_ref().ok() != Some(&file.size_bytes) {
        let why = format!("its file does not have {} bytes", file.size_bytes);
        return Err(Stop::Failed(damaged(file, &why).into()));
    }
    Ok(reader)
}

pub(super) fn damaged(file: &ObjectFile, why: &str) -> StoreError {
    StoreError::DamagedObject {
        object: file.id,
        day: file.day,
        hour: file.hour,
        path: file.path.clone(),
        why: why.to_owned(),
    }
}

/// Returns the bytes of a line, without line feed, in a block's text. `known` is the number of a line that is not behind
/// it, and where that begins.
fn line_range(text: &[u8], known: (u32, usize), line: u32) -> Option<Range<usize>> {
    let (number, mut start) = known;
    let skipped = usize::try_from(line.checked_sub(number)?).ok()?;
    let mut ends = memchr::memchr_iter(b'\n', text.get(start..)?);
    if let Some(last) = skipped.checked_sub(1) {
        start = known.1 + ends.nth(last)? + 1;
    }
    let end = known.1 + ends.next()?;
    Some(start..end)
}

impl Blocks {
    pub(super) fn new(core: Arc<Core>, handle: Handle) -> Self {
        Self {
            core,
            handle,
            places: HashMap::new(),
            texts: Recent::new(MEMORY_BYTES),
            file: None,
            last: None,
            read_bytes: 0,
        }
    }

    /// Looks up where segments lie, in one query for all that are not known.
    pub(super) fn locate(&mut self, segments: impl Iterator<Item = SegmentId>) -> Result<(), Stop> {
        let unknown: HashSet<_> = segments
            .filter(|id| !self.places.contains_key(id))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let unknown: Vec<_> = unknown.into_iter().collect();
        let found = self
            .handle
            .block_on(self.core.catalog.places_of(&unknown))?;
        let found = found.into_iter();
        self.places
            .extend(found.map(|(id, place)| (id, Arc::new(place))));
        Ok(())
    }

    /// Reports whether the index still has a file.
    pub(super) fn has_index_file(&self, path: &str) -> Result<bool, StoreError> {
        self.handle.block_on(self.core.catalog.has_index_file(path))
    }

    /// Returns where a segment lies.
    ///
    /// # Errors
    /// `Moved` when it is not in the archive.
    pub(super) fn place(&mut self, segment: SegmentId) -> Result<Arc<SegmentPlace>, Stop> {
        self.locate(std::iter::once(segment))?;
        let place = self.places.get(&segment).cloned();
        place.ok_or_else(|| {
            Stop::Moved(StoreError::NotFound {
                what: format!("segment {segment}"),
            })
        })
    }

    /// Returns the position of a segment among those of its domain and hour, in the order in which their events arrived.
    pub(super) fn order(&mut self, segment: SegmentId) -> Result<(i64, usize), Stop> {
        let place = self.place(segment)?;
        let nth = place.segments.iter().position(|id| *id == segment);
        Ok((place.order, nth.unwrap_or(usize::MAX)))
    }

    /// Returns the text of a block, and where a line of it lies; `None` when it has no such line. Lines of one block are
    /// best read in their order.
    pub(super) fn line(&mut self, at: &Line) -> Result<Option<InText>, Stop> {
        let block = (at.segment, at.block);
        let known = match self.last {
            Some((of, known)) if of == block && known.0 <= at.line => known,
            _ => (0, 0),
        };
        let text = self.text(at)?;
        let range = line_range(&text, known, at.line);
        if let Some(range) = &range {
            self.last = Some((block, (at.line, range.start)));
        }
        Ok(range.map(|range| (text, range)))
    }

    /// Returns the lines of a block.
    fn text(&mut self, line: &Line) -> Result<Arc<Vec<u8>>, Stop> {
        let key = (line.segment, line.block);
        if let Some(text) = self.texts.get(&key) {
            return Ok(Arc::clone(text));
        }
        let text = match self.read(line) {
            // It has moved since it was looked up.
            Err(Stop::Moved(_)) => {
                self.places.clear();
                self.file = None;
                self.read(line)?
            }
            read => read?,
        };
        self.read_bytes += text.len() as u64;
        let text = Arc::new(text);
        let weight = text.len() + 128;
        self.texts.insert(key, Arc::clone(&text), weight);
        Ok(text)
    }

    fn read(&mut self, line: &Line) -> Result<Vec<u8>, Stop> {
        let place = self.place(line.segment)?;
        let file = &place.file;
        let reader = match &self.file {
            Some((open, reader)) if *open == file.id => reader.clone(),
            _ => {
                let reader = open_object(&self.core, file)?;
                self.file = Some((file.id, reader.clone()));
                reader
            }
        };
        let broken = |error: std::io::Error| {
            self.core.counters.damaged_reads.add(1);
            self.core.blobs.distrust(&file.path);
            Stop::Failed(damaged(file, &error.to_string()).into())
        };
        let starts = &self.core.starts;
        let starts = starts.of(file.id, &reader, file.size_bytes, &place.segments);
        let starts = starts.map_err(broken)?;
        let nth = place.segments.iter().position(|id| *id == line.segment);
        let start = nth.and_then(|nth| starts.get(nth)).copied().unwrap_or(0);
        let mut text = Vec::new();
        let size_bytes = u64::from(line.block_bytes);
        read_member(&reader, start + line.block, size_bytes, &mut text).map_err(broken)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_number() {
        let text = b"a\n\nbc\n";
        for known in [(0, 0), (1, 2), (2, 3)] {
            let line = |nth| line_range(text, known, nth).map(|range| &text[range]);
            for (nth, expected) in [(0, &b"a"[..]), (1, b""), (2, b"bc")] {
                let found = (nth >= known.0).then_some(expected);
                assert_eq!(line(nth), found, "{nth} from {known:?}");
            }
            assert_eq!(line(3), None);
            assert_eq!(line(9), None);
        }
    }
}

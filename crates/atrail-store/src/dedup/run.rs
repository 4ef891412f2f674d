//! One file of sorted keys: `docs/FORMAT.md` has a picture.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use atrail_disk::{Reader, crc32c};
use atrail_model::{Day, Domain, Hour, SegmentId};
use parking_lot::Mutex;

use super::filter::{BLOCK_LEN, Filter};
use super::key::{Key, guid_of};
use super::runs::{Runs, WriteAt};

const MAGIC: [u8; 8] = *b"ATRAILDR";
const VERSION: u32 = 2;
const HEADER_LEN: usize = 64;
pub(super) const ENTRY_LEN: usize = Key::LEN + 4;
/// Entries between two fences: the amount that one read covers.
const FENCE_STRIDE: u64 = 128;
/// Entries that a merge reads or writes at a time.
const CHUNK_ENTRIES: usize = 8192;

/// A key, and the index of its event's segment in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) segment: u32,
}

/// The coverage of a run; its small part, always in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of merges behind this run.
    pub(super) tier: u32,
    pub(super) entries: u64,
    /// When the last of its events was sealed, in seconds since 1970.
    pub(super) sealed_secs: i64,
    /// The domains' hours of its events, ascending, each as [`place_number`].
    pub(super) places: Vec<u64>,
    pub(super) segments: Vec<SegmentId>,
}

/// Returns an hour of a domain as one number. Two hours of one domain always differ; if hours of two domains collide, a
/// run is searched in vain.
pub(super) fn place_number(domain: Domain, day: Day, hour: Hour) -> u64 {
    let guid = guid_of(&domain).first_chunk();
    let domain = u64::from_be_bytes(*guid.expect("a GUID has sixteen bytes"));
    domain ^ u64::from(day.number() * 24 + u32::from(hour.number()))
}

/// The data for looking up a key; loaded on demand and dropped when memory is short.
#[derive(Debug)]
pub(super) struct Index {
    /// Open as long as the index is in memory: there are too many runs to keep all of them open.
    file: Reader,
    filter: Filter,
    /// The first eight bytes of every [`FENCE_STRIDE`]th key, as a big-endian number.
    fences: Vec<u64>,
}

impl Index {
    pub(super) fn size_bytes(&self) -> usize {
        self.filter.size_bytes() + self.fences.len() * 8
    }
}

/// A stored run.
#[derive(Debug)]
pub(super) struct Run {
    runs: Arc<dyn Runs>,
    pub(super) name: String,
    pub(super) head: Head,
    /// The offset of the filter, after the tables.
    index_at: u64,
    entries_at: u64,
    index: Mutex<Option<Arc<Index>>>,
    /// Until when it is not merged, because an attempt failed.
    rests_until_secs: AtomicI64,
}

impl Run {
    /// Opens a run and checks everything but its entries.
    pub(super) fn open(runs: &Arc<dyn Runs>, name: &str) -> io::Result<Self> {
        let file = runs.open(name)?;
        let mut header = [0; HEADER_LEN];
        file.fill(&mut header, 0)?;
        let layout = Layout::decode(&header).ok_or_else(|| malformed("its header"))?;
        let length = file.stamp()?.size_bytes;
        if layout.total_len() != Some(length) {
            return Err(malformed("its length"));
        }
        let mut tables = vec![0; layout.tables_len()];
        file.fill(&mut tables, HEADER_LEN as u64)?;
        if crc32c(&tables) != layout.tables_crc {
            return Err(malformed("the checksum of its tables"));
        }
        let (places, segments) = tables.split_at(layout.places as usize * 8);
        let places = places.as_chunks::<8>().0.iter();
        let segments = segments.as_chunks::<16>().0.iter();
        let run = Self {
            runs: Arc::clone(runs),
            name: name.to_owned(),
            head: Head {
                tier: layout.tier,
                entries: layout.entries,
                sealed_secs: layout.sealed_secs,
                places: places.map(|bytes| u64::from_le_bytes(*bytes)).collect(),
                segments: segments.map(|id| SegmentId::from_bytes(*id)).collect(),
            },
            index_at: layout.index_at(),
            entries_at: layout.entries_at(),
            index: Mutex::default(),
            rests_until_secs: AtomicI64::new(i64::MIN),
        };
        Ok(run)
    }

    pub(super) fn covers(&self, place: u64) -> bool {
        self.head.places.binary_search(&place).is_ok()
    }

    /// Reports whether it may be merged now, in seconds since 1970.
    pub(super) fn is_rested(&self, now_secs: i64) -> bool {
        self.rests_until_secs.load(Ordering::Relaxed) <= now_secs
    }

    /// Excludes it from merging until then.
    pub(super) fn rest_until(&self, secs: i64) {
        self.rests_until_secs.store(secs, Ordering::Relaxed);
    }

    /// Reports whether the index is in memory, so that looking up a key does not wait long.
    pub(super) fn is_loaded(&self) -> bool {
        self.index.try_lock().is_some_and(|held| held.is_some())
    }

    /// Returns the index, read when it is not in memory, and whether it was read.
    pub(super) fn index(&self) -> io::Result<(Arc<Index>, bool)> {
        let mut held = self.index.lock();
        if let Some(index) = &*held {
            return Ok((Arc::clone(index), false));
        }
        let length = usize::try_from(self.entries_at - self.index_at)
            .map_err(|_| malformed("the length of its index"))?;
        let mut bytes = vec![0; length];
        let file = self.runs.open(&self.name)?;
        file.fill(&mut bytes, self.index_at)?;
        let (body, checksum) = bytes.split_at(length - 4);
        if crc32c(body).to_le_bytes() != *checksum {
            return Err(malformed("the checksum of its index"));
        }
        let fences_len = fence_count(self.head.entries) * 8;
        let (fences, filter) = body.split_at(fences_len);
        let index = Arc::new(Index {
            file,
            filter: Filter::decode(filter).ok_or_else(|| malformed("its filter"))?,
            fences: fences
                .as_chunks::<8>()
                .0
                .iter()
                .map(|bytes| u64::from_le_bytes(*bytes))
                .collect(),
        });
        *held = Some(Arc::clone(&index));
        Ok((index, true))
    }

    /// Drops the index until the next use.
    pub(super) fn unload(&self) {
        self.index.lock().take();
    }

    /// Returns the segments that had the key's event when they were sealed. There may be several when runs were merged:
    /// an event can be stored again after its deletion, or after a seal that was not committed.
    pub(super) fn find(&self, index: &Index, key: &Key) -> io::Result<Vec<SegmentId>> {
        if !index.filter.may_contain(key) {
            return Ok(Vec::new());
        }
        let prefix = key.prefix();
        // Keys with this prefix lie after the last smaller fence, and before the first larger one.
        let first = index.fences.partition_point(|fence| *fence < prefix);
        let last = index.fences.partition_point(|fence| *fence <= prefix);
        let from = (first.saturating_sub(1) as u64) * FENCE_STRIDE;
        let to = (last as u64 * FENCE_STRIDE).min(self.head.entries);
        let entries = self.read(&index.file, from, to)?;
        let known = entries.iter().filter(|entry| entry.key == *key);
        known
            .map(|entry| {
                let segment = self.head.segments.get(entry.segment as usize).copied();
                segment.ok_or_else(|| malformed("an entry"))
            })
            .collect()
    }

    fn read(&self, file: &Reader, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let count =
            usize::try_from(to.saturating_sub(from)).map_err(|_| malformed("its length"))?;
        let mut bytes = vec![0; count * ENTRY_LEN];
        file.fill(&mut bytes, self.entries_at + from * ENTRY_LEN as u64)?;
        Ok(bytes.as_chunks().0.iter().map(decode_entry).collect())
    }

    /// Returns all entries in their order, read in chunks.
    pub(super) fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<Entry>>> {
        let file = self.runs.open(&self.name)?;
        let total = self.head.entries;
        let chunks = (0..total).step_by(CHUNK_ENTRIES).flat_map(move |from| {
            let to = (from + CHUNK_ENTRIES as u64).min(total);
            match self.read(&file, from, to) {
                Ok(entries) => entries.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            }
        });
        Ok(chunks)
    }
}

/// Writes a run. The entries come in the order of their keys, in the number that the head states.
pub(super) fn write(
    file: &mut dyn WriteAt,
    head: &Head,
    entries: impl Iterator<Item = io::Result<Entry>>,
) -> io::Result<()> {
    let mut filter = Filter::new(head.entries);
    let mut tables = Vec::new();
    for place in &head.places {
        tables.extend_from_slice(&place.to_le_bytes());
    }
    for segment in &head.segments {
        tables.extend_from_slice(segment.as_bytes());
    }
    let layout = Layout {
        tier: head.tier,
        places: length_of(&head.places)?,
        segments: length_of(&head.segments)?,
        filter_len: filter.size_bytes() as u64,
        entries: head.entries,
        sealed_secs: head.sealed_secs,
        tables_crc: crc32c(&tables),
    };
    let mut fences = Vec::with_capacity(fence_count(head.entries) * 8);
    let mut chunk = Vec::with_capacity(CHUNK_ENTRIES * ENTRY_LEN);
    let mut at = layout.entries_at();
    let mut count = 0;
    for entry in entries {
        let Entry { key, segment } = entry?;
        if count % FENCE_STRIDE == 0 {
            fences.extend_from_slice(&key.prefix().to_le_bytes());
        }
        filter.insert(&key);
        chunk.extend_from_slice(&key.0);
        chunk.extend_from_slice(&segment.to_le_bytes());
        count += 1;
        if chunk.len() == CHUNK_ENTRIES * ENTRY_LEN {
            file.write_at(&chunk, at)?;
            at += chunk.len() as u64;
            chunk.clear();
        }
    }
    if count != head.entries {
        return Err(malformed("the number of its entries"));
    }
    file.write_at(&chunk, at)?;
    let mut index = fences;
    filter.encode(&mut index);
    index.extend_from_slice(&crc32c(&index).to_le_bytes());
    file.write_at(&index, layout.index_at())?;
    file.write_at(&tables, HEADER_LEN as u64)?;
    file.write_at(&layout.encode(), 0)
}

/// The offsets of the parts of a run.
#[derive(Debug, Clone, Copy)]
struct Layout {
    tier: u32,
    places: u32,
    segments: u32,
    filter_len: u64,
    entries: u64,
    sealed_secs: i64,
    tables_crc: u32,
}

impl Layout {
    fn encode(self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&self.tier.to_le_bytes());
        out[16..20].copy_from_slice(&self.places.to_le_bytes());
        out[20..24].copy_from_slice(&self.segments.to_le_bytes());
        out[24..32].copy_from_slice(&self.filter_len.to_le_bytes());
        out[32..40].copy_from_slice(&self.entries.to_le_bytes());
        out[40..48].copy_from_slice(&self.sealed_secs.to_le_bytes());
        out[48..52].copy_from_slice(&self.tables_crc.to_le_bytes());
        let checksum = crc32c(&out[..60]);
        out[60..].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
        let is_sound =
            bytes[..8] == MAGIC && u32_at(8) == VERSION && u32_at(60) == crc32c(&bytes[..60]);
        is_sound.then(|| Self {
            tier: u32_at(12),
            places: u32_at(16),
            segments: u32_at(20),
            filter_len: u64_at(24),
            entries: u64_at(32),
            sealed_secs: u64_at(40).cast_signed(),
            tables_crc: u32_at(48),
        })
    }

    const fn tables_len(&self) -> usize {
        self.places as usize * 8 + self.segments as usize * 16
    }

    const fn index_at(&self) -> u64 {
        (HEADER_LEN + self.tables_len()) as u64
    }

    const fn entries_at(&self) -> u64 {
        self.index_at() + fence_count(self.entries) as u64 * 8 + self.filter_len + 4
    }

    /// Returns `None` for lengths that no file has.
    fn total_len(&self) -> Option<u64> {
        let entries_len = self.entries.checked_mul(ENTRY_LEN as u64)?;
        let is_possible =
            self.filter_len < 1 << 40 && self.filter_len.is_multiple_of(BLOCK_LEN as u64);
        is_possible
            .then(|| self.entries_at().checked_add(entries_len))
            .flatten()
    }
}

const fn fence_count(entries: u64) -> usize {
    entries.div_ceil(FENCE_STRIDE) as usize
}

fn decode_entry(bytes: &[u8; ENTRY_LEN]) -> Entry {
    let (key, segment) = bytes.split_at(Key::LEN);
    Entry {
        key: Key(key.try_into().expect("split there")),
        segment: u32::from_le_bytes(segment.try_into().expect("what is left")),
    }
}

fn length_of<T>(table: &[T]) -> io::Result<u32> {
    u32::try_from(table.len()).map_err(|_| malformed("the length of a table"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} is not what was written"),
    )
}

/// Corrects the checksums of a run, as far as it has the parts.
#[cfg(feature = "internals")]
pub(super) fn mend(bytes: &mut [u8]) {
    let Some(header) = bytes.first_chunk_mut::<HEADER_LEN>() else {
        return;
    };
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let checksum = crc32c(&header[..60]);
    header[60..].copy_from_slice(&checksum.to_le_bytes());
    let Some(layout) = Layout::decode(header) else {
        return;
    };
    let Some(tables) = bytes.get(HEADER_LEN..HEADER_LEN.saturating_add(layout.tables_len())) else {
        return;
    };
    let tables_crc = crc32c(tables);
    let mended = Layout {
        tables_crc,
        ..layout
    };
    bytes[..HEADER_LEN].copy_from_slice(&mended.encode());
    // Lengths that no file has must not be added up.
    if layout.total_len() != Some(bytes.len() as u64) {
        return;
    }
    let (from, to) = (layout.index_at(), layout.entries_at());
    if let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) {
        let checksum = crc32c(&bytes[from..to - 4]);
        bytes[to - 4..to].copy_from_slice(&checksum.to_le_bytes());
    }
}

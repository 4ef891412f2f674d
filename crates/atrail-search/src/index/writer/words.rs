//! The filters of words: one for about 256 KiB of lines.
//!
//! ```text
//! words = groups u32, groups * (blocks u32, length u32), groups * filter
//! ```
//! A group is the next so many blocks of the part's list. Its filter has the hash of each word, and that of each short
//! form of a word, of every name and value in its lines. Numbers are little-endian.

use crate::index::bytes::narrow;
use crate::index::filter;
use crate::index::intern::{Hashes, hash};
use crate::json::Raw;
use crate::text::{fold, words};

/// Bytes of lines after which a group ends.
const GROUP_BYTES: usize = 256 << 10;

/// The words of the lines of a part.
#[derive(Debug, Default)]
pub(super) struct Words {
    seen: Seen,
    hashes: Hashes,
    blocks: u32,
    line_bytes: usize,
    /// Blocks and length of each filter.
    groups: Vec<(u32, u32)>,
    filters: Vec<u8>,
}

impl Words {
    /// Adds a name or a value.
    pub(super) fn text(&mut self, raw: Raw<'_>) {
        if self.seen.has(raw.bytes) {
            return;
        }
        for word in words(&fold(&raw.text())) {
            self.hashes.insert(hash(word.text.as_bytes()));
            if let Some(short) = word.short {
                self.hashes.insert(hash(short.as_bytes()));
            }
        }
    }

    /// Ends a block, and with it a group that is large enough.
    pub(super) fn end_block(&mut self, line_bytes: usize) {
        self.blocks += 1;
        self.line_bytes += line_bytes;
        if self.line_bytes >= GROUP_BYTES {
            self.end_group();
        }
    }

    fn end_group(&mut self) {
        let mut hashes = self.hashes.take();
        let start = self.filters.len();
        filter::write(&mut hashes, &mut self.filters);
        self.groups
            .push((self.blocks, narrow(self.filters.len() - start)));
        self.seen.forget();
        self.blocks = 0;
        self.line_bytes = 0;
    }

    /// Returns the bytes of the filters so far.
    pub(super) fn bytes(&self) -> usize {
        self.filters.len()
    }

    /// Appends the section, and begins anew.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.blocks > 0 {
            self.end_group();
        }
        out.extend_from_slice(&narrow(self.groups.len()).to_le_bytes());
        for (blocks, length) in self.groups.drain(..) {
            out.extend_from_slice(&blocks.to_le_bytes());
            out.extend_from_slice(&length.to_le_bytes());
        }
        out.append(&mut self.filters);
    }
}

/// The longest text that is remembered.
const SEEN_MAX_BYTES: usize = 90;
/// Number of remembered texts; a power of two.
const SEEN_TEXTS: usize = 2048;

/// Texts of this group as they are written, each in the one place that it may have: most texts come again soon, and
/// their words with them.
#[derive(Debug)]
struct Seen {
    places: Vec<SeenText>,
    /// The number of this group, from 1 on.
    group: u32,
}

#[derive(Debug, Clone)]
struct SeenText {
    group: u32,
    length: u8,
    bytes: [u8; SEEN_MAX_BYTES],
}

impl Default for Seen {
    fn default() -> Self {
        let nothing = SeenText {
            group: 0,
            length: 0,
            bytes: [0; SEEN_MAX_BYTES],
        };
        Self {
            places: vec![nothing; SEEN_TEXTS],
            group: 1,
        }
    }
}

impl Seen {
    /// Reports whether a text was seen in this group and is remembered; remembers it otherwise.
    fn has(&mut self, text: &[u8]) -> bool {
        let Ok(length) = u8::try_from(text.len()) else {
            return false;
        };
        if text.len() > SEEN_MAX_BYTES {
            return false;
        }
        let place = &mut self.places[place_of(text)];
        let bytes = &mut place.bytes[..text.len()];
        if place.group == self.group && place.length == length && *bytes == *text {
            return true;
        }
        bytes.copy_from_slice(text);
        place.group = self.group;
        place.length = length;
        false
    }

    fn forget(&mut self) {
        match self.group.checked_add(1) {
            Some(group) => self.group = group,
            None => *self = Self::default(),
        }
    }
}

/// Returns the place of a text by its ends and its length, which differ enough.
fn place_of(text: &[u8]) -> usize {
    let (head, tail) = match (text.first_chunk(), text.last_chunk()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => {
            let mut bytes = [0; 8];
            bytes[..text.len()].copy_from_slice(text);
            (u64::from_le_bytes(bytes), text.len() as u64)
        }
    };
    let mixed = (head ^ tail.rotate_left(29)).wrapping_add(text.len() as u64);
    let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize % SEEN_TEXTS
}

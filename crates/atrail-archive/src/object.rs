//! The bytes of an object: a segment's lines as gzip members. `docs/FORMAT.md` has a picture. Pure.

#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod benching;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzzing;

use atrail_evidence::{Hash, LeafHash, Root, SegmentTree};
use atrail_model::{Day, Domain, Hour, ObjectId, Place, SegmentId};
use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

use crate::blobs::Expected;

/// Lines gather up to this many bytes before they become a member: the unit of compression and of random access.
pub(crate) const BLOCK_BYTES: usize = 256 << 10;
/// The level of compression without time pressure; see `docs/decisions/`.
pub const LEVEL: i32 = 6;
/// RFC 1952 §2.3.1: identification, CM = deflate, FLG, no time, no extra flags, OS unknown.
pub(crate) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
pub(crate) const FEXTRA: u8 = 4;
/// Names atrail's subfield in the extra field of a segment's first member (RFC 1952 §2.3.1.1).
pub(crate) const SUBFIELD_ID: [u8; 2] = *b"AT";
pub(crate) const SUBFIELD_VERSION: u8 = 1;

/// The one gzip member without content: the whole of a download without events.
pub const EMPTY_MEMBER: [u8; 20] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// The record of a sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its id, which the domain's log names.
    pub id: SegmentId,
    /// The domain, day and hour of its events.
    pub place: Place,
    /// The number of its events.
    pub count: u64,
    /// Bytes of its lines, line feeds not counted.
    pub size_bytes: u64,
    /// The Merkle root of its lines.
    pub root: Root,
}

/// One event in its sealed form.
#[derive(Debug, Clone)]
pub struct Line {
    /// The stored line, without line feed.
    pub line: Bytes,
    /// Its leaf hash.
    pub leaf: LeafHash,
}

/// The unsealed events of one domain and hour, in the order of their arrival.
#[derive(Debug, Clone, Default)]
pub struct HourLines {
    /// The lines.
    pub lines: Vec<Line>,
    /// Bytes of the lines, line feeds not counted.
    pub size_bytes: u64,
}

/// A new object with one segment.
#[derive(Debug)]
pub struct NewObject {
    /// The id of the object.
    pub id: ObjectId,
    /// Its path below the archive.
    pub path: String,
    /// The record of its only segment.
    pub segment: Segment,
    /// Hashes of the segment's subtrees.
    pub subtrees: Vec<Hash>,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// The expected properties of an object's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFile {
    /// The id of the object.
    pub id: ObjectId,
    /// Its path below the archive.
    pub path: String,
    /// The day of its events.
    pub day: Day,
    /// The hour of its events.
    pub hour: Hour,
    /// The length of the file.
    pub size_bytes: u64,
    /// The SHA-256 of the file.
    pub sha256: [u8; 32],
}

impl ObjectFile {
    /// Returns what its bytes must be.
    #[must_use]
    pub const fn expected(&self) -> Expected {
        Expected {
            size_bytes: self.size_bytes,
            sha256: self.sha256,
        }
    }
}

/// The location of an object's bytes: not at the beginning of a file of its own when it was compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file that holds the object.
    pub file: ObjectFile,
    /// The offset of the object's first byte in it.
    pub start: u64,
}

/// Where paths of the search index begin. Below it they are as those of objects.
pub const INDEX_PREFIX: &str = "index/";

/// Returns an object's path in the object store: readers of Hive-partitioned archives understand it.
pub fn object_path(place: Place, id: ObjectId) -> String {
    let Place { domain, day, hour } = place;
    format!("domain={domain}/date={day}/hour={hour}/{id}.ndjson.gz")
}

/// Returns the object's id from the name of its file.
#[must_use]
pub fn object_id(name: &str) -> Option<ObjectId> {
    name.strip_suffix(".ndjson.gz")?.parse().ok()
}

/// Returns the domain of an object's path, or of a path of the search index.
pub fn domain_of(path: &str) -> Option<Domain> {
    path.strip_prefix(INDEX_PREFIX)
        .unwrap_or(path)
        .strip_prefix("domain=")?
        .split('/')
        .next()?
        .parse()
        .ok()
}

/// Makes an object from an hour's lines: its record and its bytes.
pub fn build(
    place: Place,
    id: ObjectId,
    lines: &HourLines,
    level: CompressionLvl,
) -> (NewObject, Bytes) {
    let mut tree = SegmentTree::default();
    lines.lines.iter().for_each(|line| tree.push(line.leaf));
    let (root, subtrees) = tree.finish();
    let segment = Segment {
        id: SegmentId::generate(),
        place,
        count: lines.lines.len() as u64,
        size_bytes: lines.size_bytes,
        root,
    };
    let mut writer = MemberWriter {
        compressor: Compressor::new(level),
        out: Vec::new(),
    };
    let mut block = Vec::with_capacity(BLOCK_BYTES + (16 << 10));
    let mut extra = Some(subfield(&segment));
    for line in &lines.lines {
        block.extend_from_slice(&line.line);
        block.push(b'\n');
        if block.len() >= BLOCK_BYTES {
            writer.member(extra.take().as_deref(), &block);
            block.clear();
        }
    }
    if !block.is_empty() {
        writer.member(extra.take().as_deref(), &block);
    }
    let bytes = Bytes::from(writer.out);
    let object = NewObject {
        id,
        path: object_path(place, id),
        segment,
        subtrees,
        size_bytes: bytes.len() as u64,
        sha256: Sha256::digest(&bytes).into(),
    };
    (object, bytes)
}

/// Returns a segment's description of itself, by which it is found again when the catalog is lost.
fn subfield(segment: &Segment) -> Vec<u8> {
    let Segment {
        id,
        place: Place { domain, day, hour },
        count,
        size_bytes,
        root,
    } = segment;
    let (kind, guid) = match domain {
        Domain::Space(id) => (0, id.as_bytes()),
        Domain::Account(id) => (1, id.as_bytes()),
    };
    let mut out = vec![SUBFIELD_VERSION];
    out.extend_from_slice(id.as_bytes());
    out.push(kind);
    out.extend_from_slice(guid);
    out.extend_from_slice(&day.number().to_le_bytes());
    out.push(hour.number());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&size_bytes.to_le_bytes());
    out.extend_from_slice(&root.0);
    out
}

struct MemberWriter {
    compressor: Compressor,
    out: Vec<u8>,
}

impl MemberWriter {
    fn member(&mut self, subfield: Option<&[u8]>, content: &[u8]) {
        let header_at = self.out.len();
        self.out.extend_from_slice(&GZIP_HEADER);
        if let Some(data) = subfield {
            self.out[header_at + 3] = FEXTRA;
            let data_len =
                u16::try_from(data.len()).expect("a subfield of less than a hundred bytes");
            self.out.extend_from_slice(&(data_len + 4).to_le_bytes());
            self.out.extend_from_slice(&SUBFIELD_ID);
            self.out.extend_from_slice(&data_len.to_le_bytes());
            self.out.extend_from_slice(data);
        }
        let deflated_at = self.out.len();
        let bound = self.compressor.deflate_compress_bound(content.len());
        self.out.resize(deflated_at + bound, 0);
        let deflated = self
            .compressor
            .deflate_compress(content, &mut self.out[deflated_at..])
            .expect("the output has the room that the library asked for");
        self.out.truncate(deflated_at + deflated);
        self.out
            .extend_from_slice(&libdeflater::crc32(content).to_le_bytes());
        // RFC 1952 §2.3.1: the size modulo 2^32; a block holds little more than one event's limit.
        let size = u32::try_from(content.len()).expect("a block is far below 4 GiB");
        self.out.extend_from_slice(&size.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use atrail_evidence::leaf_hash;
    use atrail_model::SpaceId;
    use flate2::read::MultiGzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn place() -> Place {
        Place {
            domain: Domain::Space(SpaceId::generate()),
            day: "2017-07-24".parse().unwrap(),
            hour: Hour::new(7).unwrap(),
        }
    }

    fn hour_of(lines: &[Vec<u8>]) -> HourLines {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| Line {
                line: Bytes::copy_from_slice(line),
                leaf: leaf_hash(line),
            })
            .collect();
        let size_bytes = lines.iter().map(|line| line.line.len() as u64).sum();
        HourLines { lines, size_bytes }
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn the_empty_member_is_an_empty_gzip_file() {
        assert_eq!(gunzip(&EMPTY_MEMBER), b"");
    }

    #[test]
    fn a_path_is_one_that_hive_readers_understand() {
        let id = ObjectId::from_bytes([1; 16]);
        let mut place = place();
        place.domain = Domain::Space(SpaceId::from_bytes([2; 16]));
        assert_eq!(
            object_path(place, id),
            "domain=space-02020202-0202-0202-0202-020202020202/date=2017-07-24/hour=07/\
             01010101-0101-0101-0101-010101010101.ndjson.gz"
        );
    }

    #[test]
    fn the_first_member_alone_describes_the_segment() {
        let lines: Vec<_> = (0..4000)
            .map(|n| format!("{{\"n\":{n},\"x\":\"{n:0200}\"}}").into_bytes())
            .collect();
        let (object, bytes) = build(
            place(),
            ObjectId::generate(),
            &hour_of(&lines),
            CompressionLvl::default(),
        );
        assert_eq!(bytes[3], FEXTRA);
        assert_eq!(&bytes[12..14], &SUBFIELD_ID);
        assert_eq!(&bytes[17..33], object.segment.id.as_bytes());
        let marks = bytes
            .windows(4)
            .filter(|w| *w == [0x1f, 0x8b, 8, 0])
            .count();
        assert!(marks >= 3, "further members are plain, found {marks}");
    }

    proptest! {
        #[test]
        fn gunzip_gives_the_lines_back(
            lines in prop::collection::vec(prop::collection::vec(b' '..=b'~', 1..5000), 1..200),
        ) {
            let (object, bytes) = build(place(), ObjectId::generate(), &hour_of(&lines), CompressionLvl::default());
            let mut expected = lines.join(&b'\n');
            expected.push(b'\n');
            prop_assert_eq!(gunzip(&bytes), expected);
            prop_assert_eq!(object.segment.count, lines.len() as u64);
            let sha256: [u8; 32] = Sha256::digest(&bytes).into();
            prop_assert_eq!(object.sha256, sha256);
        }
    }
}

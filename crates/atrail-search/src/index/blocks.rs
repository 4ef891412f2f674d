//! The list of blocks: where the lines of a part are, in the order in which their segments were added.
//!
//! ```text
//! blocks  = segments u32, segments * segment
//! segment = id [16], hour u8, index of the first event u64, blocks u32,
//!           blocks * (offset u64, length u32, lines u32)
//! ```
//! An offset is that of a gzip member, counted from the segment's first byte; a length is the member's. The index is that
//! of the first event of the first block that is listed here. Numbers are little-endian.

use atrail_model::{Hour, SegmentId};

use super::IndexError;
use super::bytes::{Bytes, narrow};

/// Bytes of a segment without its blocks.
const SEGMENT_BYTES: usize = 16 + 1 + 8 + 4;
/// Bytes of a block.
const BLOCK_BYTES: usize = 8 + 4 + 4;

/// A segment of which a part has events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its id.
    pub id: SegmentId,
    /// The hour of its events.
    pub hour: Hour,
    /// The index of the first event in its first block of this part.
    pub first_index: u64,
    /// Its blocks in this part, in order.
    pub blocks: Vec<Block>,
}

/// A block: a gzip member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Where the member begins, counted from the segment's first byte.
    pub offset: u64,
    /// The member's length in bytes.
    pub bytes: u32,
    /// The number of its lines.
    pub lines: u32,
}

/// Appends a list of blocks.
pub(super) fn write(segments: &[Segment], out: &mut Vec<u8>) {
    out.extend_from_slice(&narrow(segments.len()).to_le_bytes());
    for segment in segments {
        out.extend_from_slice(segment.id.as_bytes());
        out.push(segment.hour.number());
        out.extend_from_slice(&segment.first_index.to_le_bytes());
        out.extend_from_slice(&narrow(segment.blocks.len()).to_le_bytes());
        for block in &segment.blocks {
            out.extend_from_slice(&block.offset.to_le_bytes());
            out.extend_from_slice(&block.bytes.to_le_bytes());
            out.extend_from_slice(&block.lines.to_le_bytes());
        }
    }
}

/// Reads a list of blocks that have this number of lines.
pub(super) fn read(section: &[u8], rows: usize) -> Result<Vec<Segment>, IndexError> {
    let mut bytes = Bytes::new(section, "its list of blocks");
    let mut left = rows as u64;
    let count = bytes.count(SEGMENT_BYTES)?;
    let mut segments = Vec::with_capacity(count);
    for _ in 0..count {
        let id = SegmentId::from_bytes(bytes.array()?);
        let hour = Hour::new(bytes.u8()?).ok_or(bytes.damaged())?;
        let first_index = bytes.u64()?;
        let count = bytes.count(BLOCK_BYTES)?;
        let mut blocks = Vec::with_capacity(count);
        for _ in 0..count {
            let block = Block {
                offset: bytes.u64()?,
                bytes: bytes.u32()?,
                lines: bytes.u32()?,
            };
            left = left
                .checked_sub(block.lines.into())
                .ok_or(bytes.damaged())?;
            blocks.push(block);
        }
        first_index
            .checked_add(rows as u64)
            .ok_or(bytes.damaged())?;
        segments.push(Segment {
            id,
            hour,
            first_index,
            blocks,
        });
    }
    bytes.end()?;
    match left {
        0 => Ok(segments),
        _ => Err(bytes.damaged()),
    }
}

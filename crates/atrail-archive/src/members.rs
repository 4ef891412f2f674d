//! Reads an object member by member: the unit of compression and of random access.
//!
//! A gzip member does not state its length. Each member that atrail writes begins with the same ten bytes but for one
//! flag, so the next of these ends the one before; a coincidence inside compressed bytes does not decode, and the
//! search goes on. Members that another program wrote are decoded as a stream.

use std::io::{self, Read};
use std::ops::Range;

use atrail_disk::Reader;
use atrail_model::SegmentId;
use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;

use crate::inspect::{LINE_MAX_BYTES, described};
use crate::object::{BLOCK_BYTES, FEXTRA, GZIP_HEADER, Segment};

/// A member holds less text than this: lines gather up to the size of a block.
const TEXT_MAX_BYTES: usize = BLOCK_BYTES + LINE_MAX_BYTES;
/// Bytes that are read at a time.
const READ_AT_ONCE: usize = 512 << 10;
/// No header of a segment's first member is longer.
const HEADER_MAX_BYTES: usize = 256;
/// The shortest header and trailer (RFC 1952 §2.3).
const LEAST_MEMBER_BYTES: usize = 18;

/// A member of an object.
#[derive(Debug)]
pub struct Member<'a> {
    /// Where its first byte lies in the file.
    pub offset: u64,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// The segment that begins with it, as it describes itself.
    pub segment: Option<Segment>,
    /// Its lines, each with its line feed.
    pub text: &'a [u8],
}

/// Reads the members of a range of a file, in order.
pub struct Members {
    reader: Reader,
    /// Where the next member begins.
    at: u64,
    end: u64,
    /// Bytes of the file from `at` on, after the first `used` ones.
    window: Vec<u8>,
    used: usize,
    text: Vec<u8>,
    decompressor: Decompressor,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members")
            .field("at", &self.at)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Members {
    /// Begins at the start of a range, which is one of a member.
    #[must_use]
    pub fn of(reader: Reader, range: Range<u64>) -> Self {
        Self {
            reader,
            at: range.start,
            end: range.end,
            window: Vec::new(),
            used: 0,
            text: Vec::new(),
            decompressor: Decompressor::new(),
        }
    }

    /// Reads the next member.
    ///
    /// # Errors
    /// When the file cannot be read, or the bytes are no sound member.
    #[expect(
        clippy::should_implement_trait,
        reason = "a member borrows the reader's buffer"
    )]
    pub fn next(&mut self) -> io::Result<Option<Member<'_>>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let offset = self.at;
        let mut from = 1;
        let length = loop {
            let is_whole = self.at + self.rest().len() as u64 == self.end;
            match next_header(self.rest(), from) {
                Some(end) if self.inflate(end) => break end,
                Some(end) => from = end + 1,
                None if !is_whole => {
                    // The header may lie across the edge.
                    from = self.rest().len().saturating_sub(GZIP_HEADER.len()).max(1);
                    self.fill()?;
                }
                None if self.inflate(self.rest().len()) => break self.rest().len(),
                None => break self.decode_stream()?,
            }
        };
        let segment = extra(self.rest()).and_then(described);
        self.used += length;
        self.at += length as u64;
        Ok(Some(Member {
            offset,
            size_bytes: length as u64,
            segment,
            text: &self.text,
        }))
    }

    fn rest(&self) -> &[u8] {
        &self.window[self.used..]
    }

    fn fill(&mut self) -> io::Result<()> {
        self.window.drain(..self.used);
        self.used = 0;
        let there = self.window.len();
        let next = self.at + there as u64;
        // A long member needs few rounds.
        let more = READ_AT_ONCE.max(there) as u64;
        let more = usize::try_from(more.min(self.end - next)).map_err(io::Error::other)?;
        self.window.resize(there + more, 0);
        self.reader.fill(&mut self.window[there..], next)
    }

    /// Inflates the first bytes as one member; returns `false` when they are none.
    fn inflate(&mut self, length: usize) -> bool {
        let member = &self.window[self.used..self.used + length];
        inflate(&mut self.decompressor, member, &mut self.text)
    }

    /// Decodes the next member whatever its header is, and returns its length.
    fn decode_stream(&mut self) -> io::Result<usize> {
        while self.at + (self.rest().len() as u64) < self.end {
            self.fill()?;
        }
        self.text.clear();
        let rest = &self.window[self.used..];
        let mut decoder = GzDecoder::new(rest);
        let most = TEXT_MAX_BYTES as u64 + 1;
        (&mut decoder).take(most).read_to_end(&mut self.text)?;
        if self.text.len() > TEXT_MAX_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a member is longer than any",
            ));
        }
        Ok(rest.len() - decoder.into_inner().len())
    }
}

/// Returns where each of these segments begins in an object that has them in this order. It decodes nothing: the first
/// member of a segment names it in its header.
///
/// # Errors
/// When the file cannot be read, or does not have them.
pub fn segment_starts(
    reader: &Reader,
    size_bytes: u64,
    segments: &[SegmentId],
) -> io::Result<Vec<u64>> {
    let mut starts = Vec::with_capacity(segments.len());
    let mut window = Vec::new();
    let mut at = 0;
    while at < size_bytes && starts.len() < segments.len() {
        let more = usize::try_from((size_bytes - at).min(READ_AT_ONCE as u64));
        window.resize(more.map_err(io::Error::other)?, 0);
        reader.fill(&mut window, at)?;
        let mut from = 0;
        while let Some(header) = next_header(&window, from) {
            from = header + 1;
            let names = extra(&window[header..]).and_then(described);
            if let Some(next) = segments.get(starts.len())
                && names.is_some_and(|segment| segment.id == *next)
            {
                starts.push(at + header as u64);
            }
        }
        if at + window.len() as u64 == size_bytes {
            break;
        }
        // A header may lie across the edge.
        at += window.len().saturating_sub(HEADER_MAX_BYTES) as u64;
    }
    if starts.len() == segments.len() {
        return Ok(starts);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "its segments are not those of the catalog",
    ))
}

/// Reads one member whose place is known; its lines replace those in `text`.
///
/// # Errors
/// When the file cannot be read, or the bytes are no sound member.
pub fn read_member(
    reader: &Reader,
    offset: u64,
    size_bytes: u64,
    text: &mut Vec<u8>,
) -> io::Result<()> {
    let length = usize::try_from(size_bytes).map_err(io::Error::other)?;
    let mut member = vec![0; length];
    reader.fill(&mut member, offset)?;
    inflate_member(&member, text)
}

/// Inflates a whole member; its lines replace those in `text`.
///
/// # Errors
/// When the bytes are no sound member.
pub fn inflate_member(member: &[u8], text: &mut Vec<u8>) -> io::Result<()> {
    if inflate(&mut Decompressor::new(), member, text) {
        return Ok(());
    }
    text.clear();
    let mut decoder = GzDecoder::new(member);
    let most = TEXT_MAX_BYTES as u64 + 1;
    (&mut decoder).take(most).read_to_end(text)?;
    if text.len() > TEXT_MAX_BYTES || !decoder.into_inner().is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not one member",
        ));
    }
    Ok(())
}

/// Inflates bytes that begin with a header of atrail's and are one member. The library does not tell where a member ends:
/// of others, two with the same text could pass for one.
fn inflate(decompressor: &mut Decompressor, member: &[u8], text: &mut Vec<u8>) -> bool {
    if !is_own_header(member) {
        return false;
    }
    let Some(size) = member
        .last_chunk::<4>()
        .filter(|_| member.len() >= LEAST_MEMBER_BYTES)
    else {
        return false;
    };
    let size = u32::from_le_bytes(*size) as usize;
    if size > TEXT_MAX_BYTES {
        return false;
    }
    text.resize(size, 0);
    if decompressor.gzip_decompress(member, text) != Ok(size) {
        return false;
    }
    // The library ignores bytes behind the member: the trailer at the end of the slice must be the member's own.
    let crc = libdeflater::crc32(text).to_le_bytes();
    member[member.len() - 8..][..4] == crc
}

fn is_own_header(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..GZIP_HEADER.len()) else {
        return false;
    };
    header[..3] == GZIP_HEADER[..3]
        && matches!(header[3], 0 | FEXTRA)
        && header[4..] == GZIP_HEADER[4..]
}

/// Returns where the next header of atrail's begins, from this position on.
fn next_header(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    while let Some(found) = memchr::memmem::find(bytes.get(from..)?, &GZIP_HEADER[..3]) {
        let at = from + found;
        if bytes.len() < at + GZIP_HEADER.len() {
            return None;
        }
        if is_own_header(&bytes[at..]) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Returns the extra field of a member.
fn extra(member: &[u8]) -> Option<&[u8]> {
    let flags = *member.get(3)?;
    if flags & FEXTRA == 0 {
        return None;
    }
    let length = u16::from_le_bytes(member.get(10..12)?.try_into().ok()?);
    member.get(12..12 + usize::from(length))
}

#[cfg(test)]
mod tests;

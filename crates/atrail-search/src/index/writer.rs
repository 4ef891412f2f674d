//! Writes index files.

mod part;
mod table;
mod words;

use std::io::{self, Write};

use atrail_model::{Day, Domain, Hour, SegmentId};
use sha2::{Digest, Sha256};

use super::Footer;
use super::blocks::{Block, Segment};
use super::directory::PART_MAX_ROWS;
use part::Part;
pub(super) use part::pair;
use table::{Finished, Table};

/// Bytes of different values at which a part ends.
const PART_MAX_VALUE_BYTES: usize = 8 << 20;
/// Bytes of filters of words at which a part ends.
const PART_MAX_WORD_BYTES: usize = 4 << 20;

/// What an index file holds beside what every one holds. Both help other readers only, and are long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// A column `id`: the events' own ids (about 21 bytes an event).
    pub with_ids: bool,
    /// A column `leaf_hash`: the hashes by which receipts name events (32 bytes an event).
    pub with_leaf_hashes: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The footer, without which the file cannot be opened.
    pub footer: Footer,
    /// The length of the file.
    pub size_bytes: u64,
    /// The number of events.
    pub rows: u64,
    /// The segments whose events it has, in the order in which they were added.
    pub segments: Vec<SegmentId>,
    /// Times of the first and the last event, in microseconds since 1970, rounded down.
    pub times: Option<(i64, i64)>,
}

/// Writes one index file. Memory stays below 64 MiB whatever the number of events.
///
/// Add the segments in the order of their hours, and within an hour in the order in which they arrived, each with all of
/// its blocks in order. Then parts of the file follow each other in time, and readers for the newest events read one.
#[derive(Debug)]
pub struct Writer<W: Write + Send> {
    settings: Settings,
    domain: Domain,
    day: Day,
    part: Part,
    /// Made when the first part is complete.
    table: Option<Table<W>>,
    /// The output until then.
    out: Option<W>,
    /// The segment whose blocks are being added, and the index of the next event in it.
    segment: Option<(SegmentId, Hour, u64)>,
    segments: Vec<SegmentId>,
    rows: u64,
    /// Most rows of a part. Tests have small ones.
    pub(super) part_max_rows: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file of this domain and day.
    pub fn new(out: W, settings: Settings, domain: Domain, day: Day) -> Self {
        Self {
            settings,
            domain,
            day,
            part: Part::new(settings),
            table: None,
            out: Some(out),
            segment: None,
            segments: Vec::new(),
            rows: 0,
            part_max_rows: PART_MAX_ROWS,
        }
    }

    /// Begins a segment.
    pub fn segment(&mut self, id: SegmentId, hour: Hour) {
        self.segment = Some((id, hour, 0));
        self.segments.push(id);
    }

    /// Adds a block of the current segment: the offset of its gzip member, counted from the segment's first byte, the
    /// member's length, and its inflated lines, each with its line feed.
    ///
    /// # Errors
    /// When writing fails, or when the block has no events, or lines that are none: `InvalidData`. The file is then
    /// useless.
    ///
    /// # Panics
    /// When no segment was begun.
    pub fn block(&mut self, offset: u64, compressed_bytes: u32, lines: &[u8]) -> io::Result<()> {
        let rows = memchr::memchr_iter(b'\n', lines).count();
        if !lines.ends_with(b"\n") || rows > PART_MAX_ROWS {
            return Err(invalid("a block that is none"));
        }
        if self.part.rows() + rows > self.part_max_rows {
            self.end_part()?;
        }
        let (id, hour, index) = self.segment.expect("a block belongs to a segment");
        let first = Segment {
            id,
            hour,
            first_index: index,
            blocks: Vec::new(),
        };
        let block = Block {
            offset,
            bytes: compressed_bytes,
            lines: super::bytes::narrow(rows),
        };
        self.part.block(first, block, lines)?;
        self.segment = Some((id, hour, index + rows as u64));
        self.rows += rows as u64;
        if self.part.value_bytes() > PART_MAX_VALUE_BYTES
            || self.part.word_bytes() > PART_MAX_WORD_BYTES
        {
            self.end_part()?;
        }
        Ok(())
    }

    /// Writes the rows so far as a part of the file.
    fn end_part(&mut self) -> io::Result<()> {
        if self.part.rows() == 0 {
            return Ok(());
        }
        self.begin_table(false)?;
        let table = self.table.as_mut().expect("the table is begun above");
        table.part(&mut self.part)
    }

    /// Begins the table when there is none. `is_last` says that no part follows the one at hand.
    fn begin_table(&mut self, is_last: bool) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            let only = is_last.then_some(&self.part);
            self.table = Some(Table::begin(out, self.settings, only)?);
        }
        Ok(())
    }

    /// Completes the file, and returns the output. Nothing is synced.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self) -> io::Result<(W, Written)> {
        self.begin_table(true)?;
        self.end_part()?;
        let table = self.table.expect("the table is begun above");
        let Finished {
            out,
            footer,
            size_bytes,
            times,
        } = table.finish(self.domain, self.day)?;
        let written = Written {
            footer: Footer {
                size_bytes: super::bytes::narrow(footer.len()),
                sha256: Sha256::digest(&footer).into(),
            },
            size_bytes,
            rows: self.rows,
            segments: self.segments,
            times,
        };
        Ok((out, written))
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

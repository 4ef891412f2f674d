//! Where the events of selected rows are.

use std::sync::Arc;

use atrail_model::SegmentId;

use super::{IndexError, PartReader, Selection};

/// The times and places of selected rows: by time in microseconds, and then in the order in which their segments were
/// added.
#[derive(Debug)]
pub struct Rows {
    /// The numbers of the rows in the part, and whether they match for sure.
    rows: Vec<(u32, bool)>,
    micros: Arc<Vec<i64>>,
    lines: Arc<Vec<i64>>,
    row_blocks: Arc<Vec<u32>>,
    blocks: Vec<Place>,
}

/// A block and the index of its first event.
#[derive(Debug)]
struct Place {
    segment: SegmentId,
    first_index: u64,
    offset: u64,
    bytes: u32,
}

/// The place and time of an event in an index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The event's time in microseconds since 1970, rounded down.
    pub micros: i64,
    /// Whether the event matches for sure and lies in the range. Otherwise its line decides both.
    pub sure: bool,
    /// The segment.
    pub segment: SegmentId,
    /// The event's index in the segment, counted from 0.
    pub index: u64,
    /// The offset of its block, counted from the segment's first byte.
    pub block_offset: u64,
    /// The length of the block's gzip member.
    pub block_bytes: u32,
    /// The number of its line in the block, counted from 0.
    pub line: u32,
}

impl PartReader<'_> {
    /// Returns the times and places of the selected rows of this part.
    ///
    /// # Errors
    /// When what this reads of the file is damaged.
    pub fn rows(&mut self, selection: &Selection) -> Result<Rows, IndexError> {
        let (micros, lines) = (self.micros()?, self.lines()?);
        let row_blocks = self.row_blocks()?;
        let mut blocks = Vec::new();
        let mut line_counts = Vec::new();
        for segment in &**self.segments()? {
            let mut first_index = segment.first_index;
            for block in &segment.blocks {
                blocks.push(Place {
                    segment: segment.id,
                    first_index,
                    offset: block.offset,
                    bytes: block.bytes,
                });
                line_counts.push(i64::from(block.lines));
                first_index += u64::from(block.lines);
            }
        }
        let is_line = |row: usize| (0..line_counts[row_blocks[row] as usize]).contains(&lines[row]);
        if !selection.may.iter().all(is_line) {
            return Err(IndexError::Damaged("a row of an unknown line"));
        }
        let rows = selection.may.iter();
        let rows = rows.map(|row| (super::bytes::narrow(row), selection.sure.has(row)));
        Ok(Rows {
            rows: rows.collect(),
            micros,
            lines,
            row_blocks,
            blocks,
        })
    }
}

impl Rows {
    /// Returns their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Reports whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the time of the row of this number in microseconds since 1970, rounded down.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn micros(&self, nth: usize) -> i64 {
        self.micros[self.rows[nth].0 as usize]
    }

    /// Returns the row of this number, counted from 0.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn get(&self, nth: usize) -> Row {
        let (row, sure) = self.rows[nth];
        let row = row as usize;
        let line = self.lines[row].cast_unsigned();
        let block = &self.blocks[self.row_blocks[row] as usize];
        Row {
            micros: self.micros[row],
            sure,
            segment: block.segment,
            index: block.first_index + line,
            block_offset: block.offset,
            block_bytes: block.bytes,
            line: u32::try_from(line).expect("a line of its block, as was checked"),
        }
    }

    /// Returns the rows in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row> + ExactSizeIterator {
        (0..self.len()).map(|nth| self.get(nth))
    }
}

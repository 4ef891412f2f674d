//! Reads a part of an index file: each column and section at most once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use atrail_model::SegmentId;

use super::bits::Bits;
use super::blocks::{self, Segment};
use super::bytes::Bytes;
use super::columns::{COLUMNS, LINE_COLUMN, OFFSET_COLUMN, SEGMENT_COLUMN, TIME_COLUMN};
use super::directory::{BLOCKS, PAIRS, UNUSUAL, WORDS, rules};
use super::filter::Filter;
use super::page::{self, CodedNumbers, Strings};
use super::{IndexError, IndexFile, Source, unusual};

/// Reads a part of an index file, and keeps what it has read. Its memory stays below 32 MiB.
#[derive(Debug)]
pub struct PartReader<'a> {
    file: &'a IndexFile,
    source: Reader<'a>,
    part: usize,
    rows: usize,
    micros: Option<Arc<Vec<i64>>>,
    lines: Option<Arc<Vec<i64>>>,
    columns: Vec<Option<Option<Arc<Strings>>>>,
    unusual: Option<Arc<BTreeMap<usize, Bits>>>,
    segments: Option<Arc<Vec<Segment>>>,
    row_blocks: Option<Arc<Vec<u32>>>,
    pairs: Option<Option<Arc<Vec<u8>>>>,
    words: Option<Option<Arc<Words>>>,
}

/// A source, which has nothing to show.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a dyn Source);

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl IndexFile {
    /// Begins to read a part.
    ///
    /// # Panics
    /// When there is no such part.
    #[must_use]
    pub fn part<'a>(&'a self, source: &'a dyn Source, part: usize) -> PartReader<'a> {
        PartReader {
            file: self,
            source: Reader(source),
            part,
            rows: self.directory().parts[part].rows as usize,
            micros: None,
            lines: None,
            columns: vec![None; COLUMNS.len()],
            unusual: None,
            segments: None,
            row_blocks: None,
            pairs: None,
            words: None,
        }
    }
}

impl PartReader<'_> {
    pub(super) fn row_count(&self) -> usize {
        self.rows
    }

    /// Returns the earliest and the latest time, in microseconds.
    pub(super) fn span(&self) -> (i64, i64) {
        let part = &self.file.directory().parts[self.part];
        (part.first_micros, part.last_micros)
    }

    /// Reports whether some time has digits below the microsecond.
    pub(super) fn is_finer(&self) -> bool {
        self.file.directory().finer
    }

    /// Returns the segments of which the part has events, and their blocks, in the order in which they were added.
    ///
    /// # Errors
    /// When this part of the file is damaged.
    pub fn segments(&mut self) -> Result<Arc<Vec<Segment>>, IndexError> {
        if self.segments.is_none() {
            let section = self.section(BLOCKS)?;
            let section = section.ok_or(IndexError::Damaged("its list of blocks is missing"))?;
            self.segments = Some(Arc::new(blocks::read(&section, self.rows)?));
        }
        Ok(self.segments.clone().expect("it is read above"))
    }

    /// Returns the times of the rows in microseconds. They ascend.
    pub(super) fn micros(&mut self) -> Result<Arc<Vec<i64>>, IndexError> {
        if self.micros.is_none() {
            let micros = self.numbers(TIME_COLUMN)?;
            if !micros.is_sorted()
                || micros.first().zip(micros.last()).map(|(a, b)| (*a, *b)) != Some(self.span())
            {
                return Err(IndexError::Damaged("its times"));
            }
            self.micros = Some(Arc::new(micros));
        }
        Ok(self.micros.clone().expect("it is read above"))
    }

    /// Returns the numbers of the rows' lines in their blocks.
    pub(super) fn lines(&mut self) -> Result<Arc<Vec<i64>>, IndexError> {
        if self.lines.is_none() {
            self.lines = Some(Arc::new(self.numbers(LINE_COLUMN)?));
        }
        Ok(self.lines.clone().expect("it is read above"))
    }

    fn numbers(&self, column: &str) -> Result<Vec<i64>, IndexError> {
        let chunk = self.file.chunk(self.source.0, self.part, column)?;
        let (chunk, codec) = chunk.ok_or(IndexError::Damaged("a column is missing"))?;
        page::numbers(&chunk, codec, self.rows).map_err(IndexError::Damaged)
    }

    /// Returns a column of values; `None` when the file has no such column.
    pub(super) fn column(&mut self, number: usize) -> Result<Option<Arc<Strings>>, IndexError> {
        if self.columns[number].is_none() {
            let name = COLUMNS[number].name;
            let chunk = self.file.chunk(self.source.0, self.part, name)?;
            let strings = chunk.map(|(chunk, codec)| page::strings(&chunk, codec, self.rows, true));
            let strings = strings.transpose().map_err(IndexError::Damaged)?;
            self.columns[number] = Some(strings.map(Arc::new));
        }
        Ok(self.columns[number].clone().expect("it is read above"))
    }

    /// Returns the rows that a field's column does not decide.
    pub(super) fn unusual(&mut self) -> Result<Arc<BTreeMap<usize, Bits>>, IndexError> {
        if self.unusual.is_none() {
            let section = self.section(UNUSUAL)?;
            let rows = section.map(|section| unusual::read(&section, self.rows));
            self.unusual = Some(Arc::new(rows.transpose()?.unwrap_or_default()));
        }
        Ok(self.unusual.clone().expect("it is read above"))
    }

    /// Reports whether the part may have a field with this folded value, by the hash of both.
    pub(super) fn may_have_pair(&mut self, hash: u64) -> Result<bool, IndexError> {
        if self.pairs.is_none() {
            let section = self.filters(PAIRS)?;
            self.pairs = Some(section.map(Arc::new));
        }
        let Some(Some(section)) = &self.pairs else {
            return Ok(true);
        };
        let filter = Filter::read(section).ok_or(IndexError::Damaged("its filter of values"))?;
        Ok(filter.may_have(hash))
    }

    /// Returns the blocks that may have all of these words, a flag each; `None` when the file cannot tell.
    pub(super) fn blocks_with(&mut self, words: &[u64]) -> Result<Option<Vec<bool>>, IndexError> {
        if self.words.is_none() {
            let blocks = self
                .segments()?
                .iter()
                .map(|segment| segment.blocks.len())
                .sum();
            let section = self.filters(WORDS)?;
            let groups = section.map(|section| Words::read(section, blocks));
            self.words = Some(groups.transpose()?.map(Arc::new));
        }
        match &self.words {
            Some(Some(groups)) => groups.blocks_with(words).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns filters, unless they were made by other rules of folding and words.
    fn filters(&self, kind: u8) -> Result<Option<Vec<u8>>, IndexError> {
        match self.file.directory().rules == rules() {
            true => self.section(kind),
            false => Ok(None),
        }
    }

    fn section(&self, kind: u8) -> Result<Option<Vec<u8>>, IndexError> {
        self.file.section(self.source.0, self.part, kind)
    }

    /// Returns the rows' blocks, by their numbers in the part.
    pub(super) fn row_blocks(&mut self) -> Result<Arc<Vec<u32>>, IndexError> {
        if self.row_blocks.is_none() {
            self.row_blocks = Some(Arc::new(self.find_row_blocks()?));
        }
        Ok(self.row_blocks.clone().expect("it is read above"))
    }

    fn find_row_blocks(&mut self) -> Result<Vec<u32>, IndexError> {
        let segments = self.segments()?;
        let chunk = |column| {
            let chunk = self.file.chunk(self.source.0, self.part, column)?;
            chunk.ok_or(IndexError::Damaged("a column is missing"))
        };
        let (bytes, codec) = chunk(SEGMENT_COLUMN)?;
        let ids = page::strings(&bytes, codec, self.rows, false).map_err(IndexError::Damaged)?;
        let (bytes, codec) = chunk(OFFSET_COLUMN)?;
        let offsets = page::coded_numbers(&bytes, codec, self.rows);
        let offsets = offsets.map_err(IndexError::Damaged)?;
        let mut places = HashMap::new();
        let mut number = 0;
        for segment in &**segments {
            for block in &segment.blocks {
                places.insert((segment.id, block.offset.cast_signed()), number);
                number += 1;
            }
        }
        find_blocks(&ids, &offsets, &places)
    }
}

/// Returns the block of each row.
fn find_blocks(
    ids: &Strings,
    offsets: &CodedNumbers,
    places: &HashMap<(SegmentId, i64), u32>,
) -> Result<Vec<u32>, IndexError> {
    let unknown = || IndexError::Damaged("a row of an unknown block");
    let segments = (0..ids.values()).map(|code| {
        let id = ids.text(super::bytes::narrow(code)).parse::<SegmentId>();
        id.map_err(|_| unknown())
    });
    let segments = segments.collect::<Result<Vec<_>, _>>()?;
    let mut found: HashMap<(u32, u32), u32> = HashMap::new();
    let mut last = None;
    let mut out = Vec::with_capacity(ids.codes.len());
    for (&segment, &offset) in ids.codes.iter().zip(&offsets.codes) {
        let block = match last {
            Some((codes, block)) if codes == (segment, offset) => block,
            _ => match found.get(&(segment, offset)) {
                Some(block) => *block,
                None => {
                    let place = (segments[segment as usize], offsets.numbers[offset as usize]);
                    let block = *places.get(&place).ok_or_else(unknown)?;
                    found.insert((segment, offset), block);
                    block
                }
            },
        };
        last = Some(((segment, offset), block));
        out.push(block);
    }
    Ok(out)
}

/// The filters of words of a part.
#[derive(Debug)]
struct Words {
    section: Vec<u8>,
    /// Of each group, the number of blocks, and where its filter is.
    groups: Vec<(usize, std::ops::Range<usize>)>,
}

impl Words {
    /// Reads the section of a part with this number of blocks.
    fn read(section: Vec<u8>, blocks: usize) -> Result<Self, IndexError> {
        let mut bytes = Bytes::new(&section, "its filters of words");
        let count = bytes.count(8)?;
        let mut at = 4 + 8 * count;
        let mut left = blocks;
        let mut groups = Vec::with_capacity(count);
        for _ in 0..count {
            let blocks = bytes.u32()? as usize;
            let end = at + bytes.u32()? as usize;
            left = left.checked_sub(blocks).ok_or(bytes.damaged())?;
            groups.push((blocks, at..end));
            at = end;
        }
        match at == section.len() && left == 0 {
            true => Ok(Self { section, groups }),
            false => Err(IndexError::Damaged("its filters of words")),
        }
    }

    fn blocks_with(&self, words: &[u64]) -> Result<Vec<bool>, IndexError> {
        let mut out = Vec::new();
        for (blocks, range) in &self.groups {
            let bytes = &self.section[range.clone()];
            let filter = Filter::read(bytes);
            let filter = filter.ok_or(IndexError::Damaged("its filters of words"))?;
            let has_all = words.iter().all(|word| filter.may_have(*word));
            out.resize(out.len() + blocks, has_all);
        }
        Ok(out)
    }
}

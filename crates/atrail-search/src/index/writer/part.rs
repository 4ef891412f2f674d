//! The rows of a part while they gather.

use std::io;

use atrail_model::Timestamp;
use atrail_model::event::read_event_time;

use super::words::Words;
use super::{Settings, invalid};
use crate::index::blocks::{Block, Segment};
use crate::index::columns::{COLUMNS, FIELDS, ID, VALUE_MAX_BYTES, folded};
use crate::index::extract::{Facts, Found, facts, paths};
use crate::index::intern::{Hashes, Interner, hash};
use crate::index::page::NO_VALUE;
use crate::json::Paths;
use crate::text::fold;

/// The rows of a part, in the order in which they came.
#[derive(Debug)]
pub(super) struct Part {
    settings: Settings,
    paths: Paths,
    names: Vec<String>,
    pub(super) micros: Vec<i64>,
    pub(super) columns: Vec<Coded>,
    /// Each row's block, by its number in the part, and its line.
    pub(super) places: Vec<(u32, u32)>,
    pub(super) segments: Vec<Segment>,
    /// Rows whose columns do not tell everything, by fields.
    pub(super) unusual: [Vec<u32>; FIELDS],
    pub(super) words: Words,
    pub(super) pairs: Hashes,
    /// The events' ids, when they are a column.
    pub(super) ids: Vec<Option<Box<str>>>,
    id_bytes: usize,
    pub(super) leaf_hashes: Vec<[u8; 32]>,
    /// Whether some time has digits below the microsecond.
    pub(super) finer: bool,
    blocks: u32,
}

/// A column: a code a row, and the values of the codes.
#[derive(Debug, Default)]
pub(super) struct Coded {
    pub(super) codes: Vec<u32>,
    pub(super) values: Interner,
}

impl Part {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            paths: paths(),
            names: (0..FIELDS).map(folded).collect(),
            micros: Vec::new(),
            columns: COLUMNS.iter().map(|_| Coded::default()).collect(),
            places: Vec::new(),
            segments: Vec::new(),
            unusual: Default::default(),
            words: Words::default(),
            pairs: Hashes::default(),
            ids: Vec::new(),
            id_bytes: 0,
            leaf_hashes: Vec::new(),
            finer: false,
            blocks: 0,
        }
    }

    /// Forgets the rows, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.micros.clear();
        for column in &mut self.columns {
            column.codes.clear();
            column.values.clear();
        }
        self.places.clear();
        self.segments.clear();
        self.unusual.iter_mut().for_each(Vec::clear);
        self.ids.clear();
        self.id_bytes = 0;
        self.leaf_hashes.clear();
        self.blocks = 0;
    }

    pub(super) fn rows(&self) -> usize {
        self.micros.len()
    }

    /// Returns the bytes of all different values.
    pub(super) fn value_bytes(&self) -> usize {
        let columns = self.columns.iter();
        let values: usize = columns.map(|column| column.values.texts().len()).sum();
        values + self.id_bytes
    }

    pub(super) fn word_bytes(&self) -> usize {
        self.words.bytes()
    }

    /// Adds the lines of a block. `segment` is its segment, as if this were the segment's first block here.
    pub(super) fn block(&mut self, segment: Segment, block: Block, lines: &[u8]) -> io::Result<()> {
        match self.segments.last_mut() {
            Some(last) if last.id == segment.id => last.blocks.push(block),
            _ => self.segments.push(Segment {
                blocks: vec![block],
                ..segment
            }),
        }
        let mut start = 0;
        for (number, end) in (0..).zip(memchr::memchr_iter(b'\n', lines)) {
            self.line(&lines[start..end])?;
            self.places.push((self.blocks, number));
            start = end + 1;
        }
        self.blocks += 1;
        self.words.end_block(lines.len());
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let words = &mut self.words;
        let facts = facts(line, &self.paths, |text| words.text(text));
        let time = facts.time.and_then(|time| read_event_time(&time.text()));
        let time = time.ok_or(invalid("an event without a time"))?;
        let row = super::super::bytes::narrow(self.micros.len());
        let micros = self.micros_of(time);
        self.micros.push(micros);
        for (field, found) in facts.fields.iter().enumerate() {
            let code = match found {
                Found::Nothing => Some(NO_VALUE),
                Found::Value(_) if field > ID => None,
                Found::Value(raw) => self.value(field, &raw.text()),
                Found::Unusual => None,
            };
            if code.is_none() {
                self.unusual[field].push(row);
            }
            if let Some(column) = self.columns.get_mut(field) {
                column.codes.push(code.unwrap_or(NO_VALUE));
            }
        }
        self.extras(line, &facts);
        Ok(())
    }

    /// Returns the code of a field's value; `None` when it is too long.
    fn value(&mut self, field: usize, text: &str) -> Option<u32> {
        if text.len() > VALUE_MAX_BYTES {
            return None;
        }
        let (code, is_new) = match self.columns.get_mut(field) {
            Some(column) => column.values.intern(text.as_bytes()),
            None => (NO_VALUE, true),
        };
        if is_new {
            self.pairs.insert(pair(&self.names[field], &fold(text)));
        }
        Some(code)
    }

    /// Adds what only other readers need.
    fn extras(&mut self, line: &[u8], facts: &Facts<'_>) {
        if self.settings.with_ids {
            let id: Option<Box<str>> = match facts.fields[ID] {
                Found::Value(id) => Some(id.text().into()),
                Found::Nothing | Found::Unusual => None,
            };
            self.id_bytes += id.as_ref().map_or(0, |id| id.len());
            self.ids.push(id);
        }
        if self.settings.with_leaf_hashes {
            self.leaf_hashes.push(atrail_evidence::leaf_hash(line).0);
        }
    }

    /// Returns a time in microseconds, rounded down.
    fn micros_of(&mut self, time: Timestamp) -> i64 {
        let nanos = time.as_nanosecond();
        self.finer |= nanos.rem_euclid(1000) != 0;
        i64::try_from(nanos.div_euclid(1000)).expect("microseconds of any supported time")
    }
}

/// Returns the hash of a field's folded value.
pub(in crate::index) fn pair(name: &str, value: &str) -> u64 {
    let mut text = Vec::with_capacity(name.len() + 1 + value.len());
    text.extend_from_slice(name.as_bytes());
    text.push(0);
    text.extend_from_slice(value.as_bytes());
    hash(&text)
}

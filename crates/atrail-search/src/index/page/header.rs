//! The header of a page: Thrift's compact protocol (`thrift-compact-protocol.md`), as far as `parquet.thrift` needs it.

use super::Bad;
use super::runs::{varint, zigzag};

/// Deepest nesting of structures that are skipped.
const MAX_DEPTH: u8 = 8;
/// Thrift's types of fields.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const STRUCT: u8 = 12;
/// Parquet's encodings.
const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const DELTA_BINARY_PACKED: i64 = 5;
const RLE_DICTIONARY: i64 = 8;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Dictionary,
}

/// What a page's header says.
#[derive(Debug)]
pub(super) struct PageHeader {
    pub(super) kind: Kind,
    /// Bytes after decompression.
    pub(super) bytes: usize,
    /// Bytes in the file.
    pub(super) stored_bytes: usize,
    /// Number of values, missing ones included.
    pub(super) values: usize,
    pub(super) dictionary_codes: bool,
    pub(super) delta: bool,
}

impl PageHeader {
    /// Reads a header, and returns what follows it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Bad> {
        let mut fields = Fields::new(bytes);
        let (mut kind, mut size, mut stored) = (None, None, None);
        let (mut data, mut dictionary) = (None, None);
        while let Some((id, kind_of_field)) = fields.next()? {
            match id {
                1 => kind = Some(fields.number(kind_of_field)?),
                2 => size = Some(fields.number(kind_of_field)?),
                3 => stored = Some(fields.number(kind_of_field)?),
                5 => data = Some(fields.page(kind_of_field)?),
                7 => dictionary = Some(fields.page(kind_of_field)?),
                _ => fields.skip(kind_of_field, 0)?,
            }
        }
        let length = |number: Option<i64>| {
            number
                .and_then(|number| usize::try_from(number).ok())
                .ok_or("a page without a length")
        };
        let (kind, (values, encoding)) = match (kind, data, dictionary) {
            (Some(0), Some(data), _) => (Kind::Data, data),
            (Some(2), _, Some(dictionary)) => (Kind::Dictionary, dictionary),
            _ => return Err("a page of another kind"),
        };
        if kind == Kind::Dictionary && ![PLAIN, PLAIN_DICTIONARY].contains(&encoding) {
            return Err("a dictionary in another form");
        }
        let header = Self {
            kind,
            bytes: length(size)?,
            stored_bytes: length(stored)?,
            values: length(Some(values))?,
            dictionary_codes: [PLAIN_DICTIONARY, RLE_DICTIONARY].contains(&encoding),
            delta: encoding == DELTA_BINARY_PACKED,
        };
        Ok((header, fields.rest))
    }
}

/// The fields of a structure, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
    last: i64,
}

impl<'a> Fields<'a> {
    const fn new(rest: &'a [u8]) -> Self {
        Self { rest, last: 0 }
    }

    fn byte(&mut self) -> Result<u8, Bad> {
        let (&byte, rest) = self
            .rest
            .split_first()
            .ok_or("a page header that is cut off")?;
        self.rest = rest;
        Ok(byte)
    }

    /// Returns the next field's id and type, or `None` at the end of the structure.
    fn next(&mut self) -> Result<Option<(i64, u8)>, Bad> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        self.last = match byte >> 4 {
            0 => zigzag(&mut self.rest)?,
            step => self.last.wrapping_add(step.into()),
        };
        Ok(Some((self.last, byte & 15)))
    }

    fn number(&mut self, kind: u8) -> Result<i64, Bad> {
        match kind {
            4..=6 => zigzag(&mut self.rest),
            _ => Err("a page header of another form"),
        }
    }

    /// Reads the number of values and the encoding of a page.
    fn page(&mut self, kind: u8) -> Result<(i64, i64), Bad> {
        if kind != STRUCT {
            return Err("a page header of another form");
        }
        let mut inner = Fields::new(self.rest);
        let (mut values, mut encoding) = (None, None);
        while let Some((id, kind)) = inner.next()? {
            match id {
                1 => values = Some(inner.number(kind)?),
                2 => encoding = Some(inner.number(kind)?),
                _ => inner.skip(kind, 0)?,
            }
        }
        self.rest = inner.rest;
        values.zip(encoding).ok_or("a page header of another form")
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Result<(), Bad> {
        if depth == MAX_DEPTH {
            return Err("a page header that is too deep");
        }
        match kind {
            TRUE | FALSE => {}
            3 => drop(self.byte()?),
            4..=6 => drop(varint(&mut self.rest)?),
            7 => self.advance(8)?,
            8 => {
                let length = varint(&mut self.rest)?;
                self.advance(length)?;
            }
            9 | 10 => {
                let header = self.byte()?;
                let length = match header >> 4 {
                    15 => varint(&mut self.rest)?,
                    short => short.into(),
                };
                // Each element has at least one byte: a long list ends with the bytes.
                for _ in 0..length {
                    match header & 15 {
                        TRUE | FALSE => drop(self.byte()?),
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
            }
            STRUCT => {
                let mut inner = Fields::new(self.rest);
                while let Some((_, kind)) = inner.next()? {
                    inner.skip(kind, depth + 1)?;
                }
                self.rest = inner.rest;
            }
            _ => return Err("a page header of another form"),
        }
        Ok(())
    }

    fn advance(&mut self, bytes: u64) -> Result<(), Bad> {
        let bytes = usize::try_from(bytes).map_err(|_| "a page header that is cut off")?;
        self.rest = self
            .rest
            .get(bytes..)
            .ok_or("a page header that is cut off")?;
        Ok(())
    }
}

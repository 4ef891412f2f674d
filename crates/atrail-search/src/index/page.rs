//! Reads the pages of a column chunk: dictionary codes and numbers, as [`super::writer`] writes them.
//!
//! Only what our own files have is read (V1 data pages; `PLAIN` dictionaries of strings, `RLE_DICTIONARY` codes,
//! `DELTA_BINARY_PACKED` numbers), and what damage may have left there is refused: no byte makes it panic, and no length
//! in the file decides how much memory it uses. The format is Apache Parquet's (`parquet-format`: `Encodings.md`,
//! `parquet.thrift`).

mod delta;
mod header;
mod runs;

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;

use header::{Kind, PageHeader};
use zstd::bulk::Decompressor;

/// Most bytes of a page after decompression. The writer ends a part before a dictionary has as many.
const PAGE_MAX_BYTES: usize = 24 << 20;

/// Why a chunk cannot be read.
pub(super) type Bad = &'static str;

/// How the pages of a column are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Plain,
    Zstd,
}

/// The code of a row without a value.
pub(super) const NO_VALUE: u32 = u32::MAX;

/// A column of codes: a code a row, and a dictionary of what they stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Coded {
    codes: Vec<u32>,
    /// The dictionary page, and the number of its values.
    dictionary: Option<(Vec<u8>, usize)>,
}

/// The values of a column of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Strings {
    /// The code of each row's value.
    pub(super) codes: Vec<u32>,
    /// The dictionary page: each text after its length.
    page: Vec<u8>,
    /// Where each text begins and ends.
    texts: Vec<(u32, u32)>,
}

/// The values of a column of numbers that has a dictionary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CodedNumbers {
    /// The code of each row's value.
    pub(super) codes: Vec<u32>,
    /// The numbers of the codes.
    pub(super) numbers: Vec<i64>,
}

/// Reads a chunk of strings with this number of rows.
pub(super) fn strings(
    chunk: &[u8],
    codec: Codec,
    rows: usize,
    optional: bool,
) -> Result<Strings, Bad> {
    let Coded { codes, dictionary } = Coded::read(chunk, codec, rows, optional)?;
    let (page, values) = dictionary.unwrap_or_default();
    // Each text has a length of four bytes.
    if values > page.len() / 4 {
        return Err("a dictionary with too few texts");
    }
    let mut texts = Vec::with_capacity(values);
    let mut at = 0;
    for _ in 0..values {
        let length = page.get(at..at + 4).ok_or("a short dictionary")?;
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        let from = at + 4;
        let to = from + length as usize;
        let text = page.get(from..to).ok_or("a short dictionary")?;
        simdutf8::basic::from_utf8(text).map_err(|_| "a text that is none")?;
        let narrow = |at: usize| u32::try_from(at).map_err(|_| "a large dictionary");
        texts.push((narrow(from)?, narrow(to)?));
        at = to;
    }
    match at == page.len() {
        true => Ok(Strings { codes, page, texts }),
        false => Err("a dictionary with more than its texts"),
    }
}

impl Strings {
    /// Returns the number of codes.
    pub(super) fn values(&self) -> usize {
        self.texts.len()
    }

    /// Returns the text of a code below [`Self::values`].
    pub(super) fn text(&self, code: u32) -> &str {
        let (from, to) = self.texts[code as usize];
        let bytes = &self.page[from as usize..to as usize];
        std::str::from_utf8(bytes).expect("texts are checked when they are read")
    }
}

/// Reads a chunk of numbers of 64 bits with a dictionary, none of which is missing.
pub(super) fn coded_numbers(chunk: &[u8], codec: Codec, rows: usize) -> Result<CodedNumbers, Bad> {
    let Coded { codes, dictionary } = Coded::read(chunk, codec, rows, false)?;
    let (page, values) = dictionary.unwrap_or_default();
    let (numbers, rest) = page.as_chunks();
    if numbers.len() != values || !rest.is_empty() {
        return Err("a dictionary of another length");
    }
    let numbers = numbers.iter().map(|bytes| i64::from_le_bytes(*bytes));
    Ok(CodedNumbers {
        codes,
        numbers: numbers.collect(),
    })
}

impl Coded {
    fn read(chunk: &[u8], codec: Codec, rows: usize, optional: bool) -> Result<Self, Bad> {
        let mut pages = Pages { rest: chunk, codec };
        let mut out = Self::default();
        out.codes.reserve_exact(rows);
        while let Some((header, page)) = pages.next()? {
            match header.kind {
                Kind::Dictionary if out.dictionary.is_some() => return Err("a second dictionary"),
                Kind::Dictionary => out.dictionary = Some((page.into_owned(), header.values)),
                Kind::Data if header.values > rows - out.codes.len() => {
                    return Err("a chunk with too many rows");
                }
                Kind::Data => out.page(&page, &header, optional)?,
            }
        }
        match out.codes.len() == rows {
            true => Ok(out),
            false => Err("a chunk with too few rows"),
        }
    }

    /// Adds the codes of a data page.
    fn page(&mut self, page: &[u8], header: &PageHeader, optional: bool) -> Result<(), Bad> {
        if !header.dictionary_codes {
            return Err("a page without a dictionary");
        }
        let rows = header.values;
        let mut rest = page;
        let start = self.codes.len();
        let mut present = rows;
        if optional {
            let (length, after) = rest.split_at_checked(4).ok_or("a short page")?;
            let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let (levels, after) = after.split_at_checked(length).ok_or("a short page")?;
            runs::decode(levels, 1, rows, &mut self.codes)?;
            rest = after;
            let levels = &self.codes[start..];
            present = levels.iter().filter(|level| **level == 1).count();
        }
        if present == 0 {
            self.codes[start..].fill(NO_VALUE);
            return Ok(());
        }
        let (&width, codes) = rest.split_first().ok_or("a short page")?;
        let values = self.dictionary.as_ref().map_or(0, |(_, values)| *values);
        let bad = |code: &u32| *code as usize >= values;
        if present == rows {
            self.codes.truncate(start);
            runs::decode(codes, width, rows, &mut self.codes)?;
            if self.codes[start..].iter().any(bad) {
                return Err("a code without a value");
            }
            return Ok(());
        }
        let mut some = Vec::with_capacity(present);
        runs::decode(codes, width, present, &mut some)?;
        if some.iter().any(bad) {
            return Err("a code without a value");
        }
        let mut some = some.into_iter();
        for level in &mut self.codes[start..] {
            *level = match level {
                1 => some.next().unwrap_or(NO_VALUE),
                _ => NO_VALUE,
            };
        }
        Ok(())
    }
}

/// Reads a chunk of numbers, none of which is missing.
pub(super) fn numbers(chunk: &[u8], codec: Codec, rows: usize) -> Result<Vec<i64>, Bad> {
    let mut pages = Pages { rest: chunk, codec };
    let mut out = Vec::with_capacity(rows);
    while let Some((header, page)) = pages.next()? {
        if header.kind != Kind::Data || !header.delta {
            return Err("a page of numbers in another form");
        }
        if header.values > rows - out.len() {
            return Err("a chunk with too many rows");
        }
        delta::decode(&page, header.values, &mut out)?;
    }
    match out.len() == rows {
        true => Ok(out),
        false => Err("a chunk with too few rows"),
    }
}

/// A page: its header, and its bytes after decompression.
type Page<'a> = (PageHeader, Cow<'a, [u8]>);

/// Walks over the pages of a chunk.
struct Pages<'a> {
    rest: &'a [u8],
    codec: Codec,
}

impl<'a> Pages<'a> {
    fn next(&mut self) -> Result<Option<Page<'a>>, Bad> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (header, after) = PageHeader::read(self.rest)?;
        let (stored, after) = after
            .split_at_checked(header.stored_bytes)
            .ok_or("a page that the chunk cuts off")?;
        self.rest = after;
        if header.bytes > PAGE_MAX_BYTES {
            return Err("a page that is too large");
        }
        let page = match self.codec {
            Codec::Plain => Cow::Borrowed(stored),
            // A frame that inflates to more than was announced is refused when the room is used up.
            Codec::Zstd => Cow::Owned(
                decompress(stored, header.bytes.min(bound(stored)))
                    .map_err(|_| "a page that cannot be decompressed")?,
            ),
        };
        match page.len() == header.bytes {
            true => Ok(Some((header, page))),
            false => Err("a page of another length"),
        }
    }
}

thread_local! {
    /// A new one costs more than a small page does: 100 KB of memory, and a question to the processor, which a virtual
    /// one answers slowly.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn decompress(stored: &[u8], max_bytes: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(stored, max_bytes)
    })
}

/// Returns what a frame says that it inflates to, so that no header alone decides how much memory is used; the most
/// that is allowed when the frame does not say it.
fn bound(frame: &[u8]) -> usize {
    match zstd::zstd_safe::get_frame_content_size(frame) {
        Ok(Some(size)) => usize::try_from(size).unwrap_or(PAGE_MAX_BYTES),
        _ => PAGE_MAX_BYTES,
    }
}

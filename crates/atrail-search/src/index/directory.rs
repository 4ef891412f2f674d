//! The directory: where the chunks and sections of a file are, and their checksums. It is the beginning of the footer
//! that the catalog's hash vouches for; Parquet's own footer follows it.
//!
//! ```text
//! directory = "ATINDEX1", domain kind u8 (0 space, 1 account), domain guid [16], day u32, flags u8,
//!             rules [4], columns u8, columns * (name length u8, name, codec u8 (0 none, 1 zstd)),
//!             parts u32, parts * part
//! part      = rows u32, first time i64, last time i64,
//!             columns * (offset u64, length u32, checksum u64),
//!             sections u8, sections * (kind u8, offset u64, length u32, checksum u64)
//! ```
//! Numbers are little-endian; times are microseconds since 1970; a day is the number of days since 1970-01-01; checksums
//! are CRC-64/NVME. Flag 1: some event's time has digits below the microsecond. The rules are the version of folding and
//! words, and the three numbers of Unicode's version: filters of other rules answer nothing.

use atrail_model::{AccountId, Day, Domain, SpaceId};

use super::IndexError;
use super::bytes::Bytes;
use super::page::Codec;

const MAGIC: [u8; 8] = *b"ATINDEX1";
const FLAG_FINER: u8 = 1;
/// Most rows of a part.
pub(super) const PART_MAX_ROWS: usize = 131_072;

/// Kinds of sections. Readers skip the kinds that they do not know.
pub(super) const BLOOMS: u8 = 0;
pub(super) const BLOCKS: u8 = 1;
pub(super) const WORDS: u8 = 2;
pub(super) const PAIRS: u8 = 3;
pub(super) const UNUSUAL: u8 = 4;

/// Returns the rules of folding and words of this version.
pub(super) const fn rules() -> [u8; 4] {
    let (version, (major, minor, patch)) = crate::text::RULES;
    [version, major, minor, patch]
}

/// A checked range of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) checksum: u64,
}

/// A column chunk's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnEntry {
    pub(super) name: String,
    pub(super) codec: Codec,
}

/// A part of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartEntry {
    pub(super) rows: u32,
    pub(super) first_micros: i64,
    pub(super) last_micros: i64,
    /// One for each column.
    pub(super) chunks: Vec<Extent>,
    /// Sections by their kinds.
    pub(super) sections: Vec<(u8, Extent)>,
}

/// The directory of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) domain: Domain,
    pub(super) day: Day,
    /// Whether some event's time has digits below the microsecond.
    pub(super) finer: bool,
    /// The rules of folding and words by which the filters were made.
    pub(super) rules: [u8; 4],
    pub(super) columns: Vec<ColumnEntry>,
    pub(super) parts: Vec<PartEntry>,
}

impl Directory {
    /// Returns the bytes of the directory.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let (kind, guid) = match &self.domain {
            Domain::Space(id) => (0, id.as_bytes()),
            Domain::Account(id) => (1, id.as_bytes()),
        };
        out.push(kind);
        out.extend_from_slice(guid);
        out.extend_from_slice(&self.day.number().to_le_bytes());
        out.push(if self.finer { FLAG_FINER } else { 0 });
        out.extend_from_slice(&self.rules);
        out.push(u8::try_from(self.columns.len()).expect("a few columns"));
        for ColumnEntry { name, codec } in &self.columns {
            out.push(u8::try_from(name.len()).expect("a short name"));
            out.extend_from_slice(name.as_bytes());
            out.push(match codec {
                Codec::Plain => 0,
                Codec::Zstd => 1,
            });
        }
        out.extend_from_slice(&super::bytes::narrow(self.parts.len()).to_le_bytes());
        for part in &self.parts {
            out.extend_from_slice(&part.rows.to_le_bytes());
            out.extend_from_slice(&part.first_micros.to_le_bytes());
            out.extend_from_slice(&part.last_micros.to_le_bytes());
            part.chunks.iter().for_each(|chunk| chunk.write(&mut out));
            out.push(u8::try_from(part.sections.len()).expect("a few sections"));
            for (kind, section) in &part.sections {
                out.push(*kind);
                section.write(&mut out);
            }
        }
        out
    }

    /// Reads the directory at the beginning of a footer.
    pub(super) fn read(footer: &[u8]) -> Result<Self, IndexError> {
        let mut bytes = Bytes::new(footer, "its directory");
        if bytes.array()? != MAGIC {
            return Err(IndexError::Damaged("its version is not known"));
        }
        let kind = bytes.u8()?;
        let guid = bytes.array()?;
        let domain = match kind {
            0 => Domain::Space(SpaceId::from_bytes(guid)),
            1 => Domain::Account(AccountId::from_bytes(guid)),
            _ => return Err(bytes.damaged()),
        };
        let day = Day::from_number(bytes.u32()?).ok_or(bytes.damaged())?;
        let finer = bytes.u8()? & FLAG_FINER != 0;
        let rules = bytes.array()?;
        let columns = usize::from(bytes.u8()?);
        let columns = (0..columns)
            .map(|_| ColumnEntry::read(&mut bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let each = 4 + 8 + 8 + columns.len() * Extent::BYTES + 1;
        let parts = bytes.count(each)?;
        let parts = (0..parts)
            .map(|_| PartEntry::read(&mut bytes, columns.len()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            domain,
            day,
            finer,
            rules,
            columns,
            parts,
        })
    }
}

impl ColumnEntry {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, IndexError> {
        let length = bytes.u8()?;
        let name = std::str::from_utf8(bytes.take(length.into())?).map_err(|_| bytes.damaged())?;
        let codec = match bytes.u8()? {
            0 => Codec::Plain,
            1 => Codec::Zstd,
            _ => return Err(bytes.damaged()),
        };
        Ok(Self {
            name: name.to_owned(),
            codec,
        })
    }
}

impl PartEntry {
    /// Returns the chunks and sections in the order of the file.
    pub(super) fn extents(&self) -> impl Iterator<Item = &Extent> {
        let sections = self.sections.iter().map(|(_, extent)| extent);
        self.chunks.iter().chain(sections)
    }

    fn read(bytes: &mut Bytes<'_>, columns: usize) -> Result<Self, IndexError> {
        let rows = bytes.u32()?;
        let (first_micros, last_micros) = (bytes.i64()?, bytes.i64()?);
        if rows == 0 || rows as usize > PART_MAX_ROWS || first_micros > last_micros {
            return Err(bytes.damaged());
        }
        let chunks = (0..columns)
            .map(|_| Extent::read(bytes))
            .collect::<Result<_, _>>()?;
        let sections = bytes.u8()?;
        let sections = (0..sections)
            .map(|_| Ok((bytes.u8()?, Extent::read(bytes)?)))
            .collect::<Result<_, IndexError>>()?;
        Ok(Self {
            rows,
            first_micros,
            last_micros,
            chunks,
            sections,
        })
    }
}

impl Extent {
    const BYTES: usize = 20;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
    }

    fn read(bytes: &mut Bytes<'_>) -> Result<Self, IndexError> {
        Ok(Self {
            offset: bytes.u64()?,
            length: bytes.u32()?,
            checksum: bytes.u64()?,
        })
    }
}

//! Opens index files.

use std::io;

use atrail_model::{Day, Domain};
use sha2::{Digest, Sha256};

use super::IndexError;
use super::bytes::checksum;
use super::directory::{Directory, Extent, PartEntry};
use super::page::Codec;

/// The bytes with which every Parquet file begins.
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
/// Longest chunk or section, far above those of the writer.
const EXTENT_MAX_BYTES: u32 = 32 << 20;

/// Where an index file is read from.
pub trait Source: Send + Sync {
    /// Returns the length of the file.
    fn size_bytes(&self) -> u64;

    /// Reads exactly this many bytes from the offset on.
    ///
    /// # Errors
    /// When that fails, or the file ends before.
    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()>;
}

impl<T: AsRef<[u8]> + Send + Sync> Source for T {
    fn size_bytes(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = self.as_ref().get(start..);
        let bytes = bytes.and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The footer of an index file, which the catalog keeps: checksums in the footer vouch for the rest of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// Its length: the last bytes of the file.
    pub size_bytes: u32,
    /// The SHA-256 of these bytes.
    pub sha256: [u8; 32],
}

/// A part of an index file: at most 131,072 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The number of its rows.
    pub rows: u32,
    /// The earliest time of a row, in microseconds since 1970, rounded down.
    pub first_micros: i64,
    /// The latest time of a row, in microseconds since 1970, rounded down.
    pub last_micros: i64,
}

/// An opened index file: its directory. The source is handed in at every call, so that opened files can be kept in a
/// cache without their descriptors.
#[derive(Debug)]
pub struct IndexFile {
    directory: Directory,
    parts: Vec<Part>,
    /// The length of the file without its footer.
    body_bytes: u64,
    /// Whether checksums are compared: always, but where tests show what happens when they are not.
    is_checked: bool,
}

impl IndexFile {
    /// Opens a file, and checks its footer.
    ///
    /// # Errors
    /// When the file cannot be read, or its footer is another one.
    pub fn open(source: &dyn Source, footer: &Footer) -> Result<Self, IndexError> {
        let wrong = IndexError::Damaged("its footer is another one");
        let size_bytes = source.size_bytes();
        let Some(body_bytes) = size_bytes.checked_sub(footer.size_bytes.into()) else {
            return Err(wrong);
        };
        let mut bytes = vec![0; footer.size_bytes as usize];
        source
            .read_exact_at(&mut bytes, body_bytes)
            .map_err(IndexError::Read)?;
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        if sha256 != footer.sha256 {
            return Err(wrong);
        }
        Self::of_footer(&bytes, body_bytes)
    }

    /// Opens a file by its footer, whatever the rest holds.
    fn of_footer(footer: &[u8], body_bytes: u64) -> Result<Self, IndexError> {
        let directory = Directory::read(footer)?;
        let extents = directory.parts.iter().flat_map(PartEntry::extents);
        let is_inside = |extent: &Extent| {
            let end = extent.offset.checked_add(extent.length.into());
            end.is_some_and(|end| end <= body_bytes) && extent.length <= EXTENT_MAX_BYTES
        };
        if !extents.into_iter().all(is_inside) {
            return Err(IndexError::Damaged("its directory"));
        }
        let part = |part: &PartEntry| Part {
            rows: part.rows,
            first_micros: part.first_micros,
            last_micros: part.last_micros,
        };
        Ok(Self {
            parts: directory.parts.iter().map(part).collect(),
            directory,
            body_bytes,
            is_checked: true,
        })
    }

    /// Opens a file by its footer, and compares no checksums.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn unchecked(footer: &[u8], body_bytes: u64) -> Result<Self, IndexError> {
        let mut file = Self::of_footer(footer, body_bytes)?;
        file.is_checked = false;
        Ok(file)
    }

    /// Reads the whole file, and checks every byte of it.
    ///
    /// # Errors
    /// When the file cannot be read, or a byte is another one.
    pub fn check(&self, source: &dyn Source) -> Result<(), IndexError> {
        let mut magic = [0; PARQUET_MAGIC.len()];
        source
            .read_exact_at(&mut magic, 0)
            .map_err(IndexError::Read)?;
        if magic != *PARQUET_MAGIC {
            return Err(IndexError::Damaged("its first bytes"));
        }
        let mut end = magic.len() as u64;
        for extent in self.directory.parts.iter().flat_map(PartEntry::extents) {
            if extent.offset != end {
                return Err(IndexError::Damaged("its directory"));
            }
            self.read(source, extent)?;
            end += u64::from(extent.length);
        }
        match end == self.body_bytes {
            true => Ok(()),
            false => Err(IndexError::Damaged("its directory")),
        }
    }

    /// Returns the domain of its events.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.directory.domain
    }

    /// Returns the day of its events.
    #[must_use]
    pub fn day(&self) -> Day {
        self.directory.day
    }

    /// Returns its parts, in the order in which they were written.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Reports whether a row's time may be finer than its microseconds. Otherwise they are exact.
    #[must_use]
    pub fn has_finer_times(&self) -> bool {
        self.directory.finer
    }

    /// Returns about how many bytes of memory this value holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let extents =
            |part: &PartEntry| size_of::<Part>() + size_of::<Extent>() * part.extents().count();
        let parts = self.directory.parts.iter().map(extents).sum::<usize>();
        size_of::<Self>() + 48 * self.directory.columns.len() + parts
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Reads a chunk or a section, and checks it.
    pub(super) fn read(&self, source: &dyn Source, extent: &Extent) -> Result<Vec<u8>, IndexError> {
        let mut bytes = vec![0; extent.length as usize];
        source
            .read_exact_at(&mut bytes, extent.offset)
            .map_err(IndexError::Read)?;
        match !self.is_checked || checksum(&bytes) == extent.checksum {
            true => Ok(bytes),
            false => Err(IndexError::Damaged("a checksum")),
        }
    }

    /// Returns a column's chunk in a part; `None` when the file has no such column.
    pub(super) fn chunk(
        &self,
        source: &dyn Source,
        part: usize,
        column: &str,
    ) -> Result<Option<(Vec<u8>, Codec)>, IndexError> {
        let columns = &self.directory.columns;
        let Some(at) = columns.iter().position(|entry| entry.name == column) else {
            return Ok(None);
        };
        let bytes = self.read(source, &self.directory.parts[part].chunks[at])?;
        Ok(Some((bytes, columns[at].codec)))
    }

    /// Returns a section of a part; `None` when the part has no such section.
    pub(super) fn section(
        &self,
        source: &dyn Source,
        part: usize,
        kind: u8,
    ) -> Result<Option<Vec<u8>>, IndexError> {
        let mut sections = self.directory.parts[part].sections.iter();
        match sections.find(|(known, _)| *known == kind) {
            Some((_, extent)) => self.read(source, extent).map(Some),
            None => Ok(None),
        }
    }
}

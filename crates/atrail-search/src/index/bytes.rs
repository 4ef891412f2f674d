//! Little-endian numbers in our own sections.

use super::IndexError;

/// The unread bytes of a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Bytes<'a> {
    /// Reads a section; `what` says what is damaged when it ends too early.
    pub(super) const fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub(super) fn damaged(&self) -> IndexError {
        IndexError::Damaged(self.what)
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], IndexError> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(self.damaged())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], IndexError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.damaged())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, IndexError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32, IndexError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, IndexError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, IndexError> {
        self.array().map(i64::from_le_bytes)
    }

    /// Reads the number of things that follow, each of at least this many bytes.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, IndexError> {
        let count = self.u32()? as usize;
        match count <= self.rest.len() / each {
            true => Ok(count),
            false => Err(self.damaged()),
        }
    }

    /// Fails when something is left.
    pub(super) fn end(&self) -> Result<(), IndexError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.damaged()),
        }
    }
}

/// Returns the checksum of a chunk or a section: CRC-64/NVME.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

/// Narrows a length inside a part, which is far below 4 GiB.
pub(super) fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("a part is far below 4 GiB")
}

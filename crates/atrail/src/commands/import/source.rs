//! The bytes of a file as they are when it is opened.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::nameless::Nameless;

/// A file that is read more than once, up to the length that it had when it was opened: what is appended later belongs
/// to the next import.
#[derive(Debug)]
pub(super) struct Source {
    bytes: Bytes,
    length: u64,
    at: u64,
}

#[derive(Debug)]
enum Bytes {
    /// Others may write it meanwhile.
    Shared(File),
    Own(Nameless),
}

impl Source {
    /// Opens a file. With `is_copied`, and for what cannot be read twice, it is copied first, so that each reading
    /// finds the same bytes.
    ///
    /// # Errors
    /// When it cannot be read or copied.
    pub(super) fn open(path: &Path, temp_dir: &Path, is_copied: bool) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() && !is_copied {
            return Ok(Self {
                bytes: Bytes::Shared(file),
                length: metadata.len(),
                at: 0,
            });
        }
        let copy = Nameless::create(temp_dir, "import")?;
        io::copy(&mut file, &mut copy.file())?;
        copy.file().rewind()?;
        Self::own(copy)
    }

    /// Returns the source of a copy.
    ///
    /// # Errors
    /// When its length is unknown.
    pub(super) fn own(copy: Nameless) -> io::Result<Self> {
        Ok(Self {
            length: copy.file().metadata()?.len(),
            bytes: Bytes::Own(copy),
            at: 0,
        })
    }

    const fn file(&self) -> &File {
        match &self.bytes {
            Bytes::Shared(file) => file,
            Bytes::Own(copy) => copy.file(),
        }
    }

    /// Returns to the beginning.
    ///
    /// # Errors
    /// When the file cannot do that.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.at = 0;
        let mut file = self.file();
        file.rewind()
    }

    /// Returns a look at the file, which states whether somebody has appended to it since it was opened.
    ///
    /// # Errors
    /// When the system has no further descriptor.
    pub(super) fn growth(&self) -> io::Result<Growth> {
        Ok(Growth {
            file: self.file().try_clone()?,
            length: self.length,
        })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length - self.at).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let mut file = self.file();
        let count = file.read(&mut buffer[..most])?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Whether a file grows.
#[derive(Debug)]
pub(super) struct Growth {
    file: File,
    length: u64,
}

impl Growth {
    pub(super) fn has_grown(&self) -> bool {
        let metadata = self.file.metadata();
        metadata.is_ok_and(|metadata| metadata.len() > self.length)
    }
}

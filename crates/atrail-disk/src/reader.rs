//! Reads parts of write-once data, from a file or from memory.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::io::{ReadWriteFlags, preadv2};
use sha2::{Digest, Sha256};

use crate::error::{Result, StoreError};
use crate::file_id::FileId;
use crate::task::off_thread;

/// Bytes that are read and hashed at a time.
const HASHED_AT_ONCE: u64 = 256 << 10;

/// An open object or run. Its bytes stay readable even if it is deleted meanwhile; clones read from the same one.
#[derive(Debug, Clone)]
pub struct Reader {
    path: Arc<str>,
    bytes: Source,
}

#[derive(Debug, Clone)]
enum Source {
    File(Arc<File>),
    Memory { bytes: Bytes, number: u64 },
}

/// Reveals a change of bytes without reading them. Every write through the file system changes the stamp, because
/// nobody can set the time of a file's last change by hand. Spontaneous changes by the disk do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The length.
    pub size_bytes: u64,
    modified_nanos: Option<i64>,
    identity: Identity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// The identity of the file, and when its bytes, mode or name changed last, in seconds and nanoseconds.
    File(FileId, i64, i64),
    /// The number of the put into this memory.
    Memory(u64),
}

impl Reader {
    /// Reads from an open file.
    pub fn of_file(path: &str, file: File) -> Self {
        Self {
            path: Arc::from(path),
            bytes: Source::File(Arc::new(file)),
        }
    }

    /// Reads from bytes in memory, with the number of their put.
    pub fn of_memory(path: &str, bytes: Bytes, number: u64) -> Self {
        Self {
            path: Arc::from(path),
            bytes: Source::Memory { bytes, number },
        }
    }

    /// Returns the object's present stamp.
    pub fn stamp(&self) -> io::Result<Stamp> {
        match &self.bytes {
            Source::File(file) => {
                let metadata = file.metadata()?;
                let since = metadata
                    .modified()?
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .ok();
                let id = FileId::of(&metadata);
                Ok(Stamp {
                    size_bytes: metadata.len(),
                    modified_nanos: since.and_then(|since| i64::try_from(since.as_nanos()).ok()),
                    identity: Identity::File(id, metadata.ctime(), metadata.ctime_nsec()),
                })
            }
            Source::Memory { bytes, number } => Ok(Stamp {
                size_bytes: bytes.len() as u64,
                modified_nanos: None,
                identity: Identity::Memory(*number),
            }),
        }
    }

    /// As [`Self::stamp`], naming the object in the error.
    pub fn checked_stamp(&self) -> Result<Stamp> {
        self.stamp().map_err(|error| self.unreadable(&error))
    }

    /// Fills the buffer with the bytes from this offset on, in the calling thread; fewer bytes are an error.
    pub fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        match &self.bytes {
            Source::File(file) => file.read_exact_at(buffer, at),
            Source::Memory { bytes, .. } => {
                let from = usize::try_from(at).map_err(io::Error::other)?;
                let there = bytes.get(from..from.saturating_add(buffer.len()));
                buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    /// As [`Self::fill`], if no disk access is needed; returns `None` otherwise, or when the bytes do not exist.
    pub fn fill_without_waiting(&self, buffer: &mut [u8], at: u64) -> Option<()> {
        match &self.bytes {
            Source::File(file) => {
                let length = buffer.len();
                let mut buffers = [IoSliceMut::new(buffer)];
                let read = preadv2(file, &mut buffers, at, ReadWriteFlags::NOWAIT);
                (read == Ok(length)).then_some(())
            }
            Source::Memory { .. } => self.fill(buffer, at).ok(),
        }
    }

    /// Returns all bytes from the first on, to be read in the calling thread.
    pub fn from_start(&self) -> impl io::Read + use<> {
        FromStart {
            reader: self.clone(),
            at: 0,
        }
    }

    /// Returns the SHA-256 of the first `end` bytes, in the calling thread and in bounded memory.
    pub fn hash(&self, end: u64) -> io::Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        let mut buffer = Vec::new();
        let mut at = 0;
        while at < end {
            let next = end.min(at + HASHED_AT_ONCE);
            buffer.resize(length(at..next)?, 0);
            self.fill(&mut buffer, at)?;
            hasher.update(&buffer);
            at = next;
        }
        Ok(hasher.finalize().into())
    }

    /// As [`Self::hash`], on another thread.
    pub async fn sha256(&self, end: u64) -> Result<[u8; 32]> {
        let reader = self.clone();
        off_thread(move || {
            let hashed = reader.hash(end);
            hashed.map_err(|error| reader.unreadable(&error))
        })
        .await
    }

    /// Returns the bytes of a range, read on another thread; fewer bytes than requested are an error.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let reader = self.clone();
        off_thread(move || {
            let read = || {
                let mut buffer = vec![0; length(range.clone())?];
                reader.fill(&mut buffer, range.start)?;
                Ok(Bytes::from(buffer))
            };
            read().map_err(|error| reader.unreadable(&error))
        })
        .await
    }

    fn unreadable(&self, source: &io::Error) -> StoreError {
        StoreError::Damaged {
            what: format!("object {}", self.path),
            why: source.to_string(),
        }
    }
}

struct FromStart {
    reader: Reader,
    at: u64,
}

impl io::Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.reader.stamp()?.size_bytes.saturating_sub(self.at);
        let some = buffer
            .len()
            .min(usize::try_from(rest).unwrap_or(usize::MAX));
        self.reader.fill(&mut buffer[..some], self.at)?;
        self.at += some as u64;
        Ok(some)
    }
}

fn length(range: Range<u64>) -> io::Result<usize> {
    usize::try_from(range.end - range.start).map_err(io::Error::other)
}

//! Files that grow: by lines, or into space that is allocated ahead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use crate::durable::{sync_bytes, sync_dir};
use crate::file_id::is_at;

/// A file that grows by whole lines.
#[derive(Debug)]
pub struct LineFile {
    file: File,
    path: PathBuf,
    length: u64,
}

impl LineFile {
    /// Opens an existing file for writing at its end.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(path)?;
        let length = file.metadata()?.len();
        let path = path.to_owned();
        Ok(Self { file, path, length })
    }

    /// Appends lines and waits until they are durable. When there was no space for them, the file is unchanged.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_all_at(lines, self.length);
        if let Err(error) = written.and_then(|()| sync_bytes(&self.file, &self.path)) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += lines.len() as u64;
        if is_at(&self.file, &self.path)? {
            return Ok(());
        }
        Err(io::Error::other(
            "it was moved, replaced or removed since it was opened",
        ))
    }

    /// Returns its length in bytes.
    pub const fn size_bytes(&self) -> u64 {
        self.length
    }
}

/// A file whose space is allocated when it is created, written front to back.
///
/// Because the space is allocated, a full disk refuses a new file and never tears a write into an old one (on file
/// systems that overwrite in place, as ext4 and XFS do).
#[derive(Debug)]
pub struct AllocatedFile {
    file: File,
    path: PathBuf,
    allocated: u64,
    written: u64,
}

impl AllocatedFile {
    /// Creates the file with this much space. Nothing of it remains after an error.
    pub fn create(path: &Path, size_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let made = allocate(&file, size_bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| path.parent().map_or(Ok(()), sync_dir));
        if let Err(error) = made {
            // The first error is the one to report; readers ignore a left-over file, which is empty.
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            allocated: size_bytes,
            written: 0,
        })
    }

    /// Appends the bytes and waits until they are durable.
    ///
    /// # Errors
    /// Also when the file no longer has its name: nobody would find its contents then.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.written)?;
        self.written += bytes.len() as u64;
        sync_bytes(&self.file, &self.path)?;
        if is_at(&self.file, &self.path)? {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{} is not the file that was opened: it was moved, replaced or removed",
            self.path.display()
        )))
    }

    /// Returns how many bytes can still be written.
    pub const fn room(&self) -> u64 {
        self.allocated.saturating_sub(self.written)
    }

    /// Renames the file within its directory, durably.
    pub fn rename(&mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        path.clone_into(&mut self.path);
        Ok(())
    }
}

/// Reads a file without the allocated space at its end that was never written: that is zeros, and may be long. Of a
/// longer file it returns at least 4 KiB.
pub fn read_written(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < length {
        let data = match rustix::fs::seek(&file, SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => break,
            // The file system does not report holes: then everything is read.
            Err(_) => at,
        };
        let end = rustix::fs::seek(&file, SeekFrom::Hole(data)).unwrap_or(length);
        let place = |at: u64| usize::try_from(at).map_err(io::Error::other);
        bytes.resize(place(end)?, 0);
        file.read_exact_at(&mut bytes[place(data)?..], data)?;
        at = end;
    }
    let least = usize::try_from(length.min(4096)).map_err(io::Error::other)?;
    bytes.resize(bytes.len().max(least), 0);
    Ok(bytes)
}

/// Allocates by the file system's own call, or by writing zeros where it has none. (File systems, kernels and sandboxes
/// report that with different errors.)
fn allocate(file: &File, size_bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size_bytes) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            let zeros = vec![0; 1 << 20];
            let mut at = 0;
            while at < size_bytes {
                let len = (size_bytes - at).min(zeros.len() as u64);
                let len = usize::try_from(len).expect("at most the length of the zeros");
                file.write_all_at(&zeros[..len], at)?;
                at += len as u64;
            }
            Ok(())
        }
        other => other.map_err(io::Error::from),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_written_of_an_allocated_file_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = AllocatedFile::create(&path, 8 << 20).unwrap();
        assert!(read_written(&path).unwrap().iter().all(|byte| *byte == 0));
        file.append(b"one").unwrap();
        // As when pages reached the disk in another order.
        file.file.write_all_at(b"two", 3 << 20).unwrap();
        let bytes = read_written(&path).unwrap();
        let mut expected = fs::read(&path).unwrap();
        assert_eq!(expected.len(), 8 << 20);
        expected.truncate(bytes.len());
        assert!(bytes == expected && bytes[3 << 20..].starts_with(b"two"));
        for small in [&b""[..], b"x"] {
            fs::write(&path, small).unwrap();
            assert_eq!(read_written(&path).unwrap(), small);
        }
    }
}

//! The only direct file writes: all others go through the object store or the catalog.
//!
//! `Ok` means: the bytes survive a power loss, on a disk that reports flushes honestly. After an error the state of the
//! file is unknown, and it is never written again in the same process: Linux drops dirty pages whose writing failed, so
//! that a second fsync reports a false success.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::Errno;

/// Writes a whole small new file with these permissions (such as `0o600`). After a crash the file is complete or
/// absent.
///
/// # Errors
/// `AlreadyExists` when the name is taken, with nothing changed; otherwise why it could not be written.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, mode)?;
    // Unlike a rename, a link never replaces an existing file.
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    linked?;
    sync_parent(path)
}

/// Writes a whole small file, and replaces an existing one in one step. After a crash the name has the old bytes or the
/// new ones.
///
/// # Errors
/// Why it could not be written.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, mode)?;
    std::fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// Writes `.NAME.tmp` beside the file, and removes one that a crash has left. The caller must not write one name twice
/// at the same time.
fn write_temporary(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let temporary = temporary_name(path)?;
    let mut file = create_anew(&temporary, mode)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

/// Removes the remainder of a failed [`replace`], if there is one.
///
/// # Errors
/// Why it could not be removed.
pub fn remove_temporary(path: &Path) -> io::Result<()> {
    remove_if_there(&temporary_name(path)?)
}

fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(".tmp");
    Ok(path.with_file_name(temporary_name))
}

fn create_anew(path: &Path, mode: u32) -> io::Result<File> {
    remove_if_there(path)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Makes the directory entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    #[cfg(test)]
    synced::note(dir);
    Ok(())
}

/// Makes the bytes of a file durable.
fn sync_bytes(file: &File, path: &Path) -> io::Result<()> {
    file.sync_data()?;
    #[cfg(test)]
    synced::note(path);
    #[cfg(not(test))]
    let _ = path;
    Ok(())
}

/// Records syncs, for tests: a missing sync has no other visible effect before a power loss.
#[cfg(test)]
pub(crate) mod synced {
    use super::{Path, PathBuf};

    static NOTED: parking_lot::Mutex<Vec<PathBuf>> = parking_lot::Mutex::new(Vec::new());

    pub(super) fn note(path: &Path) {
        NOTED.lock().push(path.to_owned());
    }

    /// Returns how often this path was synced.
    pub(crate) fn times(path: &Path) -> usize {
        NOTED.lock().iter().filter(|noted| *noted == path).count()
    }
}

/// Steps that must fail, once each, for tests: failures that no state of a directory causes for every user.
#[cfg(test)]
pub(crate) mod faults {
    use super::{Path, PathBuf, io};

    static PLANTED: parking_lot::Mutex<Vec<(&str, PathBuf)>> = parking_lot::Mutex::new(Vec::new());

    /// Makes the next such step on this path fail.
    pub(crate) fn at(step: &'static str, path: &Path) {
        PLANTED.lock().push((step, path.to_owned()));
    }

    pub(super) fn meet(step: &str, path: &Path) -> io::Result<()> {
        let mut planted = PLANTED.lock();
        let Some(at) = planted
            .iter()
            .position(|one| *one == (step, path.to_owned()))
        else {
            return Ok(());
        };
        planted.remove(at);
        Err(io::Error::other("planted"))
    }
}

/// Creates an empty file, readable by its owner alone, unless it exists; it is durable when its contents are.
pub(crate) fn make_empty(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(path),
    }
}

/// Makes the bytes of a file durable that somebody else writes.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_data()
}

/// Makes all earlier writes to the file system of a directory durable, names included.
pub(crate) fn sync_file_system(dir: &Path) -> io::Result<()> {
    rustix::fs::syncfs(File::open(dir)?).map_err(io::Error::from)
}

/// Makes a file durable that another writer wrote, and makes it private to its owner.
pub(crate) fn take_over(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()
}

/// Renames a file or directory within its file system, durably.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    #[cfg(test)]
    faults::meet("sync", to)?;
    sync_parent(from)?;
    sync_parent(to)
}

/// Removes a directory with its contents; a missing directory counts as removed.
pub(crate) fn remove_dir(dir: &Path) -> io::Result<()> {
    #[cfg(test)]
    faults::meet("remove", dir)?;
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_parent(dir),
    }
}

/// A file that is written under another name, and gets its own when it is complete: after a crash it is complete or
/// absent. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file that gets this name in the end, and then replaces an existing one.
    pub(crate) fn create(path: &Path, mode: u32) -> io::Result<Self> {
        let temporary = temporary_name(path)?;
        let file = create_anew(&temporary, mode)?;
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
        })
    }

    /// Writes bytes after the previous ones.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Writes bytes at an offset.
    pub(crate) fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// Makes the bytes durable and gives the file its name, which is durable after [`sync_file_system`].
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.path)
    }

    /// Makes the file durable under its name.
    pub(crate) fn commit(self) -> io::Result<()> {
        let path = self.path.clone();
        self.finish()?;
        sync_parent(&path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After the rename the temporary file no longer exists; an unfinished one is useless.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// Creates a directory with its parents, durably. Only its owner may read it: it holds everybody's events.
///
/// # Errors
/// Why it could not be created.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_dir(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Removes a file, if it exists, and makes its absence durable even then: another process may have removed it, or an
/// earlier try that then failed.
pub(crate) fn ensure_gone(path: &Path) -> io::Result<()> {
    remove_if_there(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file and makes its absence durable.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file if it exists. Its absence is durable when its directory is synced.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The sole right to a directory as long as the value lives: an advisory lock that the kernel releases with the
/// process.
#[derive(Debug)]
pub(crate) struct DirLock {
    held: Vec<File>,
}

/// The locked parts of a directory. Somebody may mistake the file for a leftover and remove it; the log's directory is
/// locked as well, so that a second server cannot start then. Neither is accessible to other users, who could hold the
/// lock.
const LOCKED: [&str; 2] = ["lock", "wal"];

impl DirLock {
    /// Reports whether another process has the lock, without creating anything.
    pub(crate) fn is_held(dir: &Path) -> io::Result<bool> {
        for name in LOCKED {
            let file = match File::open(dir.join(name)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // A shared lock, so that two checks do not affect each other; it ends with the file at once.
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Acquires the lock; returns `None` when another process has it. It locks the log's directory if that exists; a
    /// caller that creates the directory afterwards calls [`Self::cover`].
    pub(crate) fn acquire(dir: &Path) -> io::Result<Option<Self>> {
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        make_private(&path)?;
        let mut lock = Self { held: Vec::new() };
        if !lock.take(file)? || !is_at(&lock.held[0], &path)? {
            return Ok(None);
        }
        Ok(lock.cover(dir)?.then_some(lock))
    }

    /// Locks the log's directory too, if it exists; returns `false` when another process has it.
    pub(crate) fn cover(&mut self, dir: &Path) -> io::Result<bool> {
        let log = dir.join("wal");
        if !log.is_dir() {
            return Ok(true);
        }
        make_private(&log)?;
        for held in &self.held {
            if is_at(held, &log)? {
                return Ok(true);
            }
        }
        self.take(File::open(log)?)
    }

    fn take(&mut self, file: File) -> io::Result<bool> {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.held.push(file);
                Ok(true)
            }
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Identifies a file, whatever its name: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    /// Returns the identity of the file or directory to which a path leads.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::metadata(path)?))
    }

    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// Reports whether the path leads to this very file, or directory.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let there = match FileId::at(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    Ok(there == FileId::of(&file.metadata()?))
}

/// Removes all permissions of other users on a file or directory; reports whether they had any.
pub(crate) fn make_private(path: &Path) -> io::Result<bool> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    let is_open = mode & 0o077 != 0;
    if is_open {
        std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700))?;
    }
    Ok(is_open)
}

/// A file that grows by whole lines.
#[derive(Debug)]
pub(crate) struct LineFile {
    file: File,
    path: PathBuf,
    length: u64,
}

impl LineFile {
    /// Opens an existing file for writing at its end.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(path)?;
        let length = file.metadata()?.len();
        let path = path.to_owned();
        Ok(Self { file, path, length })
    }

    /// Appends lines and waits until they are durable. When there was no space for them, the file is unchanged.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
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
    pub(crate) const fn len(&self) -> u64 {
        self.length
    }
}

/// A file whose space is allocated when it is created, written front to back.
///
/// Because the space is allocated, a full disk refuses a new file and never tears a write into an old one (on file
/// systems that overwrite in place, as ext4 and XFS do).
#[derive(Debug)]
pub(crate) struct AllocatedFile {
    file: File,
    path: PathBuf,
    allocated: u64,
    written: u64,
}

impl AllocatedFile {
    /// Creates the file with this much space. Nothing of it remains after an error.
    pub(crate) fn create(path: &Path, size_bytes: u64) -> io::Result<Self> {
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
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
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
    pub(crate) const fn room(&self) -> u64 {
        self.allocated.saturating_sub(self.written)
    }

    /// Renames the file within its directory, durably.
    pub(crate) fn rename(&mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        path.clone_into(&mut self.path);
        Ok(())
    }
}

/// Reads a file without the allocated space at its end that was never written: that is zeros, and may be long. Of a
/// longer file it returns at least 4 KiB.
pub(crate) fn read_written(path: &Path) -> io::Result<Vec<u8>> {
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

    #[test]
    fn a_new_file_never_takes_anothers_place_and_a_replacement_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_new(&path, b"one", 0o600).unwrap();
        assert_eq!(
            write_new(&path, b"two", 0o600).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn what_a_crash_left_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".a.tmp"), b"half").unwrap();
        write_new(&dir.path().join("a"), b"whole", 0o600).unwrap();
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"whole");
    }
}

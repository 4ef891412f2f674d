//! The only direct file writes: all others go through the object store or the catalog.
//!
//! `Ok` means: the bytes survive a power loss, on a disk that reports flushes honestly. After an error the state of the
//! file is unknown, and it is never written again in the same process: Linux drops dirty pages whose writing failed, so
//! that a second fsync reports a false success.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    #[cfg(any(test, feature = "faults"))]
    crate::faults::note_sync(dir);
    Ok(())
}

/// Makes the bytes of a file durable.
pub(crate) fn sync_bytes(file: &File, path: &Path) -> io::Result<()> {
    file.sync_data()?;
    #[cfg(any(test, feature = "faults"))]
    crate::faults::note_sync(path);
    #[cfg(not(any(test, feature = "faults")))]
    let _ = path;
    Ok(())
}

/// Creates an empty file, readable by its owner alone, unless it exists; it is durable when its contents are.
pub fn make_empty(path: &Path) -> io::Result<()> {
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
pub fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_data()
}

/// Makes all earlier writes to the file system of a directory durable, names included.
pub fn sync_file_system(dir: &Path) -> io::Result<()> {
    rustix::fs::syncfs(File::open(dir)?).map_err(io::Error::from)
}

/// Makes a file durable that another writer wrote, and makes it private to its owner.
pub fn take_over(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()
}

/// Renames a file or directory within its file system, durably.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    #[cfg(any(test, feature = "faults"))]
    crate::faults::meet("sync", to)?;
    sync_parent(from)?;
    sync_parent(to)
}

/// Removes a directory with its contents; a missing directory counts as removed.
pub fn remove_dir(dir: &Path) -> io::Result<()> {
    #[cfg(any(test, feature = "faults"))]
    crate::faults::meet("remove", dir)?;
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_parent(dir),
    }
}

/// A file that is written under another name, and gets its own when it is complete: after a crash it is complete or
/// absent. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file that gets this name in the end, and then replaces an existing one.
    pub fn create(path: &Path, mode: u32) -> io::Result<Self> {
        let temporary = temporary_name(path)?;
        let file = create_anew(&temporary, mode)?;
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
        })
    }

    /// Writes bytes after the previous ones.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Writes bytes at an offset.
    pub fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// Makes the bytes durable and gives the file its name, which is durable after [`sync_file_system`].
    pub fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.path)
    }

    /// Makes the file durable under its name.
    pub fn commit(self) -> io::Result<()> {
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
pub fn ensure_gone(path: &Path) -> io::Result<()> {
    remove_if_there(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file and makes its absence durable.
pub fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file if it exists. Its absence is durable when its directory is synced.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes all permissions of other users on a file or directory; reports whether they had any.
pub fn make_private(path: &Path) -> io::Result<bool> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    let is_open = mode & 0o077 != 0;
    if is_open {
        std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700))?;
    }
    Ok(is_open)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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

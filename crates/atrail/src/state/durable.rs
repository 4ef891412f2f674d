//! Replaces small files as a whole: after a crash, either the old file or the new one is there.
//!
//! If the path is a link, the new file replaces the link itself: nothing is written through it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::platform;

/// Size limit of these small files, in bytes.
const SMALL_MAX_BYTES: u64 = 16 << 20;

/// Writes a file that only its owner can read: temporary file, sync, rename, sync of the directory.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, platform::create_private)
}

/// Writes a file in the same way, readable by others as far as the umask allows.
pub(crate) fn replace_shared(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, platform::create_shared)
}

/// Reads a small file completely.
///
/// # Errors
/// When the file cannot be read, is not a plain file, or is too large.
pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    platform::open_plain(path)?
        .take(SMALL_MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SMALL_MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is larger than {SMALL_MAX_BYTES} bytes"),
        ));
    }
    Ok(bytes)
}

fn replace_by(
    path: &Path,
    bytes: &[u8],
    create: impl FnOnce(&Path) -> io::Result<File>,
) -> io::Result<()> {
    let temporary = beside(path)?;
    let written = create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    platform::sync_dir(dir.unwrap_or(Path::new(".")))
}

/// Returns an unpredictable name, so that nobody can have placed something there.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number:016x}.tmp"));
    Ok(name.into())
}

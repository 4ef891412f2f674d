//! Replaces small files whole: after a crash there is the old file or the new one, never half of one.
//!
//! What takes the place of a link takes the link's place: nothing is written through one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::platform;

/// Largest of the small files, in bytes.
const SMALL_MAX_BYTES: u64 = 16 << 20;

/// Writes a file that only its owner reads: temporary file, sync, rename, sync of the directory.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, platform::create_private)
}

/// Writes a file for everybody, as far as the process's mask lets them read it, in the same way.
pub(crate) fn replace_shared(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, platform::create_shared)
}

/// Reads a small file whole.
///
/// # Errors
/// When it cannot be read, is no plain file, or is no small one.
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

/// A name that nobody can have put something at.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number:016x}.tmp"));
    Ok(name.into())
}

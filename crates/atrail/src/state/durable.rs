//! Replaces small files whole: after a crash there is the old file or the new one, never half of one.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::platform;

/// Writes a file that only its owner reads: temporary file, sync, rename, sync of the directory.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, platform::private_file())
}

/// Writes a file that others may read as far as the process's mask lets them, in the same way.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, bytes, OpenOptions::new())
}

fn replace_by(path: &Path, bytes: &[u8], mut options: OpenOptions) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&temporary);
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(temporary);
    }
    written?;
    platform::sync_dir(dir)
}

//! Lists directories for tools that inspect a data directory from outside.

use std::path::PathBuf;

use crate::error::{Result, io_failure};
use crate::task::off_thread;

/// Returns the files and the directories in a directory, each in order; links count as files. A missing directory
/// counts as empty.
///
/// # Errors
/// When it cannot be listed.
pub async fn list(dir: PathBuf) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    off_thread(move || list_now(&dir).map_err(io_failure("list", &dir))).await
}

fn list_now(dir: &std::path::Path) -> std::io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut dirs) = (Vec::new(), Vec::new());
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((files, dirs)),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let kind = if entry.file_type()?.is_dir() {
            &mut dirs
        } else {
            &mut files
        };
        kind.push(entry.path());
    }
    files.sort_unstable();
    dirs.sort_unstable();
    Ok((files, dirs))
}

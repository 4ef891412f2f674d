//! Reading a log for damage only: one file in memory at a time, beside a server that writes it, changing nothing.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::file::{damaged, io_failure, log_files, read_file, written_part};
use super::frame::{FILE_HEADER_LEN, FileHeader};
use crate::error::{Result, StoreError};

/// What a log's files are.
#[derive(Debug, Default)]
pub(crate) struct CheckedLog {
    pub(crate) files: u64,
    pub(crate) size_bytes: u64,
    pub(crate) frames: u64,
    /// Bytes after the last sound frame: a write that a crash cut short, one that goes on, or damage of the last frames.
    pub(crate) unreadable_tail: Option<String>,
}

/// How often a file may go between listing and reading, because a server trims its log, before that counts as a failure.
const TRIES: usize = 20;

/// Checks every frame of the files that count.
///
/// # Errors
/// `Damaged` when a frame that was durable cannot be read; or when the files cannot be read.
pub(crate) fn check_log(dir: &Path) -> Result<CheckedLog> {
    let mut tries = 0;
    loop {
        tries += 1;
        match check_once(dir) {
            // A reader beside a writer may see a later write and not the one before.
            Err(error) if may_settle(&error) && tries < TRIES => {}
            done => return done,
        }
    }
}

fn check_once(dir: &Path) -> Result<CheckedLog> {
    let files = log_files(dir)?;
    let mut headers = Vec::new();
    for (_, path) in &files {
        headers.push(header_of(path).map_err(io_failure("read the log file", path))?);
    }
    let start = headers
        .iter()
        .rposition(|header| header.is_some_and(|header| header.restart))
        .unwrap_or(0);
    let mut checked = CheckedLog::default();
    let mut next_sequence = None;
    for (index, (generation, path)) in files.iter().enumerate().skip(start) {
        let is_newest = index + 1 == files.len();
        let bytes = written_part(path).map_err(io_failure("read the log file", path))?;
        checked.files += 1;
        checked.size_bytes += bytes.len() as u64;
        let Some(header) = headers[index].filter(|header| header.generation == *generation) else {
            if is_newest && bytes.iter().all(|byte| *byte == 0) {
                break;
            }
            return Err(damaged(path, 0, "its header is unreadable"));
        };
        if next_sequence.is_some_and(|next| next != header.first_sequence) {
            return Err(damaged(path, 0, "durable frames are missing before it"));
        }
        let mut frames = Vec::new();
        let end = read_file(path, &bytes, header.first_sequence, &mut frames)?;
        checked.frames += frames.len() as u64;
        next_sequence = Some(header.first_sequence + frames.len() as u64);
        if end < bytes.len() {
            checked.unreadable_tail = Some(format!(
                "{} bytes from byte {end} of {} are no frame",
                bytes.len() - end,
                path.display()
            ));
        }
    }
    Ok(checked)
}

fn header_of(path: &Path) -> io::Result<Option<FileHeader>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    io::Read::read_to_end(
        &mut io::Read::take(file, FILE_HEADER_LEN as u64),
        &mut bytes,
    )?;
    Ok(FileHeader::decode(&bytes))
}

fn may_settle(error: &StoreError) -> bool {
    match error {
        StoreError::Directory { source, .. } => source.kind() == io::ErrorKind::NotFound,
        StoreError::Damaged { .. } => true,
        _ => false,
    }
}

/// The sound part of each file that a log has now, oldest first, while a server may write and trim it: `take` gets name
/// and bytes of one after the other. When a file is trimmed before it is read, `None` says that those before it no longer
/// count, as all that they hold is sealed.
///
/// Together the files are a log as it was when this began, with a beginning of what came since.
///
/// # Errors
/// `Damaged` when a durable frame cannot be read; or when files cannot be read or taken.
pub(crate) fn sound_files(
    dir: &Path,
    mut take: impl FnMut(Option<(&OsStr, &[u8])>) -> Result<()>,
) -> Result<()> {
    for (generation, path) in log_files(dir)? {
        let Some(name) = path.file_name() else {
            continue;
        };
        match sound_part(generation, &path) {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => take(Some((name, &bytes)))?,
            Err(StoreError::Directory { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                take(None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What of a file is sound frames; nothing of one that is being made.
fn sound_part(generation: u64, path: &Path) -> Result<Bytes> {
    let mut tries = 0;
    loop {
        tries += 1;
        let bytes = written_part(path).map_err(io_failure("read the log file", path))?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Bytes::new());
        }
        let header = FileHeader::decode(&bytes).filter(|header| header.generation == generation);
        let read = match header {
            Some(header) => read_file(path, &bytes, header.first_sequence, &mut Vec::new()),
            None => Err(damaged(path, 0, "its header is unreadable")),
        };
        match read {
            Ok(end) => return Ok(bytes.slice(..end)),
            Err(error) if may_settle(&error) && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

//! Reading the log's files.

use std::io;
use std::path::{Path, PathBuf};

use atrail_disk::{Result, StoreError, io_failure, read_written};
use bytes::Bytes;

use super::frame::{
    EMPTY_FRAME_LEN, FILE_HEADER_LEN, FRAME_HEADER_LEN, FRAME_MAGIC, FileHeader, Frame,
    FrameHeader, decode_payload, sound_frame,
};

/// Returns the log files by generation.
pub(super) fn log_files(dir: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_failure("list the log directory", dir))? {
        let path = entry
            .map_err(io_failure("list the log directory", dir))?
            .path();
        let generation = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".wal")?.parse().ok());
        files.extend(generation.map(|generation| (generation, path)));
    }
    files.sort_unstable();
    Ok(files)
}

/// Returns the written part of a file: it leaves out the allocated zeros at the end, except as many as a frame may end
/// with. (A frame with events ends with a JSON object.)
pub(super) fn written_part(path: &Path) -> io::Result<Bytes> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut bytes = read_written(path)?;
    let header_len = FILE_HEADER_LEN.min(bytes.len());
    let mut len = bytes.len();
    while bytes[..len].ends_with(&ZEROS) {
        len -= ZEROS.len();
    }
    let len = bytes[..len]
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    // A file system may keep no block of zeros at the end: then fewer bytes were read than the file has.
    let length = usize::try_from(std::fs::metadata(path)?.len()).unwrap_or(usize::MAX);
    let end = (len + EMPTY_FRAME_LEN).min(length).max(header_len);
    bytes.resize(end, 0);
    bytes.shrink_to_fit();
    Ok(Bytes::from(bytes))
}

/// Reads the frames of all files that count, oldest file first.
pub(super) fn read_frames(files: &[(u64, PathBuf, Bytes)]) -> Result<Vec<Frame>> {
    let headers: Vec<_> = files
        .iter()
        .map(|(_, _, bytes)| FileHeader::decode(bytes))
        .collect();
    let start = headers
        .iter()
        .rposition(|header| header.is_some_and(|h| h.restart))
        .unwrap_or(0);
    let mut frames: Vec<Frame> = Vec::new();
    for (index, (generation, path, bytes)) in files.iter().enumerate().skip(start) {
        let newest = index + 1 == files.len();
        let Some(header) = headers[index].filter(|header| header.generation == *generation) else {
            // The newest file is created before its header is written; nothing in it was acknowledged then.
            if newest && first_sound_frame_after(bytes, 0).is_none() {
                break;
            }
            return Err(damaged(path, 0, "its header is unreadable"));
        };
        if frames
            .last()
            .is_some_and(|last| last.sequence + 1 != header.first_sequence)
        {
            return Err(damaged(path, 0, "frames are missing before it"));
        }
        let end = read_file(path, bytes, header.first_sequence, &mut frames)?;
        if !newest
            && headers[index + 1]
                .is_some_and(|next| next.first_sequence != next_sequence(&frames, header))
        {
            return Err(damaged(path, end, "a frame that was durable is unreadable"));
        }
    }
    Ok(frames)
}

fn next_sequence(frames: &[Frame], header: FileHeader) -> u64 {
    frames
        .last()
        .map_or(header.first_sequence, |last| last.sequence + 1)
}

/// Reads one file's frames up to the first unsound one; returns its offset.
pub(super) fn read_file(
    path: &Path,
    bytes: &Bytes,
    first_sequence: u64,
    frames: &mut Vec<Frame>,
) -> Result<usize> {
    let mut at = FILE_HEADER_LEN;
    let mut expected = first_sequence;
    while let Some(header) = sound_frame(&bytes[at.min(bytes.len())..]) {
        if header.sequence != expected {
            return Err(damaged(path, at, "a frame is out of order"));
        }
        let payload = at + FRAME_HEADER_LEN;
        let frame = decode_payload(
            expected,
            &bytes.slice(payload..payload + header.payload_len),
        )
        .ok_or_else(|| damaged(path, at, "a frame's content is malformed"))?;
        frames.push(frame);
        expected = expected
            .checked_add(1)
            .ok_or_else(|| damaged(path, at, "its number is too high"))?;
        at = payload + header.payload_len;
    }
    // Later bytes were never durable, unless a later frame states that they were.
    let mut search = at;
    while let Some((found, header)) = first_sound_frame_after(bytes, search) {
        if header.durable >= expected {
            return Err(damaged(path, at, "a frame that was durable is unreadable"));
        }
        search = found + FRAME_HEADER_LEN;
    }
    Ok(at)
}

fn first_sound_frame_after(bytes: &[u8], from: usize) -> Option<(usize, FrameHeader)> {
    let mut at = from;
    loop {
        let tail = bytes.get(at..)?;
        let found = at + memchr::memmem::find(tail, &FRAME_MAGIC)?;
        if let Some(header) = sound_frame(&bytes[found..]) {
            return Some((found, header));
        }
        at = found + 1;
    }
}

pub(super) fn damaged(path: &Path, offset: usize, why: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("log file {} at byte {offset}", path.display()),
        why: format!(
            "{why}; events that were acknowledged may be lost. Restore the file from a copy, or move it out of its \
             directory to continue without its events"
        ),
    }
}

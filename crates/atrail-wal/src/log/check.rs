//! Checks a log for damage only: it holds one file at a time in memory, may run beside a server that writes the log,
//! and changes nothing.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use atrail_disk::{Result, StoreError, io_failure};
use bytes::Bytes;

use super::frame::{FILE_HEADER_LEN, FileHeader};
use super::read::{damaged, log_files, read_file, written_part};

/// The totals of a log's files.
#[derive(Debug, Default)]
pub struct CheckedLog {
    /// Files of the log.
    pub files: u64,
    /// The length of the files.
    pub size_bytes: u64,
    /// Sound frames in them.
    pub frames: u64,
    /// Bytes after the last sound frame: a write that a crash cut short, a write in progress, or damage of the last
    /// frames.
    pub unreadable_tail: Option<String>,
}

/// How often a file may disappear between listing and reading, because a server trims its log, before that counts as a
/// failure.
const TRIES: usize = 20;

/// Checks every frame of the files that count.
///
/// # Errors
/// `Damaged` when a frame that was durable cannot be read; or when the files cannot be read.
pub fn check_log(dir: &Path) -> Result<CheckedLog> {
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
        if bytes[end..].iter().any(|byte| *byte != 0) {
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

/// Reads the sound part of each present file of a log, oldest first, while a server may write and trim it: calls `take`
/// with name and bytes of one file after the other. A call with `None` means that the earlier calls do not count, and
/// that the reading begins anew: a file disappeared before it was read. (The events of a trimmed file are sealed; but a
/// server that starts writes the unsealed ones to a new file.)
///
/// Together the files are the log as it was when this began, with a beginning of later writes.
///
/// # Errors
/// `Damaged` when a durable frame cannot be read; or when files cannot be read or taken.
pub fn sound_files(
    dir: &Path,
    mut take: impl FnMut(Option<(&OsStr, &[u8])>) -> Result<()>,
) -> Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        match each_sound_file(dir, &mut take) {
            Err(StoreError::Directory { source, .. })
                if source.kind() == io::ErrorKind::NotFound && tries < TRIES =>
            {
                take(None)?;
            }
            done => return done,
        }
    }
}

fn each_sound_file(
    dir: &Path,
    take: &mut impl FnMut(Option<(&OsStr, &[u8])>) -> Result<()>,
) -> Result<()> {
    for (generation, path) in log_files(dir)? {
        let Some(name) = path.file_name() else {
            continue;
        };
        let bytes = sound_part(generation, &path)?;
        if !bytes.is_empty() {
            take(Some((name, &bytes)))?;
        }
    }
    Ok(())
}

/// Returns the part of a file with sound frames; nothing of a file that is being created.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{FileWal, Frame, NewLog, Replay, Wal};
    use super::*;
    use crate::NewEvent;

    fn frame(sequence: u64) -> Frame {
        let line = Bytes::from(format!("{{\"n\":{sequence}}}"));
        Frame {
            sequence,
            domain: atrail_model::Domain::Space(atrail_model::SpaceId::from_bytes([1; 16])),
            events: vec![NewEvent {
                day: "2017-07-24".parse().unwrap(),
                hour: atrail_model::Hour::new(7).unwrap(),
                leaf: atrail_evidence::leaf_hash(&line),
                line,
            }],
        }
    }

    /// Returns a log of two files with three frames each.
    fn log(dir: &Path) -> FileWal {
        let replay = Replay::read(dir).unwrap();
        let mut log = FileWal::restart(dir, &replay, &NewLog::of(&[], 1)).unwrap();
        (1..=3).for_each(|sequence| log.append(&[frame(sequence)]).unwrap());
        log.rotate(false).unwrap();
        (4..=6).for_each(|sequence| log.append(&[frame(sequence)]).unwrap());
        log
    }

    #[test]
    fn a_copy_of_the_sound_parts_replays_as_the_log_does() {
        let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let _log = log(dir.path());
        // A write in progress: no frame yet.
        let newest = log_files(dir.path()).unwrap().pop().unwrap().1;
        let mut bytes = fs::read(&newest).unwrap();
        let written = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        bytes[written..written + 9].copy_from_slice(b"ATfr12345");
        fs::write(&newest, bytes).unwrap();
        sound_files(dir.path(), |file| {
            let (name, bytes) = file.unwrap();
            assert!(bytes.len() <= written);
            fs::write(copy.path().join(name), bytes).unwrap();
            Ok(())
        })
        .unwrap();
        let replayed = Replay::read(copy.path()).unwrap().frames;
        let sequences: Vec<_> = replayed.iter().map(|frame| frame.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
        let checked = check_log(dir.path()).unwrap();
        assert_eq!((checked.files, checked.frames), (2, 6));
        assert!(checked.unreadable_tail.is_some());
        assert_eq!(check_log(copy.path()).unwrap().unreadable_tail, None);
    }

    #[test]
    fn a_log_that_is_begun_anew_meanwhile_is_copied_anew() {
        let dir = tempfile::tempdir().unwrap();
        let _log = log(dir.path());
        let (mut seen, mut restarted) = (Vec::new(), None);
        sound_files(dir.path(), |file| {
            match file {
                Some((name, bytes)) => {
                    // While the first is copied, a server starts: the unsealed events are in a new file.
                    restarted.get_or_insert_with(|| {
                        let replay = Replay::read(dir.path()).unwrap();
                        FileWal::restart(dir.path(), &replay, &NewLog::of(&[frame(7)], 7)).unwrap()
                    });
                    seen.push((name.to_owned(), bytes.to_vec()));
                }
                None => seen.clear(),
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.len(), 1);
        assert!(memchr::memmem::find(&seen[0].1, b"{\"n\":7}").is_some());
    }
}

//! The write-ahead log in files of one directory.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_model::Domain;
use bytes::Bytes;

use super::erase::{ClosedFile, ClosedFiles, Eraser, remove_unfinished};
use super::frame::{
    EMPTY_FRAME_LEN, FILE_HEADER_LEN, FRAME_HEADER_LEN, FRAME_MAGIC, FileHeader, Frame,
    decode_payload, encode_frame, encoded_len, sound_frame,
};
use super::{AppendError, Wal, is_full};
use crate::durable::{self, AllocatedFile};
use crate::error::{Result, StoreError, io_failure};

/// Default space of a log file.
pub(crate) const FILE_SIZE_BYTES: u64 = 64 << 20;
/// Room for new frames in a log file that is created when there is no more space.
const SMALL_FILE_SIZE_BYTES: u64 = 1 << 20;

/// A write-ahead log in files `GENERATION.wal`. Only one value at a time writes to a directory.
#[derive(Debug)]
pub(crate) struct FileWal {
    dir: PathBuf,
    active: AllocatedFile,
    generation: u64,
    /// The domains that have frames in the current file.
    domains: HashSet<Domain>,
    closed: Arc<ClosedFiles>,
    durable: u64,
    buffer: Vec<u8>,
    file_size_bytes: u64,
}

/// The beginning of a new log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewLog<'a> {
    /// Its first frames, numbered from `first_sequence`.
    pub(crate) frames: &'a [Frame],
    pub(crate) first_sequence: u64,
    /// Space allocated for a log file, unless one frame needs more.
    pub(crate) file_size_bytes: u64,
    /// Whether the first file gets only the space that its frames and a few more need: on a full disk.
    pub(crate) is_cramped: bool,
}

impl<'a> NewLog<'a> {
    /// Begins a log with files of the usual size.
    pub(crate) const fn of(frames: &'a [Frame], first_sequence: u64) -> Self {
        Self {
            frames,
            first_sequence,
            file_size_bytes: FILE_SIZE_BYTES,
            is_cramped: false,
        }
    }

    fn first_file_bytes(&self) -> u64 {
        let frames = self.frames.iter();
        let needed = FILE_HEADER_LEN as u64
            + frames
                .map(|frame| encoded_len(&frame.events) as u64)
                .sum::<u64>();
        if self.is_cramped {
            needed + SMALL_FILE_SIZE_BYTES.min(self.file_size_bytes)
        } else {
            // The same space again remains for new frames.
            self.file_size_bytes.max(needed * 2)
        }
    }
}

/// Bytes that are collected before they are written to a new file.
const PIECE_BYTES: usize = 8 << 20;

/// The contents of a directory's log files.
#[derive(Debug)]
pub(crate) struct Replay {
    /// Every sound frame in order, without those whose events were erased.
    pub(crate) frames: Vec<Frame>,
    /// The highest number of a frame; 0 when there is none.
    pub(crate) last_sequence: u64,
    files: Vec<PathBuf>,
    last_generation: u64,
}

impl Replay {
    /// Reads the directory's log files. Frames above the durable watermark may be missing or cut.
    ///
    /// # Errors
    /// `Damaged` when a frame that was durable cannot be read: the error names the file and offset, and nothing is
    /// changed.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        durable::create_dir(dir).map_err(io_failure("make the log directory", dir))?;
        let mut files = log_files(dir)?;
        let mut contents = Vec::new();
        for (generation, path) in &files {
            let bytes = written_part(path).map_err(io_failure("read the log file", path))?;
            contents.push((*generation, path.clone(), bytes));
        }
        let last_generation = files.last().map_or(0, |(generation, _)| *generation);
        let mut frames = read_frames(&contents)?;
        let last_sequence = frames.last().map_or(0, |frame| frame.sequence);
        frames.retain(|frame| !frame.events.is_empty());
        Ok(Self {
            frames,
            last_sequence,
            files: files.drain(..).map(|(_, path)| path).collect(),
            last_generation,
        })
    }

    /// Returns the domains of its events; each as often as it has frames.
    pub(crate) fn domains(&self) -> impl Iterator<Item = Domain> {
        self.frames.iter().map(|frame| frame.domain)
    }
}

impl FileWal {
    /// Begins a new log after a replay: writes the given frames to a new file, makes it durable, and only then removes
    /// the old files. (After a failed fsync the page cache may have bytes that the disk lacks, so replayed frames count
    /// as durable only once they were written again.)
    ///
    /// # Errors
    /// When the disk fails. For lack of space nothing is changed, and the caller may try again.
    pub(crate) fn restart(dir: &Path, replay: &Replay, new: &NewLog<'_>) -> Result<Self> {
        let NewLog {
            frames,
            first_sequence,
            file_size_bytes,
            ..
        } = *new;
        let generation = replay.last_generation + 1;
        let path = file_path(dir, generation);
        let making = path.with_extension("wal.new");
        let durable = first_sequence - 1;
        let header = FileHeader {
            generation,
            first_sequence,
            restart: true,
        };
        if making.exists() {
            durable::remove(&making)
                .map_err(io_failure("remove the unfinished log file", &making))?;
        }
        let mut active = AllocatedFile::create(&making, new.first_file_bytes())
            .map_err(io_failure("make the log file", &making))?;
        write_in_pieces(&mut active, header, frames, durable)
            .map_err(io_failure("write the log file", &making))?;
        active
            .rename(&path)
            .map_err(io_failure("name the log file", &path))?;
        remove_unfinished(dir)?;
        for old in &replay.files {
            durable::ensure_gone(old).map_err(io_failure("remove the old log file", old))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            active,
            generation,
            domains: frames.iter().map(|frame| frame.domain).collect(),
            closed: Arc::default(),
            durable: durable + frames.len() as u64,
            buffer: Vec::new(),
            file_size_bytes,
        })
    }

    fn open_next_file(&mut self, size: u64) -> io::Result<()> {
        let generation = self.generation + 1;
        let path = file_path(&self.dir, generation);
        let mut next = AllocatedFile::create(&path, size)?;
        let header = FileHeader {
            generation,
            first_sequence: self.durable + 1,
            restart: false,
        };
        if let Err(error) = next.append(&header.encode()) {
            // If it stayed, it would block the next try.
            let _ = durable::remove(&path);
            return Err(error);
        }
        self.closed.push(ClosedFile {
            path: file_path(&self.dir, self.generation),
            last_sequence: self.durable,
            domains: std::mem::take(&mut self.domains),
        });
        self.generation = generation;
        self.active = next;
        Ok(())
    }
}

impl Wal for FileWal {
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError> {
        let needed: u64 = frames
            .iter()
            .map(|frame| encoded_len(&frame.events) as u64)
            .sum();
        if needed > self.active.room() {
            let size = self.file_size_bytes.max(needed + FILE_HEADER_LEN as u64);
            self.open_next_file(size)
                .map_err(AppendError::of_new_file)?;
        }
        self.buffer.clear();
        frames
            .iter()
            .for_each(|frame| encode_frame(frame, self.durable, &mut self.buffer));
        self.active
            .append(&self.buffer)
            .map_err(AppendError::Broken)?;
        self.buffer.shrink_to(8 << 20);
        self.durable += frames.len() as u64;
        self.domains.extend(frames.iter().map(|frame| frame.domain));
        Ok(())
    }

    fn rotate(&mut self, even_small: bool) -> Result<(), AppendError> {
        let small = SMALL_FILE_SIZE_BYTES.min(self.file_size_bytes);
        let opened = match self.open_next_file(self.file_size_bytes) {
            Err(error) if even_small && is_full(&error) => self.open_next_file(small),
            opened => opened,
        };
        opened.map_err(AppendError::of_new_file)
    }

    fn trim(&mut self, floor: u64) -> io::Result<()> {
        self.closed.trim(floor)
    }

    fn part_with(&mut self, domains: &HashSet<Domain>) -> Result<Eraser, AppendError> {
        if !self.domains.is_disjoint(domains) {
            self.rotate(true)?;
        }
        Ok(Eraser::of(&self.closed, self.durable))
    }
}

/// Writes a whole new file without holding a second copy of all frames in memory.
fn write_in_pieces(
    file: &mut AllocatedFile,
    header: FileHeader,
    frames: &[Frame],
    durable: u64,
) -> io::Result<()> {
    let mut buffer = header.encode().to_vec();
    for frame in frames {
        encode_frame(frame, durable, &mut buffer);
        if buffer.len() >= PIECE_BYTES {
            file.append(&buffer)?;
            buffer.clear();
        }
    }
    file.append(&buffer)
}

fn file_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("{generation:012}.wal"))
}

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
    let mut bytes = durable::read_written(path)?;
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

fn first_sound_frame_after(
    bytes: &[u8],
    from: usize,
) -> Option<(usize, super::frame::FrameHeader)> {
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

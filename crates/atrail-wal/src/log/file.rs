//! The write-ahead log in files of one directory.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_disk::{AllocatedFile, Result, durable, io_failure};
use atrail_model::Domain;

use super::erase::{ClosedFile, ClosedFiles, Eraser, remove_unfinished};
use super::frame::{FILE_HEADER_LEN, FileHeader, Frame, encode_frame, encoded_len};
use super::read::{log_files, read_frames, written_part};
use super::{AppendError, Wal, is_full};

/// Default space of a log file.
pub const FILE_SIZE_BYTES: u64 = 64 << 20;
/// Room for new frames in a log file that is created when there is no more space.
const SMALL_FILE_SIZE_BYTES: u64 = 1 << 20;

/// A write-ahead log in files `GENERATION.wal`. Only one value at a time writes to a directory.
#[derive(Debug)]
pub struct FileWal {
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
pub struct NewLog<'a> {
    /// Its first frames, numbered from `first_sequence`.
    pub frames: &'a [Frame],
    /// The number of the first frame.
    pub first_sequence: u64,
    /// Space allocated for a log file, unless one frame needs more.
    pub file_size_bytes: u64,
    /// Whether the first file gets only the space that its frames and a few more need: on a full disk.
    pub is_cramped: bool,
}

impl<'a> NewLog<'a> {
    /// Begins a log with files of the usual size.
    pub const fn of(frames: &'a [Frame], first_sequence: u64) -> Self {
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
pub struct Replay {
    /// Every sound frame in order, without those whose events were erased.
    pub frames: Vec<Frame>,
    /// The highest number of a frame; 0 when there is none.
    pub last_sequence: u64,
    files: Vec<PathBuf>,
    last_generation: u64,
}

impl Replay {
    /// Reads the directory's log files. Frames above the durable watermark may be missing or cut.
    ///
    /// # Errors
    /// `Damaged` when a frame that was durable cannot be read: the error names the file and offset, and nothing is
    /// changed.
    pub fn read(dir: &Path) -> Result<Self> {
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
    pub fn domains(&self) -> impl Iterator<Item = Domain> {
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
    pub fn restart(dir: &Path, replay: &Replay, new: &NewLog<'_>) -> Result<Self> {
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

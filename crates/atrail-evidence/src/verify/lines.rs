//! Reads the lines of a file, compressed or not, as leaf hashes.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use memchr::memchr;
use sha2::{Digest, Sha256};

use crate::leaf::LeafHash;
use crate::manifest::{Manifest, hex};

const BUFFER_BYTES: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A line, without its LF.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) leaf: LeafHash,
    pub(crate) bytes: u64,
}

/// The way in which the lines of a file end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With the LF of the last line.
    Whole,
    /// In a line without LF.
    InLine,
    /// The compressed data ends too early.
    Cut,
    /// The compressed data is damaged.
    Damaged(String),
}

/// Reads a file line by line.
pub(crate) struct Lines<'m, R: Read> {
    source: Source<'m, R>,
    raw: Rc<RefCell<Raw<'m>>>,
    /// The length of the file as it was made.
    length: u64,
    /// Decompressed bytes that are not yet hashed: `buffer[start..end]`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: Option<End>,
}

type Tee<'m, R> = BufReader<Chain<Cursor<Vec<u8>>, TeeReader<'m, R>>>;

enum Source<'m, R: Read> {
    Gzip(Box<MultiGzDecoder<Tee<'m, R>>>),
    Plain(Tee<'m, R>),
}

/// The state of comparing the file's raw bytes.
struct Raw<'m> {
    /// The expected objects, beginning with the one being read; `None` after a mismatch.
    objects: Option<&'m [crate::ManifestObject]>,
    hasher: Sha256,
    in_object: u64,
    /// Bytes of the file that were read.
    read_bytes: u64,
    /// Whether reading itself failed, as opposed to a fault in the bytes.
    has_failed: bool,
}

impl Raw<'_> {
    fn take(&mut self, mut bytes: &[u8]) {
        self.read_bytes += bytes.len() as u64;
        while let Some((object, rest)) = self.objects.and_then(<[_]>::split_first) {
            let wanted = object.length.saturating_sub(self.in_object);
            let now = usize::try_from(wanted)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            self.hasher.update(&bytes[..now]);
            self.in_object += now as u64;
            bytes = &bytes[now..];
            if self.in_object < object.length {
                return;
            }
            let digest = hex(&self.hasher.finalize_reset());
            self.in_object = 0;
            self.objects = (digest == object.sha256).then_some(rest);
        }
        if !bytes.is_empty() {
            self.objects = None;
        }
    }
}

struct TeeReader<'m, R> {
    inner: R,
    raw: Rc<RefCell<Raw<'m>>>,
}

impl<R: Read> Read for TeeReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                self.raw.borrow_mut().take(&buffer[..count]);
                Ok(count)
            }
            Err(error) => {
                if error.kind() != ErrorKind::Interrupted {
                    self.raw.borrow_mut().has_failed = true;
                }
                Err(error)
            }
        }
    }
}

impl<'m, R: Read> Lines<'m, R> {
    /// Returns the lines of a file, and compares its bytes with the manifest.
    pub(crate) fn new(file: R, manifest: &'m Manifest) -> io::Result<Self> {
        let raw = Rc::new(RefCell::new(Raw {
            objects: Some(&manifest.objects),
            hasher: Sha256::new(),
            in_object: 0,
            read_bytes: 0,
            has_failed: false,
        }));
        let mut file = TeeReader {
            inner: file,
            raw: Rc::clone(&raw),
        };
        let mut begin = Vec::new();
        (&mut file)
            .take(GZIP.len() as u64)
            .read_to_end(&mut begin)?;
        let is_gzip = begin == GZIP;
        let file = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(begin).chain(file));
        Ok(Self {
            source: if is_gzip {
                Source::Gzip(Box::new(MultiGzDecoder::new(file)))
            } else {
                Source::Plain(file)
            },
            raw,
            length: manifest.objects.iter().map(|object| object.length).sum(),
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            ended: None,
        })
    }

    /// Returns the next line; `None` at the end, which [`Lines::end`] then describes.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        self.next_with(|_| ())
    }

    /// Like [`Lines::next`], and passes on the bytes of the line, piece by piece.
    pub(crate) fn next_with(&mut self, mut piece: impl FnMut(&[u8])) -> io::Result<Option<Line>> {
        let mut hasher = Sha256::new_with_prefix([0x00]);
        let mut bytes = 0;
        loop {
            let rest = &self.buffer[self.start..self.end];
            let found = memchr(b'\n', rest);
            let part = &rest[..found.unwrap_or(rest.len())];
            hasher.update(part);
            piece(part);
            bytes += part.len() as u64;
            self.start += part.len() + usize::from(found.is_some());
            if found.is_some() {
                let leaf = LeafHash(hasher.finalize().into());
                return Ok(Some(Line { leaf, bytes }));
            }
            if !self.refill()? {
                if bytes > 0 && self.ended == Some(End::Whole) {
                    self.ended = Some(End::InLine);
                }
                return Ok(None);
            }
        }
    }

    /// Returns how the lines ended; `None` before the end.
    pub(crate) const fn end(&self) -> Option<&End> {
        self.ended.as_ref()
    }

    /// Returns whether the file's bytes matched the manifest to the end.
    pub(crate) fn is_as_made(&self) -> bool {
        matches!(self.raw.borrow().objects, Some([]))
    }

    fn refill(&mut self) -> io::Result<bool> {
        if self.ended.is_some() {
            return Ok(false);
        }
        (self.start, self.end) = (0, 0);
        let read = loop {
            let read = match &mut self.source {
                Source::Gzip(decoder) => decoder.read(&mut self.buffer),
                Source::Plain(file) => file.read(&mut self.buffer),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => self.ended = Some(self.end_of_data()?),
            Ok(count) => self.end = count,
            Err(error) if self.raw.borrow().has_failed => return Err(error),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.ended = Some(self.end_within_member());
            }
            Err(error) => self.ended = Some(End::Damaged(error.to_string())),
        }
        Ok(self.end > 0)
    }

    /// Returns whether the file ended early because its bytes are damaged, and not because it was cut.
    pub(crate) fn is_damaged(&self) -> bool {
        match (&self.source, &self.ended) {
            (_, Some(End::Damaged(_))) => true,
            (Source::Plain(_), Some(_)) => self.has_full_length(),
            _ => false,
        }
    }

    /// Returns whether as many bytes were read as the file was made of. A text that was unpacked has another length.
    fn has_full_length(&self) -> bool {
        self.raw.borrow().read_bytes == self.length
    }

    /// Damage can make the decoder want more data than there is: a file of its full length is not cut.
    fn end_within_member(&self) -> End {
        if self.has_full_length() {
            End::Damaged(
                "it ends within a gzip member, and the file has its full length".to_owned(),
            )
        } else {
            End::Cut
        }
    }

    /// Checks whether data follows: the decoder may end before the file does.
    fn end_of_data(&mut self) -> io::Result<End> {
        let Source::Gzip(decoder) = &mut self.source else {
            return Ok(End::Whole);
        };
        let is_at_end = loop {
            match decoder.get_mut().fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                rest => break rest?.is_empty(),
            }
        };
        Ok(if is_at_end {
            End::Whole
        } else {
            End::Damaged("something that is not gzip follows".to_owned())
        })
    }
}

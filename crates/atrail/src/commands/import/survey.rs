//! The first reading of a file: its hash, and how much of it is known.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::ledger::{Counts, Key, Ledger};
use crate::commands::trail::batch::CHUNK_BYTES;
use crate::unpack::unpacked;

/// Bytes at the beginning of a file among which a NUL shows that it is no text.
const LOOK_BYTES: usize = 8 << 10;

/// A file is no text.
#[derive(Debug, thiserror::Error)]
#[error("it is no text")]
pub(super) struct NoText;

/// A beginning of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beginning {
    /// Its length, in bytes.
    pub(super) length: u64,
    /// Its SHA-256.
    pub(super) hash: [u8; 32],
}

/// What the first reading finds.
#[derive(Debug)]
pub(super) struct Survey {
    /// All of the unpacked text.
    pub(super) all: Beginning,
    /// Its whole lines.
    pub(super) lines: Beginning,
    /// The longest beginning that the ledger has, and what was answered to it; it ends where a line does.
    pub(super) known: Option<(u64, Counts)>,
    /// Whether the file holds the text as it is.
    pub(super) is_plain: bool,
}

impl Survey {
    /// Reads a file to its end, and looks its beginnings up in a ledger.
    ///
    /// # Errors
    /// When it cannot be read, or is no text.
    pub(super) fn of(
        source: &mut (impl Read + Send),
        ledger: Option<&Mutex<Ledger>>,
    ) -> io::Result<Self> {
        let unpacked = unpacked(source)?;
        let (mut text, is_plain) = (unpacked.text, !unpacked.is_packed);
        let (mut hash, mut length) = (Sha256::new(), 0);
        let (mut lines, mut known) = (None, None);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = read_some(&mut text, &mut chunk)?;
            if count == 0 {
                break;
            }
            let read = &chunk[..count];
            if length == 0 && read[..count.min(LOOK_BYTES)].contains(&0) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, NoText));
            }
            let ledger = ledger.map(|ledger| ledger.lock().unwrap_or_else(PoisonError::into_inner));
            let ledger = ledger.filter(|ledger| !ledger.is_empty());
            let Some(ledger) = ledger else {
                let whole = after_last_line(read);
                hash.update(&read[..whole]);
                if whole > 0 {
                    lines = Some((length + whole as u64, hash.clone()));
                }
                hash.update(&read[whole..]);
                length += count as u64;
                continue;
            };
            for line in read.split_inclusive(|byte| *byte == b'\n') {
                let text = line.strip_suffix(b"\n");
                hash.update(text.unwrap_or(line));
                length += text.unwrap_or(line).len() as u64;
                if text.is_none() {
                    continue;
                }
                // A text that ended without a line feed may have been continued by one.
                for end in ["", "\n"] {
                    hash.update(end);
                    length += end.len() as u64;
                    let key = Key::of_content(&hash.clone().finalize().into());
                    if let Some(counts) = ledger.find(key).filter(|_| length > 0) {
                        known = Some((length, counts));
                    }
                }
                lines = Some((length, hash.clone()));
            }
        }
        let beginning = |(length, hash): (u64, Sha256)| Beginning {
            length,
            hash: hash.finalize().into(),
        };
        Ok(Self {
            all: beginning((length, hash)),
            lines: lines.map_or_else(Beginning::default, beginning),
            known,
            is_plain,
        })
    }
}

/// Returns the position after the last line feed, or 0.
pub(super) fn after_last_line(text: &[u8]) -> usize {
    let at = text.iter().rposition(|byte| *byte == b'\n');
    at.map_or(0, |at| at + 1)
}

/// Reads once.
pub(super) fn read_some(source: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

//! The client's record of what it has imported, so that a second import reads only what is new.
//!
//! ```text
//! $XDG_CONFIG_HOME/atrail/imports/TARGET.ledger     0600, records of 32 bytes
//!   the first: "atrail imports 1", padded with NUL
//!   each other: 16 bytes of a SHA-256 | events (u64) | refused (u64), little-endian
//! ```
//!
//! A file has two records: one by its place (path, size and time; bucket, key and ETag), so that it need not be read
//! again, and one by its unpacked bytes, so that a moved or recompressed copy is known as well. A record is written when
//! the server has acknowledged every event of the file. A lost record costs only that the file is sent again.
//!
//! A record by bytes states that the events of a text of exactly these bytes were acknowledged. A file that begins with
//! such a text, up to the end of a line, has grown since: a reader sends what follows. A large file has such records also
//! of its beginnings.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::error::{CliError, Result};
use crate::platform;
use crate::state::StateDir;

const RECORD_BYTES: usize = 32;
const HEAD: &[u8; RECORD_BYTES] = b"atrail imports 1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What identifies a file, or its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 16]);

impl Key {
    /// Returns the key of these texts, in this order.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        Self(std::array::from_fn(|at| digest[at]))
    }

    /// Returns the key of a text by its SHA-256.
    pub(super) fn of_content(hash: &[u8; 32]) -> Self {
        Self::of(&[b"content", hash])
    }

    fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            refused: self.refused + other.refused,
        }
    }
}

/// What the server answered to the events of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Events that the server acknowledged.
    pub(super) events: u64,
    /// Items that the client or the server refused.
    pub(super) refused: u64,
}

/// The record of one target.
#[derive(Debug)]
pub(super) struct Ledger {
    file: File,
    path: PathBuf,
    known: HashMap<Key, Counts>,
}

impl Ledger {
    /// Opens the record of a target, and makes it if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, or is of another program or a later version.
    pub(super) fn open(state: &StateDir, target: Key) -> Result<Self> {
        let dir = state.path().join("imports");
        let path = dir.join(format!("{}.ledger", target.hex()));
        let failed = |error| CliError::file(format!("could not open {}", path.display()), error);
        platform::create_private_dir(&dir).map_err(failed)?;
        let mut file = platform::open_lock(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        let text = read(&mut file).map_err(failed)?;
        file.unlock().map_err(failed)?;
        let (head, records) = text.split_at(RECORD_BYTES.min(text.len()));
        if head != HEAD {
            return Err(
                CliError::failed(format!("{} is no ledger of imports", path.display())).hint(
                    "remove it: the next import sends everything again, and the server stores each event once",
                ),
            );
        }
        let known = records.chunks_exact(RECORD_BYTES).map(parsed).collect();
        Ok(Self { file, path, known })
    }

    /// Returns whether nothing is recorded.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Returns what was answered to a file that is known by this key.
    pub(super) fn find(&self, key: Key) -> Option<Counts> {
        self.known.get(&key).copied()
    }

    /// Records a file under these keys.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn add(
        &mut self,
        keys: impl IntoIterator<Item = Key>,
        counts: Counts,
    ) -> Result<()> {
        let mut text = Vec::new();
        for key in keys {
            if self.known.insert(key, counts) != Some(counts) {
                text.extend_from_slice(&key.0);
                text.extend_from_slice(&counts.events.to_le_bytes());
                text.extend_from_slice(&counts.refused.to_le_bytes());
            }
        }
        self.append(&text).map_err(|error| {
            CliError::file(format!("could not write {}", self.path.display()), error)
        })
    }

    /// Appends whole records, also behind one that a killed process left incomplete.
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.lock()?;
        let end = self.file.seek(SeekFrom::End(0))?;
        let whole = end - end % RECORD_BYTES as u64;
        self.file.seek(SeekFrom::Start(whole))?;
        let written = self.file.write_all(text);
        self.file.unlock()?;
        written
    }
}

/// Returns the file's bytes, and writes its first record if it is new.
fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if text.len() < RECORD_BYTES && HEAD.starts_with(&text) {
        file.rewind()?;
        file.write_all(HEAD)?;
        text = HEAD.to_vec();
    }
    Ok(text)
}

fn parsed(record: &[u8]) -> (Key, Counts) {
    let number = |at: usize| {
        let bytes = std::array::from_fn(|index| record[at + index]);
        u64::from_le_bytes(bytes)
    };
    let key = Key(std::array::from_fn(|at| record[at]));
    let counts = Counts {
        events: number(16),
        refused: number(24),
    };
    (key, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_known_also_behind_a_cut_record() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().to_owned());
        let [target, one, two, other] = [b"t", b"1", b"2", b"o"].map(|text| Key::of(&[text]));
        let counts = |events| Counts { events, refused: 1 };
        let mut ledger = Ledger::open(&state, target).unwrap();
        ledger.add([one, two], counts(3)).unwrap();
        let path = ledger.path.clone();
        let mut bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 3 * RECORD_BYTES);
        bytes.truncate(3 * RECORD_BYTES - 5);
        std::fs::write(&path, bytes).unwrap();

        let mut ledger = Ledger::open(&state, target).unwrap();
        assert_eq!(
            (ledger.find(one), ledger.find(two)),
            (Some(counts(3)), None)
        );
        ledger.add([other], counts(4)).unwrap();
        let ledger = Ledger::open(&state, target).unwrap();
        let found = [one, two, other].map(|key| ledger.find(key).map(|counts| counts.events));
        assert_eq!(found, [Some(3), None, Some(4)]);

        std::fs::write(&path, b"something else").unwrap();
        assert!(Ledger::open(&state, target).is_err());
    }
}

//! A sorted run of hits in a temporary file, which nobody else can read and which has no name once it is open.

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use atrail_model::{AccountId, Domain, SpaceId};

use super::sortable::{Key, Sortable};
use crate::nameless::Nameless;

/// Bytes of a hit before its line: time, domain, file, number, length of the line.
const HEAD_BYTES: usize = 16 + DOMAIN_BYTES + 4 + 8 + 8;
/// Bytes of a domain: its kind, and its GUID.
const DOMAIN_BYTES: usize = 17;

/// A run that is completely written.
#[derive(Debug)]
pub(super) struct Run(Nameless);

impl Run {
    /// Writes hits that are sorted.
    ///
    /// # Errors
    /// When the file cannot be written, or a hit cannot be read.
    pub(super) fn write(
        dir: &Path,
        hits: impl Iterator<Item = io::Result<Sortable>>,
    ) -> io::Result<Self> {
        let file = Nameless::create(dir, "search")?;
        let mut out = BufWriter::with_capacity(256 << 10, file.file());
        for hit in hits {
            let Sortable { key, line } = hit?;
            out.write_all(&key.time.to_le_bytes())?;
            out.write_all(&written(key.domain))?;
            out.write_all(&key.file.to_le_bytes())?;
            out.write_all(&key.number.to_le_bytes())?;
            out.write_all(&(line.len() as u64).to_le_bytes())?;
            out.write_all(&line)?;
        }
        out.flush()?;
        drop(out);
        Ok(Self(file))
    }

    /// Reads the run from its beginning.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(self) -> io::Result<RunReader> {
        self.0.file().rewind()?;
        Ok(RunReader(BufReader::with_capacity(64 << 10, self.0)))
    }
}

/// Reads a run.
#[derive(Debug)]
pub(super) struct RunReader(BufReader<Nameless>);

impl RunReader {
    /// Returns the next hit; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Sortable>> {
        let mut head = [0; HEAD_BYTES];
        if !self.begins(&mut head)? {
            return Ok(None);
        }
        let (time, rest) = split::<16>(&head);
        let (domain, rest) = split::<DOMAIN_BYTES>(rest);
        let (file, rest) = split::<4>(rest);
        let (number, rest) = split::<8>(rest);
        let (length, _) = split::<8>(rest);
        let key = Key {
            time: i128::from_le_bytes(time),
            domain: domain_of(domain),
            file: u32::from_le_bytes(file),
            number: u64::from_le_bytes(number),
        };
        let length = usize::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?;
        let mut line = vec![0; length];
        self.0.read_exact(&mut line)?;
        Ok(Some(Sortable { key, line }))
    }

    /// Reads the head of a hit; returns `false` at the end of the run.
    fn begins(&mut self, head: &mut [u8]) -> io::Result<bool> {
        let (first, rest) = head.split_at_mut(1);
        loop {
            match self.0.read(first) {
                Ok(0) => return Ok(false),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.0.read_exact(rest)?;
        Ok(true)
    }
}

fn written(domain: Option<Domain>) -> [u8; DOMAIN_BYTES] {
    let (kind, guid) = match &domain {
        None => (0, &[0; 16]),
        Some(Domain::Space(id)) => (1, id.as_bytes()),
        Some(Domain::Account(id)) => (2, id.as_bytes()),
    };
    let mut bytes = [kind; DOMAIN_BYTES];
    bytes[1..].copy_from_slice(guid);
    bytes
}

fn domain_of([kind, guid @ ..]: [u8; DOMAIN_BYTES]) -> Option<Domain> {
    match kind {
        1 => Some(Domain::Space(SpaceId::from_bytes(guid))),
        2 => Some(Domain::Account(AccountId::from_bytes(guid))),
        _ => None,
    }
}

fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    let (first, rest) = bytes.split_first_chunk::<N>().expect("the head is longer");
    (*first, rest)
}

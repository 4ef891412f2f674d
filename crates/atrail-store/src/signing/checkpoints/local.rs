//! The newest checkpoint of each domain, in a file beside the catalog: one line of JSON each, the last of a domain
//! counts.
//!
//! Lines that are appended together begin with a line that states that everything before it is durable. So damage below
//! the last such line is real damage, and damage above it is the remainder, after a crash, of lines that nobody saw. An
//! empty line before it prevents a damaged line feed from destroying both.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use atrail_disk::data_dir::{self, CHECKPOINTS, NEW_EPOCH};
use atrail_disk::{ErrorKind, LineFile, Result, StoreError, durable};
use atrail_model::Domain;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::{Checkpoints, Signed, covers};

const MODE: u32 = 0o600;
/// A shorter file is not rewritten to make it shorter.
const SHORT_BYTES: u64 = 4 << 20;

/// Checkpoints in a file of the data directory.
#[derive(Debug)]
pub(crate) struct LocalCheckpoints {
    data_dir: PathBuf,
    file: Mutex<CheckpointFile>,
    /// What the file says, for readers who must not wait for a disk.
    newest: RwLock<HashMap<Domain, Signed>>,
}

impl LocalCheckpoints {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// `Damaged` with the number of the line, when a line is no checkpoint that was durable; when the file cannot be
    /// read.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        let file = CheckpointFile::open(data_dir)?;
        Ok(Self {
            newest: RwLock::new(file.newest.clone()),
            file: Mutex::new(file),
            data_dir: data_dir.to_owned(),
        })
    }
}

impl Checkpoints for LocalCheckpoints {
    fn domains(&self) -> Vec<Domain> {
        self.newest.read().keys().copied().collect()
    }

    fn newest(&self, domain: Domain) -> Option<Signed> {
        self.newest.read().get(&domain).cloned()
    }

    fn remember(&self, signed: &[(Domain, Signed)]) -> Result<()> {
        let mut file = self.file.lock();
        let outcome = file.remember(signed);
        // What was appended counts, also when shortening the file then failed.
        let mut newest = self.newest.write();
        for (domain, _) in signed {
            if let Some(kept) = file.newest.get(domain) {
                newest.insert(*domain, kept.clone());
            }
        }
        outcome
    }

    fn demanded_epoch(&self) -> Result<Option<String>> {
        let path = self.data_dir.join(NEW_EPOCH);
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            text => text.map(Some).map_err(failed("read", &path)),
        }
    }

    fn demand_epoch(&self, reason: &str) -> Result<()> {
        data_dir::demand_epoch(&self.data_dir, reason)
    }

    fn forget_demand(&self) -> Result<()> {
        let path = self.data_dir.join(NEW_EPOCH);
        durable::remove(&path).map_err(failed("remove", &path))
    }
}

/// The file, and its contents.
#[derive(Debug)]
struct CheckpointFile {
    path: PathBuf,
    /// Created at the first write.
    file: Option<LineFile>,
    newest: HashMap<Domain, Signed>,
    /// Bytes of the lines that count.
    newest_bytes: u64,
    /// The reason why writing has stopped.
    broken: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Signed {
        domain: String,
        checkpoint: String,
    },
    /// Everything before the empty line before this one, this many bytes, was durable when it was written.
    Durable {
        durable: u64,
    },
}

impl CheckpointFile {
    fn open(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(CHECKPOINTS);
        let newest = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            text => parse(&path, &text.map_err(failed("read", &path))?)?,
        };
        Ok(Self {
            path,
            file: None,
            newest_bytes: 0,
            newest,
            broken: None,
        })
    }

    fn remember(&mut self, signed: &[(Domain, Signed)]) -> Result<()> {
        if let Some(why) = &self.broken {
            return Err(StoreError::Poisoned(why.clone()));
        }
        let mut lines = Vec::new();
        let mut fresh = Vec::new();
        for (domain, signed) in signed {
            if covers(self.newest.get(domain), &signed.checkpoint)? {
                continue;
            }
            lines.push(signed_line(*domain, &signed.note)?);
            fresh.push((*domain, signed.clone()));
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.append(&lines.concat())?;
        self.newest.extend(fresh);
        self.shorten()
    }

    fn append(&mut self, lines: &str) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            // The rewriting removes the remainder of a crash at the end.
            None => {
                self.rewrite()?;
                let opened = LineFile::open(&self.path).map_err(failed("open", &self.path))?;
                self.file.insert(opened)
            }
        };
        let text = durable_line(file.size_bytes())? + lines;
        let appended = file.append(text.as_bytes());
        let appended = appended.map_err(failed("write", &self.path));
        if let Err(error) = &appended
            && error.kind() != ErrorKind::Full
        {
            self.broken = Some(format!("{} cannot be written", self.path.display()));
        }
        appended
    }

    /// Removes lines that no longer count, when they are most of the file.
    fn shorten(&mut self) -> Result<()> {
        let length = self.file.as_ref().map_or(0, LineFile::size_bytes);
        if length > SHORT_BYTES.max(4 * self.newest_bytes) {
            self.file = None;
            self.rewrite()?;
        }
        Ok(())
    }

    fn rewrite(&mut self) -> Result<()> {
        let lines = self
            .newest
            .iter()
            .map(|(domain, signed)| signed_line(*domain, &signed.note));
        let mut text: String = lines.collect::<Result<_>>()?;
        self.newest_bytes = text.len() as u64;
        text.push_str(&durable_line(self.newest_bytes)?);
        durable::replace(&self.path, text.as_bytes(), MODE).map_err(failed("write", &self.path))
    }
}

pub(super) fn signed_line(domain: Domain, note: &str) -> Result<String> {
    written(&Line::Signed {
        domain: domain.to_string(),
        checkpoint: note.to_owned(),
    })
}

fn durable_line(durable: u64) -> Result<String> {
    Ok("\n".to_owned() + &written(&Line::Durable { durable })?)
}

fn written(line: &Line) -> Result<String> {
    let text = serde_json::to_string(line);
    let text = text
        .map_err(|error| StoreError::Invalid(format!("a checkpoint cannot be written: {error}")))?;
    Ok(text + "\n")
}

fn parse(path: &Path, text: &[u8]) -> Result<HashMap<Domain, Signed>> {
    let mut newest = HashMap::new();
    let mut damaged = None;
    let mut durable = 0;
    let mut at = 0;
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match read(line) {
            Some(Read::Empty) => {}
            Some(Read::Signed(domain, signed)) => {
                newest.insert(domain, signed);
            }
            // Where a line was removed by hand, the numbers of later marks are too large, and these marks do not count.
            Some(Read::Durable(bytes)) if bytes.checked_add(1) == Some(at) => durable = at,
            _ => {
                damaged.get_or_insert((index + 1, at));
            }
        }
        at += line.len() as u64;
    }
    match damaged {
        Some((number, at)) if at < durable => Err(StoreError::Damaged {
            what: format!("line {number} of {}", path.display()),
            why: "it is not a checkpoint. Restore the file from a backup, or delete the line: the server then does not \
                  know what it had signed for that domain"
                .to_owned(),
        }),
        _ => Ok(newest),
    }
}

pub(super) enum Read {
    Empty,
    Signed(Domain, Signed),
    Durable(u64),
}

pub(super) fn read(line: &[u8]) -> Option<Read> {
    let line = line.strip_suffix(b"\n")?;
    if line.is_empty() {
        return Some(Read::Empty);
    }
    match serde_json::from_slice(line).ok()? {
        Line::Durable { durable } => Some(Read::Durable(durable)),
        Line::Signed { domain, checkpoint } => Some(Read::Signed(
            domain.parse().ok()?,
            Signed::parse(checkpoint)?,
        )),
    }
}

fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let what = format!("cannot {what} {}", path.display());
    |source| StoreError::Directory { what, source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use atrail_evidence::{Checkpoint, Hash, SigningKey};

    use super::*;

    fn signed(key: &SigningKey, domain: &str, size: u64) -> (Domain, Signed) {
        let checkpoint = Checkpoint {
            origin: format!("example.org/{domain}"),
            size,
            root: Hash([7; 32]).into(),
        };
        let note = checkpoint.sign(key).unwrap();
        (domain.parse().unwrap(), Signed { checkpoint, note })
    }

    /// Returns two batches as they are on the disk, the number of bytes that the first has made durable, and a domain
    /// of both.
    fn written_twice() -> (tempfile::TempDir, Vec<u8>, usize, Domain) {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::generate("example.org").unwrap();
        let one = "space-2f4c1f0e-9a52-4a0c-8a3c-6d0f7d7c9b01";
        let other = "space-2f4c1f0e-9a52-4a0c-8a3c-6d0f7d7c9b02";
        let mut file = CheckpointFile::open(dir.path()).unwrap();
        file.remember(&[signed(&key, one, 1), signed(&key, other, 4)])
            .unwrap();
        let durable = fs::read(dir.path().join(CHECKPOINTS)).unwrap().len();
        file.remember(&[signed(&key, one, 2), signed(&key, other, 5)])
            .unwrap();
        let bytes = fs::read(dir.path().join(CHECKPOINTS)).unwrap();
        (dir, bytes, durable, one.parse().unwrap())
    }

    fn size_of(dir: &Path, domain: Domain) -> Result<u64> {
        let file = CheckpointFile::open(dir)?;
        Ok(file
            .newest
            .get(&domain)
            .map_or(0, |one| one.checkpoint.size))
    }

    #[test]
    fn whatever_a_crash_leaves_of_the_last_batch_the_one_before_counts() {
        let (dir, bytes, durable, domain) = written_twice();
        assert_eq!(size_of(dir.path(), domain).unwrap(), 2);
        let path = dir.path().join(CHECKPOINTS);
        for place in durable..bytes.len() {
            let mut torn = bytes.clone();
            let end = bytes.len().min(place + 64);
            torn[place..end].fill(0);
            fs::write(&path, torn).unwrap();
            assert!(matches!(size_of(dir.path(), domain), Ok(1 | 2)), "{place}");
            fs::write(&path, &bytes[..place]).unwrap();
            assert!(matches!(size_of(dir.path(), domain), Ok(1 | 2)), "{place}");
        }
    }

    #[test]
    fn damage_of_what_was_durable_is_named() {
        let (dir, bytes, durable, domain) = written_twice();
        for place in 0..durable {
            let mut rotten = bytes.clone();
            rotten[place] = 0;
            fs::write(dir.path().join(CHECKPOINTS), rotten).unwrap();
            let error = size_of(dir.path(), domain).unwrap_err().to_string();
            assert!(error.contains("checkpoints is damaged"), "{place}: {error}");
        }
    }

    #[test]
    fn a_file_that_was_written_anew_is_durable_to_its_end() {
        let (dir, _, _, domain) = written_twice();
        let mut file = CheckpointFile::open(dir.path()).unwrap();
        file.rewrite().unwrap();
        let mut bytes = fs::read(dir.path().join(CHECKPOINTS)).unwrap();
        assert_eq!(size_of(dir.path(), domain).unwrap(), 2);
        bytes[100] = 0;
        fs::write(dir.path().join(CHECKPOINTS), bytes).unwrap();
        size_of(dir.path(), domain).unwrap_err();
    }
}

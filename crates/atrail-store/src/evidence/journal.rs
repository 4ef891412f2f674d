//! The newest checkpoint of each domain, in a file outside the catalog: one line of JSON each, the last of a domain
//! counts. A line that a crash cut was shown to nobody.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use atrail_evidence::{Checkpoint, Note};
use atrail_model::Domain;
use serde::{Deserialize, Serialize};

use crate::durable::{self, LineFile};
use crate::error::{Result, StoreError};

const FILE: &str = "checkpoints";
const MODE: u32 = 0o600;
/// Below this the file is not written anew to make it shorter.
const SHORT_BYTES: u64 = 4 << 20;

/// The file, and what it says.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Made when there is something to write.
    file: Option<LineFile>,
    newest: HashMap<Domain, Signed>,
    /// Bytes of the lines that count.
    newest_bytes: u64,
    /// Why nothing more is written.
    broken: Option<String>,
}

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    domain: String,
    checkpoint: String,
}

impl Journal {
    /// Reads the file, if there is one.
    pub(super) fn open(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(FILE);
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

    /// What was signed last for a domain.
    pub(super) fn newest(&self, domain: Domain) -> Option<&Signed> {
        self.newest.get(&domain)
    }

    /// Makes checkpoints durable. Those that are there already cost nothing.
    pub(super) fn remember(&mut self, signed: &[(Domain, Checkpoint, String)]) -> Result<()> {
        if let Some(why) = &self.broken {
            return Err(StoreError::Poisoned(why.clone()));
        }
        let mut lines = String::new();
        let mut fresh = Vec::new();
        for (domain, checkpoint, note) in signed {
            if self.is_known(*domain, checkpoint)? {
                continue;
            }
            lines.push_str(&line(*domain, note)?);
            fresh.push((*domain, checkpoint.clone(), note.clone()));
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.append(lines.as_bytes())?;
        for (domain, checkpoint, note) in fresh {
            self.newest.insert(domain, Signed { checkpoint, note });
        }
        self.shorten()
    }

    /// Whether the file says as much already. It never says two things of one size.
    fn is_known(&self, domain: Domain, checkpoint: &Checkpoint) -> Result<bool> {
        let Some(newest) = self.newest.get(&domain).map(|signed| &signed.checkpoint) else {
            return Ok(false);
        };
        if newest.origin != checkpoint.origin || newest.size < checkpoint.size {
            return Ok(false);
        }
        if newest.size == checkpoint.size && newest.root != checkpoint.root {
            return Err(StoreError::Poisoned(format!(
                "another history of {} at size {} was signed before",
                checkpoint.origin, checkpoint.size
            )));
        }
        Ok(true)
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            // What a crash may have left at the end is gone with the rewriting.
            None => {
                self.rewrite()?;
                let opened = LineFile::open(&self.path).map_err(failed("open", &self.path))?;
                self.file.insert(opened)
            }
        };
        let appended = file.append(lines).map_err(failed("write", &self.path));
        if let Err(error) = &appended
            && error.kind() != crate::error::ErrorKind::Full
        {
            self.broken = Some(format!("{} cannot be written", self.path.display()));
        }
        appended
    }

    /// Leaves out what does not count any more, when that is most of the file.
    fn shorten(&mut self) -> Result<()> {
        let length = self.file.as_ref().map_or(0, LineFile::len);
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
            .map(|(domain, signed)| line(*domain, &signed.note));
        let text: String = lines.collect::<Result<_>>()?;
        self.newest_bytes = text.len() as u64;
        durable::replace(&self.path, text.as_bytes(), MODE).map_err(failed("write", &self.path))
    }
}

fn line(domain: Domain, note: &str) -> Result<String> {
    let line = Line {
        domain: domain.to_string(),
        checkpoint: note.to_owned(),
    };
    let text = serde_json::to_string(&line);
    let text = text
        .map_err(|error| StoreError::Invalid(format!("a checkpoint cannot be written: {error}")))?;
    Ok(text + "\n")
}

fn parse(path: &Path, text: &[u8]) -> Result<HashMap<Domain, Signed>> {
    let mut newest = HashMap::new();
    // What comes after the last line feed was cut by a crash, and may be anything.
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    lines.pop();
    for (number, line) in lines.into_iter().enumerate() {
        let damaged = || {
            StoreError::Damaged {
            what: format!("line {} of {}", number + 1, path.display()),
            why: "it is no checkpoint. Restore the file from a backup, or take the line out: the server then does not know \
                  what it had signed for that domain"
                .to_owned(),
        }
        };
        let line: Line = serde_json::from_slice(line).map_err(|_| damaged())?;
        let domain: Domain = line.domain.parse().map_err(|_| damaged())?;
        let note = Note::parse(&line.checkpoint).map_err(|_| damaged())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| damaged())?;
        newest.insert(
            domain,
            Signed {
                checkpoint,
                note: line.checkpoint,
            },
        );
    }
    Ok(newest)
}

fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let what = format!("cannot {what} {}", path.display());
    |source| StoreError::Directory { what, source }
}

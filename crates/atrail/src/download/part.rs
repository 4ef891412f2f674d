//! The file that a download grows in.
//!
//! `FILE.part` holds the first bytes of the download and nothing else. `FILE.part.json`, durable before the first of
//! them, records which download they belong to. The writing process holds a lock on `FILE.part`. At the end it syncs
//! the file, renames it to `FILE`, and syncs the directory, so that `FILE` is complete whenever it exists. It writes
//! another format to `FILE.part.made`, then syncs and renames that file in the same way.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::check::{Checker, Verdict};
use super::convert::Conversion;
use super::plan::Plan;
use super::transfer::Sink;
use crate::error::{CliError, Result};
use crate::platform::{self, Found};
use crate::state::durable;

/// The scope of a download that made its own session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScopeRecord {
    /// First day.
    pub(crate) start: String,
    /// Last day.
    pub(crate) end: String,
    /// Hours of each day, when given.
    pub(crate) search_time: Option<String>,
    /// Whether the scope is the whole account.
    pub(crate) at_account_level: bool,
    /// GUID of the targeted space.
    pub(crate) space: String,
    /// The sizes of the logs that an earlier receipt shows, when one was given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) since: BTreeMap<String, u64>,
}

/// The download that `FILE.part` belongs to: the content of `FILE.part.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartState {
    /// The server.
    pub(crate) endpoint: String,
    /// The session.
    pub(crate) session: String,
    /// The download's entity tag, without quotes.
    pub(crate) etag: String,
    /// The scope, when the download made the session itself and ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<ScopeRecord>,
}

/// `FILE.part`, locked.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    target: PathBuf,
    path: PathBuf,
    state_path: PathBuf,
}

impl Part {
    /// Opens or makes `FILE.part` and locks it. Returns an error when another process is writing it, or when it is not
    /// this user's own plain file, unless `may_remove` permits replacing it.
    pub(crate) fn open(target: &Path, may_remove: bool) -> Result<Self> {
        let path = with_suffix(target, ".part");
        let failed = |error| CliError::file(format!("could not open {}", path.display()), error);
        loop {
            let file = match platform::find_own(&path).map_err(failed)? {
                Found::Own(file) => file,
                Found::Nothing => match platform::create_private(&path) {
                    // Another process made it first.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                    made => made.map_err(failed)?,
                },
                Found::Foreign(_) if may_remove => {
                    std::fs::remove_file(&path).map_err(|error| {
                        CliError::file(format!("could not remove {}", path.display()), error)
                    })?;
                    continue;
                }
                Found::Foreign(why) => {
                    return Err(
                        CliError::failed(format!("{} is in the way", path.display()))
                            .because(why)
                            .hint("choose another -o, or --force to remove it and start again"),
                    );
                }
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(CliError::failed(format!(
                        "another process is writing {}",
                        path.display()
                    ))
                    .hint("wait for it, or choose another -o"));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The process that held the lock may have renamed the file to FILE between our opening and our locking it.
            if platform::is_same_file(&file, &path) {
                return Ok(Self {
                    file,
                    target: target.to_owned(),
                    state_path: with_suffix(target, ".part.json"),
                    path,
                });
            }
        }
    }

    /// Returns the download that the part belongs to, if recorded.
    pub(crate) fn state(&self) -> Result<Option<PartState>> {
        read_state(&self.target)
    }

    /// Returns whether the part holds no bytes.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        let metadata = self.file.metadata();
        metadata
            .map(|metadata| metadata.len() == 0)
            .map_err(|error| self.failed("read", error))
    }

    /// Empties the part and records the download that it now belongs to.
    pub(crate) fn begin(&mut self, state: &PartState) -> Result<()> {
        let text = serde_json::to_vec_pretty(state)
            .map_err(|error| CliError::failed("could not write the state").because(error))?;
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| durable::replace_private(&self.state_path, &text))
            .map_err(|error| self.failed("begin", error))
    }

    /// Hashes the bytes that are there. Truncates the file at the first wrong object and moves to the end of the rest.
    pub(crate) fn rehash(&mut self, plan: &Arc<Plan>) -> Result<Checker> {
        let checked = self
            .file
            .rewind()
            .and_then(|()| hash_file(&self.file, plan))
            .and_then(|checker| {
                self.file.set_len(checker.position())?;
                self.file.seek(SeekFrom::Start(checker.position()))?;
                Ok(checker)
            });
        checked.map_err(|error| self.failed("read", error))
    }

    /// Completes the download: renames the part to `FILE`.
    pub(crate) fn finish(self) -> Result<()> {
        let dir = parent(&self.target);
        self.file
            .sync_all()
            .and_then(|()| self.rename())
            .and_then(|()| platform::sync_dir(dir))
            .and_then(|()| remove_if_there(&self.state_path))
            .map_err(|error| {
                CliError::file(format!("could not finish {}", self.target.display()), error)
            })
    }

    /// Renames this very file to `FILE`, and refuses if another file has taken its place.
    fn rename(&self) -> io::Result<()> {
        if platform::is_same_file(&self.file, &self.path) {
            return std::fs::rename(&self.path, &self.target);
        }
        let gone = format!(
            "another file has taken the place of {}",
            self.path.display()
        );
        Err(io::Error::other(gone))
    }

    /// Completes the download: writes `FILE` in another format, and removes the part.
    ///
    /// `FILE` exists completely or not at all. The part stays until `FILE` exists, so that a failed conversion does not
    /// cost the download.
    pub(crate) fn finish_as(mut self, conversion: &Conversion) -> Result<()> {
        let made = with_suffix(&self.target, ".part.made");
        let written = self
            .convert_into(conversion, &made)
            .and_then(|()| std::fs::rename(&made, &self.target));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&made);
            let what = format!("could not write {}", self.target.display());
            return Err(Conversion::failed(error, |error| {
                CliError::file(what, error)
            }));
        }
        platform::sync_dir(parent(&self.target)).map_err(|error| self.failed("finish", error))?;
        self.discard()
    }

    fn convert_into(&mut self, conversion: &Conversion, path: &Path) -> io::Result<()> {
        self.file.rewind()?;
        remove_if_there(path)?;
        let made = platform::create_private(path)?;
        let mut converter = conversion.to(BufWriter::new(made));
        io::copy(&mut BufReader::new(&self.file), &mut converter)?;
        let file = converter.finish()?.into_inner()?;
        file.sync_all()
    }

    /// Removes both files.
    pub(crate) fn discard(self) -> Result<()> {
        remove_if_there(&self.path)
            .and_then(|()| remove_if_there(&self.state_path))
            .map_err(|error| self.failed("remove", error))
    }

    fn failed(&self, verb: &str, error: io::Error) -> CliError {
        CliError::file(format!("could not {verb} {}", self.path.display()), error)
    }
}

impl Drop for Part {
    /// Removes an unused part: a command that achieved nothing leaves nothing behind.
    fn drop(&mut self) {
        let unused = self.is_empty().unwrap_or(false) && !self.state_path.exists();
        if unused && platform::is_same_file(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Sink for Part {
    fn write(&mut self, bytes: &[u8], _: u64) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.failed("write", error))
    }

    fn accept(&mut self) -> Result<()> {
        Ok(())
    }

    fn reject(&mut self, start: u64) -> Result<()> {
        let cut = self
            .file
            .set_len(start)
            .and_then(|()| self.file.seek(SeekFrom::Start(start)));
        cut.map(|_| ()).map_err(|error| self.failed("cut", error))
    }
}

/// Returns whether the file holds exactly the plan's bytes. Reads all of it.
pub(crate) fn is_complete(path: &Path, plan: &Arc<Plan>) -> Result<bool> {
    let failed = |error| CliError::file(format!("could not read {}", path.display()), error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() != plan.total {
        return Ok(false);
    }
    let checker = hash_file(&file, plan).map_err(failed)?;
    Ok(checker.position() == plan.total)
}

/// Reads which download to this file was interrupted, if any.
pub(crate) fn read_state(target: &Path) -> Result<Option<PartState>> {
    let path = with_suffix(target, ".part.json");
    match durable::read_small(&path) {
        // atrail replaces the file as a whole, so it did not write an unreadable one.
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            CliError::failed(format!("{} is damaged", path.display()))
                .because(error)
                .hint("choose another -o, or --force to start again")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file(
            format!("could not read {}", path.display()),
            error,
        )),
    }
}

/// Reads a file through a checker up to its end, the plan's end, or the start of the first wrong object.
fn hash_file(mut file: &File, plan: &Arc<Plan>) -> io::Result<Checker> {
    let mut checker = Checker::new(plan);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        let mut bytes = &buffer[..count];
        if bytes.is_empty() {
            return Ok(checker);
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(checker.share(bytes.len()));
            if now.is_empty() || checker.take(now) == Verdict::Bad {
                return Ok(checker);
            }
            bytes = later;
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::plan_of;
    use super::*;

    fn state() -> PartState {
        PartState {
            endpoint: "http://x".into(),
            session: "s".into(),
            etag: "e".into(),
            scope: None,
        }
    }

    #[test]
    fn a_tampered_part_is_cut_at_the_wrong_object() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("F");
        let plan = Arc::new(plan_of(&[b"abc", b"defg", b"hi"]));
        for (there, kept) in [
            (&b""[..], 0),
            (b"ab", 2),
            (b"abcde", 5),
            (b"abcdefghi", 9),
            (b"abcdefghiEXTRA", 9),
            (b"abXdefghi", 0),
            (b"abcdeXghi", 3),
        ] {
            std::fs::write(with_suffix(&target, ".part"), there).unwrap();
            let mut part = Part::open(&target, false).unwrap();
            part.begin(&state()).unwrap();
            part.file.write_all(there).unwrap();
            let checker = part.rehash(&plan).unwrap();
            assert_eq!(checker.position(), kept, "{there:?}");
            assert_eq!(part.file.metadata().unwrap().len(), kept);
        }
    }

    #[test]
    fn two_processes_cannot_write_one_part() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("F");
        let first = Part::open(&target, false).unwrap();
        let error = Part::open(&target, false).unwrap_err();
        assert_eq!(error.exit as u8, 1);
        drop(first);
        assert!(Part::open(&target, false).is_ok());
    }

    #[test]
    fn the_end_leaves_the_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("F");
        let plan = Arc::new(plan_of(&[b"abc"]));
        let mut part = Part::open(&target, false).unwrap();
        part.begin(&state()).unwrap();
        part.write(b"abc", 3).unwrap();
        part.finish().unwrap();
        assert!(is_complete(&target, &plan).unwrap());
        assert!(!is_complete(&target, &Arc::new(plan_of(&[b"abd"]))).unwrap());
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn a_command_that_came_to_nothing_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Part::open(&dir.path().join("F"), false).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

//! Runs as files of a directory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use atrail_disk::durable::{self, NewFile};
use atrail_disk::{Reader, Result, io_failure};

use super::{Runs, WriteAt, Writing};

/// Runs as files of a directory.
#[derive(Debug)]
pub(crate) struct LocalRuns(PathBuf);

impl LocalRuns {
    /// Opens a directory, and creates it when it does not exist.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        durable::create_dir(dir).map_err(io_failure("make", dir))?;
        Ok(Self(dir.to_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Runs for LocalRuns {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            match name.filter(|name| name.ends_with(".run")) {
                Some(name) => names.push(name.to_owned()),
                // An incomplete run, left by a crash.
                None => durable::remove_if_there(&path)?,
            }
        }
        Ok(names)
    }

    fn add(&self, name: &str, write: Writing<'_>) -> io::Result<()> {
        let mut file = NewFile::create(&self.path(name), 0o600)?;
        write(&mut file)?;
        file.commit()
    }

    fn open(&self, name: &str) -> io::Result<Reader> {
        File::open(self.path(name)).map(|file| Reader::of_file(name, file))
    }

    /// (A run that stays after a crash does no harm, so its absence need not be durable.)
    fn remove(&self, name: &str) -> io::Result<()> {
        durable::remove_if_there(&self.path(name))
    }
}

impl WriteAt for NewFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        NewFile::write_at(self, bytes, offset)
    }
}

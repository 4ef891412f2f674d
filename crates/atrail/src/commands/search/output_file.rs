//! A file that is complete when it has its name.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{CliError, Result};
use crate::platform;

/// A file being written under another name; it is removed unless it is finished.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: BufWriter<File>,
    temporary: Temporary,
    path: PathBuf,
}

/// The name of an unfinished file.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl OutputFile {
    /// Begins the file. Nothing of this name may exist, unless it may be replaced.
    pub(super) fn create(path: &Path, may_replace: bool) -> Result<Self> {
        if !may_replace && std::fs::symlink_metadata(path).is_ok() {
            return Err(CliError::failed(format!(
                "{} exists: choose another -o, or --force to replace it",
                path.display()
            )));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.tmp", uuid::Uuid::new_v4().simple()));
        let temporary = PathBuf::from(name);
        let file = platform::create_private(&temporary)
            .map_err(|error| CliError::file(format!("could not make {}", path.display()), error))?;
        Ok(Self {
            file: BufWriter::with_capacity(256 << 10, file),
            temporary: Temporary(Some(temporary)),
            path: path.to_owned(),
        })
    }

    /// Gives the file its name. After a crash, it is complete or absent.
    pub(super) fn finish(self) -> io::Result<()> {
        let Self {
            file,
            mut temporary,
            path,
        } = self;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        drop(file);
        if let Some(name) = temporary.0.take() {
            let renamed = std::fs::rename(&name, &path);
            if renamed.is_err() {
                temporary.0 = Some(name);
            }
            renamed?;
        }
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        platform::sync_dir(dir.unwrap_or(Path::new(".")))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

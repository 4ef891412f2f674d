//! Compiles the shim and loads it into a process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::control::Control;

/// The shim around one run of a process.
#[derive(Debug)]
pub struct Shim {
    dir: PathBuf,
    trace: PathBuf,
    control_path: PathBuf,
    /// Controls the process while it runs.
    pub control: Control,
}

impl Shim {
    /// Makes a shim that watches the files below `dir`, which must exist; its own files go to `scratch`.
    ///
    /// # Panics
    /// When the files cannot be created.
    #[must_use]
    pub fn new(dir: &Path, scratch: &Path) -> Self {
        let control_path = scratch.join("control");
        let trace = scratch.join("trace");
        let _ = std::fs::remove_file(&trace);
        Self {
            dir: dir.canonicalize().unwrap(),
            trace,
            control: Control::create(&control_path),
            control_path,
        }
    }

    /// Returns the file with the trace.
    #[must_use]
    pub fn trace(&self) -> &Path {
        &self.trace
    }

    /// Loads the shim into the process that the command will start.
    ///
    /// # Panics
    /// When there is no shim: see [`Shim::missing`].
    pub fn put_into(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", library().as_ref().unwrap())
            .env("ATRAIL_SHIM_DIR", &self.dir)
            .env("ATRAIL_SHIM_TRACE", &self.trace)
            .env("ATRAIL_SHIM_CONTROL", &self.control_path);
    }

    /// Returns why there is no shim here, if there is none.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        library().as_ref().err().map(String::as_str)
    }
}

/// Compiles the library once per process, into a directory that lives as long as the process.
fn library() -> &'static Result<PathBuf, String> {
    static LIBRARY: OnceLock<(Option<TempDir>, Result<PathBuf, String>)> = OnceLock::new();
    &LIBRARY
        .get_or_init(|| {
            if !cfg!(all(target_os = "linux", target_env = "gnu")) {
                let why = "the shim is made for Linux with the GNU C library";
                return (None, Err(why.to_owned()));
            }
            let dir = tempfile::tempdir().unwrap();
            let made = compile(dir.path());
            (Some(dir), made)
        })
        .1
}

fn compile(dir: &Path) -> Result<PathBuf, String> {
    let source = dir.join("shim.c");
    let made = dir.join("shim.so");
    std::fs::write(&source, include_str!("shim.c")).unwrap();
    std::fs::write(dir.join("watch.h"), include_str!("watch.h")).unwrap();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-pthread", "-o"])
        .arg(&made)
        .arg(&source)
        .arg("-ldl")
        .output()
        .map_err(|error| format!("there is no C compiler: {error}"))?;
    if output.status.success() {
        Ok(made)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

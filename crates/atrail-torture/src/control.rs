//! The page by which a test tells the shim what to do.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::trace::Op;

/// When a chosen operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is not done.
    Failed,
    /// It is done, and reported as failed.
    FailedButDone,
    /// It is not done, and nothing is done any more from there on.
    FailsFromThere,
}

/// An operation that is to fail.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The number of the operation, from 1.
    pub at: u64,
    /// The errno.
    pub error: i32,
    /// In which way.
    pub how: How,
}

/// The page shared with the shim: `struct control` of `watch.h`.
#[derive(Debug)]
pub struct Control(File);

const SIZE_BYTES: u64 = 4096;

impl Control {
    pub(crate) fn create(path: &Path) -> Self {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .unwrap();
        file.set_len(SIZE_BYTES).unwrap();
        let control = Self(file);
        // More may be given back than is taken.
        control.set(40, 1 << 40);
        control
    }

    fn get(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, at).unwrap();
        u64::from_le_bytes(bytes)
    }

    fn set(&self, at: u64, value: u64) {
        self.0.write_all_at(&value.to_le_bytes(), at).unwrap();
    }

    /// Whether the shim is in the process: not at all, without or with the call that goes past the C library.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.get(0)
    }

    /// Operations so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.get(8)
    }

    /// Makes an operation fail.
    pub fn fail(&self, fault: Fault) {
        let how: u64 = match fault.how {
            How::Failed => 0,
            How::FailedButDone => 1,
            How::FailsFromThere => 2,
        };
        self.set(24, u64::from(fault.error.unsigned_abs()) | how << 32);
        self.set(16, fault.at);
    }

    /// Lets nothing fail any more.
    pub fn mend(&self) {
        self.set(16, 0);
    }

    /// Gives so many bytes more than what is taken now.
    pub fn limit_to(&self, more_bytes: u64) {
        self.set(32, self.get(40) + more_bytes);
    }

    /// Takes the limit away.
    pub fn lift(&self) {
        self.set(32, 0);
    }

    /// Lets a sync take about this long.
    pub fn slow_syncs(&self, usec: u64) {
        self.set(64, usec);
    }

    /// What failed first, if something did.
    #[must_use]
    pub fn fired(&self) -> Option<(Op, String)> {
        if self.get(48) == 0 {
            return None;
        }
        let mut name = [0; 192];
        self.0.read_exact_at(&mut name, 72).unwrap();
        let len = name
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(name.len());
        Some((
            Op::of(self.get(56))?,
            String::from_utf8_lossy(&name[..len]).into_owned(),
        ))
    }
}

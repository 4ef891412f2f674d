//! The page by which a test controls the shim.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::trace::Op;

/// The way in which a chosen operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The operation is not done.
    Failed,
    /// The operation is done, and reported as failed.
    FailedButDone,
    /// Neither this operation nor any later one is done.
    FailsFromThere,
}

/// A fault to inject.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The number of the operation, from 1.
    pub at: u64,
    /// The errno.
    pub error: i32,
    /// The way in which it fails.
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
        // A program may free more bytes than it has allocated.
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

    /// Returns whether the shim is loaded in the process: not at all, or without or with the system call that bypasses
    /// the C library.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.get(0)
    }

    /// Returns the number of operations so far.
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

    /// Lets all later operations succeed.
    pub fn mend(&self) {
        self.set(16, 0);
    }

    /// Limits the space to this many bytes more than are used now.
    pub fn limit_to(&self, more_bytes: u64) {
        self.set(32, self.get(40) + more_bytes);
    }

    /// Removes the limit.
    pub fn lift(&self) {
        self.set(32, 0);
    }

    /// Makes a sync take about this long.
    pub fn slow_syncs(&self, usec: u64) {
        self.set(64, usec);
    }

    /// Returns the operation that failed first, if any.
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

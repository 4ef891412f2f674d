//! Reads the trace that the shim writes.

use std::fs;
use std::path::Path;

/// The kind of an operation. The numbers are those of `watch.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A file was created.
    Create,
    /// Bytes were written.
    Write,
    /// A file was truncated or extended.
    Resize,
    /// Space was allocated.
    Allocate,
    /// A sync of a file or directory began.
    SyncBegin,
    /// It ended.
    SyncEnd,
    /// A sync failed on purpose.
    SyncFailed,
    /// A name was changed.
    Rename,
    /// A file got another name.
    Link,
    /// A file lost a name.
    Unlink,
    /// A directory was made.
    Mkdir,
    /// A directory was removed.
    Rmdir,
}

const OPS: [Op; 12] = [
    Op::Create,
    Op::Write,
    Op::Resize,
    Op::Allocate,
    Op::SyncBegin,
    Op::SyncEnd,
    Op::SyncFailed,
    Op::Rename,
    Op::Link,
    Op::Unlink,
    Op::Mkdir,
    Op::Rmdir,
];

impl Op {
    /// Returns the operation with a number of `watch.h`.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        OPS.get(usize::try_from(number).ok()?.checked_sub(1)?)
            .copied()
    }
}

/// One operation that succeeded (or a sync that did not).
#[derive(Debug, Clone)]
pub struct Record {
    /// The kind of the operation.
    pub op: Op,
    /// Time before the operation, on the monotonic clock.
    pub nanos: u64,
    /// The file, by its inode.
    pub ino: u64,
    /// Offset of the written bytes; for a sync, its number.
    pub offset: u64,
    /// New size of a file, or its size at a sync.
    pub size: u64,
    /// The name, below the directory.
    pub path: String,
    /// The second name of a rename or link.
    pub other: String,
    /// The bytes.
    pub data: Vec<u8>,
}

const MAGIC: u64 = 0x3152_5441;
const HEADER_LEN: usize = 56;

/// Reads a trace. Ignores an incomplete record at its end, which a killed process leaves.
///
/// # Panics
/// When the file cannot be read or is not a trace.
#[must_use]
pub fn read(path: &Path) -> Vec<Record> {
    let bytes = fs::read(path).unwrap();
    let mut records = Vec::new();
    let mut rest = &bytes[..];
    while let Some((record, after)) = one(rest) {
        records.push(record);
        rest = after;
    }
    records
}

fn one(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let header = bytes.get(..HEADER_LEN)?;
    let number = |at: usize, len: usize| {
        let mut whole = [0; 8];
        whole[..len].copy_from_slice(&header[at..at + len]);
        u64::from_le_bytes(whole)
    };
    assert_eq!(number(0, 4), MAGIC, "the trace is broken");
    let mut rest = &bytes[HEADER_LEN..];
    let mut take = |at| {
        let len = usize::try_from(number(at, 4)).ok()?;
        let (taken, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(taken.to_vec())
    };
    let path = String::from_utf8(take(40)?).unwrap();
    let other = String::from_utf8(take(44)?).unwrap();
    let data = take(48)?;
    let record = Record {
        op: Op::of(number(4, 4)).expect("an operation that the shim knows"),
        nanos: number(8, 8),
        ino: number(16, 8),
        offset: number(24, 8),
        size: number(32, 8),
        path,
        other,
        data,
    };
    Some((record, rest))
}

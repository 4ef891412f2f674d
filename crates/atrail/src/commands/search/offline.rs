//! Answers a query from files, without a server: the same query, the same hits in the same order.
//!
//! Each file is read once. Where it has a receipt, the bytes that are searched are those that are verified. Hits are
//! sorted as the server sorts them, in memory that does not grow with the files.

mod events;
mod one;
mod run;
mod sortable;
mod sorter;
mod tee;
mod work;

use std::path::PathBuf;

use atrail_evidence::{Expectations, VerifierKey};
use atrail_search::Order;
use atrail_search::aggregate::{Counting, Counts};
use atrail_verifier::Judged;

use crate::error::Result;
use crate::printer::Progress;

pub(super) use self::sortable::Sortable;
pub(super) use self::sorter::Merge;
use self::work::Work;
pub(super) use self::work::{Question, Refused};

/// The files to search.
#[derive(Debug)]
pub(super) struct Files {
    /// Their paths; `-` is standard input.
    pub(super) paths: Vec<PathBuf>,
    /// Whether files that have a receipt are verified.
    pub(super) are_verified: bool,
    /// The server's known keys.
    pub(super) keys: Vec<VerifierKey>,
    /// Where temporary files go.
    pub(super) temp_dir: PathBuf,
}

/// What is wanted of the matching events.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The first of them, or all, in this order.
    Hits(Order, Option<u64>),
    /// Counts.
    Counts(Counting),
}

/// What was found.
#[derive(Debug)]
pub(super) struct Answer {
    /// Number of events that match.
    pub(super) matched: u64,
    /// The hits, or the counts.
    pub(super) found: Found,
    /// Number of events that were read.
    pub(super) events: u64,
    /// Bytes of their text.
    pub(super) bytes: u64,
    /// What is known of each file.
    pub(super) files: Vec<(PathBuf, Standing)>,
    /// What was not searched because it is no event.
    pub(super) refused: Refused,
}

/// The hits, or the counts.
#[derive(Debug)]
pub(super) enum Found {
    /// The hits in their order.
    Hits(Merge),
    /// The counts.
    Counts(Counts),
}

/// What is known of a file.
#[derive(Debug)]
pub(super) enum Standing {
    /// It has no receipt.
    NoReceipt,
    /// It was not to be verified.
    Unchecked,
    /// The verdict; no fault was found.
    Judged(Judged),
}

/// Searches the files. Blocks.
///
/// # Errors
/// When a file cannot be read, or does not match its receipt.
pub(super) fn search(
    files: &Files,
    question: Question,
    wanted: Wanted,
    progress: &Progress,
) -> Result<Answer> {
    let expected = Expectations {
        keys: files.keys.clone(),
        ..Expectations::default()
    };
    let mut work = Work::new(question, wanted, files.temp_dir.clone());
    let mut standings = Vec::new();
    let mut before = 0;
    for path in &files.paths {
        work.begin_file();
        let expected = files.are_verified.then_some(&expected);
        let standing = one::search(path, expected, &mut work, (progress, before))?;
        before += std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        standings.push((path.clone(), standing));
    }
    work.finish(standings)
}

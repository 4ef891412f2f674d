//! A hit of a search without a server, and its place in the answer.

use atrail_model::Domain;

/// The place of a hit in the answer: the smallest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::commands::search) struct Key {
    /// Nanoseconds since 1970; negated when the newest event comes first.
    pub(in crate::commands::search) time: i128,
    /// The event's domain, where a receipt states it.
    pub(in crate::commands::search) domain: Option<Domain>,
    /// The file, in the order of the command line.
    pub(in crate::commands::search) file: u32,
    /// The number of the event in its file, from 0.
    pub(in crate::commands::search) number: u64,
}

/// A hit: its place in the answer, and its line without the LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands::search) struct Sortable {
    pub(in crate::commands::search) key: Key,
    pub(in crate::commands::search) line: Vec<u8>,
}

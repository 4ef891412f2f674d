//! The files that wait to be read.

use std::path::PathBuf;

use atrail_model::Timestamp;

use super::ledger::{Counts, Key};
use super::messages::Receipt;
use crate::nameless::Nameless;

/// A file to import.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) origin: Origin,
    pub(super) content: Content,
    /// The time of events that state none.
    pub(super) received: Timestamp,
}

/// Where a file is from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Its name in messages.
    pub(super) name: String,
    /// Its place in the ledger.
    pub(super) place: Option<Key>,
    /// Its length, as far as it is known, in bytes.
    pub(super) length: u64,
    /// The message that named it.
    pub(super) receipt: Option<Receipt>,
}

impl Origin {
    /// Returns the origin of which no more than the name is known.
    pub(super) const fn of(name: String) -> Self {
        Self {
            name,
            place: None,
            length: 0,
            receipt: None,
        }
    }
}

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Content {
    Stdin,
    Path(PathBuf),
    /// A fetched object.
    Fetched(Nameless),
    /// The ledger has it.
    Known(Counts),
    /// It could not be fetched.
    Failed(String),
}

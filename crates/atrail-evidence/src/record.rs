//! Records: the steps of a domain's log.

use serde::{Deserialize, Serialize};

use crate::Hash;

/// One step of a domain's log: an entry, and the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the log, from 0.
    pub index: u64,
    /// The list that the entry went to: a day, `YYYY-MM-DD`, or `control`.
    pub list: String,
    /// The entry's place in that list, from 0.
    pub position: u64,
    /// The leaf hash of the entry.
    pub entry: Hash,
    /// The root of the tree over all days, with this entry.
    pub days: Hash,
    /// The control list, with this entry.
    pub control: ControlState,
}

/// The size and root of a control list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlState {
    /// Number of its entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

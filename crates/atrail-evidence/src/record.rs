//! Records: the steps of a domain's log.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::json::{self, MalformedError};

/// The `list` of a record whose entry is in the control list.
pub const CONTROL: &str = "control";

/// One step of a domain's log, and the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the log, from 0.
    pub index: u64,
    /// The day of the day list that holds the entry, or [`CONTROL`].
    pub list: String,
    /// Position of the entry in that list.
    pub position: u64,
    /// Leaf hash of the entry.
    pub entry: Hash,
    /// Root over all days.
    pub days: Hash,
    /// State of the control list.
    pub control: ControlState,
}

/// The size and root of the control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlState {
    /// Number of its entries.
    pub size: u64,
    /// Root over the entries.
    pub root: Hash,
}

impl Record {
    /// Returns the text whose bytes are hashed.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::to_text(self)
    }

    /// Parses a record.
    ///
    /// # Errors
    /// When the text is not a record.
    pub fn parse(text: &str) -> Result<Self, MalformedError> {
        json::parse(text, "a record")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_the_page_shows_it() {
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let text = format!(
            r#"{{"index":8811,"list":"2026-11-20","position":5,"entry":"{hash}","days":"{hash}","control":{{"size":3,"root":"{hash}"}}}}"#
        );
        assert_eq!(Record::parse(&text).unwrap().to_text(), text);
        assert!(Record::parse(&text.replace("8811", "-1")).is_err());
        assert!(Record::parse(&text.replace("8811", "1.0")).is_err());
        assert!(Record::parse(&text.replace("\"entry\"", "\"days\"")).is_err());
    }
}

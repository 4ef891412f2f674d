//! The receipt of a session: all that its download is verified with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Hash;
use crate::entry::HourRange;
use crate::note::{NoteError, SigningKey};

/// The receipt; see `docs/EVIDENCE.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "atrail-receipt")]
pub struct Receipt {
    /// Of this format: 1.
    pub version: u32,
    /// GUID of the session.
    pub session: String,
    /// Name of the session's owner.
    pub user: String,
    /// When the session was made, RFC 3339.
    pub created: String,
    /// What it covers.
    pub scope: ReceiptScope,
    /// The manifest's text; its SHA-256 is the download's entity tag.
    pub manifest: String,
    /// The evidence of each domain.
    pub domains: Vec<ReceiptDomain>,
}

/// What a session covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptScope {
    /// GUID of the space, unless it is a whole account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// GUID of the account, unless it is a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// First day.
    pub start: String,
    /// Last day.
    pub end: String,
    /// Hours of each day.
    pub hours: HourRange,
}

/// The evidence of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptDomain {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// The signed note.
    pub checkpoint: String,
    /// The text of the log's last record.
    pub record: String,
    /// Its audit path in the log.
    pub inclusion: Vec<Hash>,
    /// Range proof of the session's days.
    pub days: Vec<Hash>,
    /// The lists of those days that have entries, ascending.
    pub lists: Vec<DayList>,
    /// The control list: the texts of its entries.
    pub control: Vec<String>,
    /// The records that committed the deletions in those lists.
    pub deletions: Vec<DeletionProof>,
    /// Subtree hashes of segments by their GUIDs.
    pub subtrees: BTreeMap<String, Vec<Hash>>,
    /// Proofs that the log began with what was signed earlier.
    pub consistency: Vec<Earlier>,
}

/// The list of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayList {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The texts of its entries.
    pub entries: Vec<String>,
}

/// The record that committed a deletion, with its audit path in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionProof {
    /// The day of the list.
    pub day: String,
    /// The deletion's place in the list.
    pub position: u64,
    /// The record's text.
    pub record: String,
    /// Its audit path.
    pub inclusion: Vec<Hash>,
}

/// That the log is one that was signed earlier, with more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The earlier size.
    pub size: u64,
    /// RFC 6962 §2.1.2.
    pub proof: Vec<Hash>,
}

impl Receipt {
    /// The version that is written.
    pub const VERSION: u32 = 1;

    /// The receipt as it is kept in a file: a signed note.
    ///
    /// # Errors
    /// [`NoteError`] when it cannot be signed.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        let text = serde_json::to_string(self).expect("a struct of texts and numbers is written");
        key.sign(&(text + "\n"))
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

//! The receipt of a download.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::entry::HourRange;
use crate::hash::Hash;
use crate::json::{self, Head, Json, MalformedError};
use crate::note::{Note, NoteError, SigningKey};

/// The `type` of a receipt.
pub const RECEIPT_TYPE: &str = "atrail-receipt";
/// The `version` of a receipt.
pub const RECEIPT_VERSION: u32 = 1;

/// The evidence that a download is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`RECEIPT_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// [`RECEIPT_VERSION`].
    pub version: u32,
    /// GUID of the session.
    pub session: String,
    /// The user whose session it was.
    pub user: String,
    /// Time of the session's creation, RFC 3339 in UTC.
    pub created: String,
    /// The requested scope.
    pub scope: Scope,
    /// The text of the [`Manifest`](crate::Manifest) whose hash is the download's entity tag.
    pub manifest: String,
    /// The domains, in the order of the download.
    pub domains: Vec<DomainEvidence>,
}

/// The scope that a session requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenScope", into = "WrittenScope")]
pub struct Scope {
    /// The owner of the events.
    pub of: ScopeOf,
    /// The first day, `YYYY-MM-DD`.
    pub start: String,
    /// The last day.
    pub end: String,
    /// The hours of each day.
    pub hours: HourRange,
}

/// The owner of the events that a session requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeOf {
    /// Events of the space with this GUID.
    Space(String),
    /// Events of the account with this GUID, and of every space that it ever had.
    Account(String),
}

/// A scope in its written form: with exactly one of `space` and `account`.
#[derive(Serialize, Deserialize)]
struct WrittenScope {
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    start: String,
    end: String,
    hours: HourRange,
}

impl TryFrom<WrittenScope> for Scope {
    type Error = &'static str;

    fn try_from(written: WrittenScope) -> Result<Self, Self::Error> {
        let of = match (written.space, written.account) {
            (Some(space), None) => ScopeOf::Space(space),
            (None, Some(account)) => ScopeOf::Account(account),
            _ => return Err("a scope has either a space or an account"),
        };
        Ok(Self {
            of,
            start: written.start,
            end: written.end,
            hours: written.hours,
        })
    }
}

impl From<Scope> for WrittenScope {
    fn from(scope: Scope) -> Self {
        let (space, account) = match scope.of {
            ScopeOf::Space(guid) => (Some(guid), None),
            ScopeOf::Account(guid) => (None, Some(guid)),
        };
        Self {
            space,
            account,
            start: scope.start,
            end: scope.end,
            hours: scope.hours,
        }
    }
}

impl ScopeOf {
    /// Returns the first domain of the scope.
    #[must_use]
    pub fn domain(&self) -> String {
        match self {
            Self::Space(guid) => space_domain(guid),
            Self::Account(guid) => format!("account-{guid}"),
        }
    }
}

/// Returns the domain of a space.
pub(crate) fn space_domain(guid: &str) -> String {
    format!("space-{guid}")
}

/// The evidence of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainEvidence {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// The note of the checkpoint.
    pub checkpoint: String,
    /// Text of the last record.
    pub record: String,
    /// Audit path of the last record.
    pub inclusion: Vec<Hash>,
    /// Range proof of the requested days.
    pub days: Vec<Hash>,
    /// The whole day list of each requested day that has one, in ascending order.
    pub lists: Vec<DayList>,
    /// The texts of the whole control list.
    pub control: Vec<String>,
    /// One for each `delete` entry of `lists`.
    pub deletions: Vec<DeletionProof>,
    /// The hashes of the runs of each segment with more than one run, by GUID.
    pub subtrees: BTreeMap<String, Vec<Hash>>,
    /// Consistency proofs from earlier sizes.
    pub consistency: Vec<ConsistencyProof>,
}

/// The whole list of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayList {
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// The texts of its entries.
    pub entries: Vec<String>,
}

/// The record that committed a `delete` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionProof {
    /// The day of the list.
    pub day: String,
    /// Position of the entry in it.
    pub position: u64,
    /// Text of the record.
    pub record: String,
    /// Audit path of the record.
    pub inclusion: Vec<Hash>,
}

/// The proof that the log begins with an earlier state of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// The earlier size.
    pub size: u64,
    /// The proof.
    pub proof: Vec<Hash>,
}

/// Why a text is not accepted as a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The text is not a note.
    #[error("not a receipt")]
    Note(#[from] NoteError),
    /// The note's text is not a receipt.
    #[error(transparent)]
    Malformed(#[from] MalformedError),
    /// The text has another type, or a later version.
    #[error("not a receipt of version {RECEIPT_VERSION}: type {0:?}, version {1}")]
    Version(String, u32),
}

impl Receipt {
    /// Signs the receipt; returns the text of the file: one line and its signature.
    ///
    /// # Errors
    /// None that honest contents cause: JSON escapes every character that a note may not hold.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        key.sign(json::to_text(self) + "\n")
    }

    /// Parses the text of the file. Nothing in it is verified yet: ask the note for its signer.
    ///
    /// # Errors
    /// When the text is not a receipt, or its version is unknown.
    pub fn parse(text: &str) -> Result<(Self, Note<'_>), ReceiptError> {
        let note = Note::parse(text)?;
        Ok((Self::read(&note)?, note))
    }

    /// Parses the text of a note.
    pub(crate) fn read(note: &Note<'_>) -> Result<Self, ReceiptError> {
        let json = Json::new(note.text(), "the receipt")?;
        let head: Head = json.read()?;
        if head.kind != RECEIPT_TYPE || head.version != RECEIPT_VERSION {
            return Err(ReceiptError::Version(head.kind, head.version));
        }
        Ok(json.read()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            kind: RECEIPT_TYPE.to_owned(),
            version: RECEIPT_VERSION,
            session: "s".to_owned(),
            user: "u\u{1}\n".to_owned(),
            created: "T".to_owned(),
            scope: Scope {
                of: ScopeOf::Account("g".to_owned()),
                start: "2026-11-20".to_owned(),
                end: "2026-11-20".to_owned(),
                hours: HourRange { first: 0, last: 23 },
            },
            manifest: r#"{"objects":[]}"#.to_owned(),
            domains: vec![],
        }
    }

    #[test]
    fn reads_back_what_it_signs() {
        let key = SigningKey::generate("n").unwrap();
        let text = receipt().sign(&key).unwrap();
        assert_eq!(
            text.lines().next().unwrap(),
            r#"{"type":"atrail-receipt","version":1,"session":"s","user":"u\u0001\n","created":"T","scope":{"account":"g","start":"2026-11-20","end":"2026-11-20","hours":{"first":0,"last":23}},"manifest":"{\"objects\":[]}","domains":[]}"#
        );
        let (read, note) = Receipt::parse(&text).unwrap();
        assert_eq!(read, receipt());
        let keys = [key.verifier_key().clone()];
        assert_eq!(note.signer(&keys).unwrap(), Some(&keys[0]));
    }

    #[test]
    fn refuses_later_versions_and_two_scopes() {
        let key = SigningKey::generate("n").unwrap();
        let later = Receipt {
            version: 2,
            ..receipt()
        };
        let text = later.sign(&key).unwrap();
        assert!(matches!(
            Receipt::parse(&text),
            Err(ReceiptError::Version(..))
        ));
        let text = receipt().sign(&key).unwrap();
        let two = text.replace(r#""account":"g","#, r#""account":"g","space":"h","#);
        assert!(Receipt::parse(&two).is_err());
        let none = text.replace(r#""account":"g","#, "");
        assert!(Receipt::parse(&none).is_err());
    }
}

//! The events in a domain's history: the entries of its day lists and of its control list.
//!
//! The hash of an entry covers the bytes as they were first written; nothing serializes an entry a second time.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::json::{self, Json, MalformedError};

/// An entry of a day list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum DayEntry {
    /// A sealing of events of the day.
    Seal(Seal),
    /// A deletion of events of the day.
    Delete(Deletion),
}

/// The events of one day in one sealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Time of the sealing, RFC 3339 in UTC.
    pub time: String,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// At least one, each of one hour.
    pub segments: Vec<SealedSegment>,
}

/// A segment at the time of its sealing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SealedSegment {
    /// Its GUID.
    pub id: String,
    /// The hour of the day, 0 to 23.
    pub hour: u8,
    /// Number of its events, at least one.
    pub count: u64,
    /// Total bytes of their lines without LF.
    pub size: u64,
    /// Root over their lines.
    pub root: Hash,
}

/// A removal of every segment of some hours that was sealed before and not yet removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Time of the deletion, RFC 3339 in UTC.
    pub time: String,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// The hours.
    pub hours: HourRange,
    /// Number of entries before it in the day list.
    pub position: u64,
    /// Request or retention.
    pub kind: DeletionKind,
    /// The user who requested it; `retention` for the policy.
    pub actor: String,
    /// The id of the request, or empty.
    pub request: String,
    /// The reason in words, or empty.
    pub reason: String,
    /// Number of events that it removed.
    pub events: u64,
    /// Total bytes of their lines without LF.
    pub bytes: u64,
}

/// A range of hours of a day, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRange {
    /// The first hour.
    pub first: u8,
    /// The last hour, at most 23.
    pub last: u8,
}

impl HourRange {
    /// Returns whether the range contains the hour.
    #[must_use]
    pub const fn contains(self, hour: u8) -> bool {
        self.first <= hour && hour <= self.last
    }

    /// Returns whether these are hours of a day in ascending order.
    pub(crate) const fn is_valid(self) -> bool {
        self.first <= self.last && self.last <= 23
    }
}

/// The cause of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeletionKind {
    /// A user's request.
    Request,
    /// The retention policy.
    Retention,
}

/// An entry of the control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ControlEntry {
    /// The first entry.
    Genesis(Genesis),
    /// From here on, another key signs.
    Key(KeyChange),
    /// From here on, another retention policy applies.
    Policy(Policy),
    /// Start of a legal hold.
    Hold(Hold),
    /// End of a legal hold.
    Release(Hold),
    /// A space joins the account.
    SpaceAdded(SpaceAdded),
    /// A space leaves the account.
    SpaceRemoved(SpaceRemoved),
}

/// The beginning of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// Time of the entry, RFC 3339 in UTC.
    pub time: String,
    /// The domain of the log: `space-GUID` or `account-GUID`.
    pub domain: String,
    /// The verifier key of the key that signs the log.
    pub key: String,
    /// The GUID of a later epoch; empty for the first.
    pub epoch: String,
    /// The newest known checkpoint of the previous epoch, as a note; or empty.
    pub continues: String,
    /// The reason for another epoch; or empty.
    pub reason: String,
}

/// A change of the signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// Time of the change, RFC 3339 in UTC.
    pub time: String,
    /// The user who requested it.
    pub actor: String,
    /// The new verifier key.
    pub key: String,
    /// The note of the previous key; its text is [`endorsement_text`].
    pub endorsement: String,
}

/// A retention policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Time of the change, RFC 3339 in UTC.
    pub time: String,
    /// The user who requested it.
    pub actor: String,
    /// Number of days to keep events; −1 for ever.
    pub retention_days: i64,
}

/// A legal hold, or its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Time of the change, RFC 3339 in UTC.
    pub time: String,
    /// The user who requested it.
    pub actor: String,
    /// The level that the hold covers.
    pub level: HoldLevel,
    /// The reason.
    pub reason: String,
}

/// The level that a legal hold covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldLevel {
    /// This space only.
    Space,
    /// The whole account.
    Account,
}

/// A space that belongs to the account from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAdded {
    /// Time of the entry, RFC 3339 in UTC.
    pub time: String,
    /// The user who requested it.
    pub actor: String,
    /// The space's GUID.
    pub space: String,
    /// The leaf hash of the `genesis` entry of the space's own log.
    pub genesis: Hash,
}

/// A space that no longer belongs to the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRemoved {
    /// Time of the entry, RFC 3339 in UTC.
    pub time: String,
    /// The user who requested it.
    pub actor: String,
    /// The space's GUID.
    pub space: String,
}

/// Returns the text of the note in which a key endorses its successor.
#[must_use]
pub fn endorsement_text(origin: &str, new_key: &str) -> String {
    format!("atrail key rotation\n{origin}\n{new_key}\n")
}

/// The types of entries that this version knows, day lists first.
const TYPES: [&str; 9] = [
    "seal",
    "delete",
    "genesis",
    "key",
    "policy",
    "hold",
    "release",
    "space-added",
    "space-removed",
];

/// An entry, as far as this version knows its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known<T> {
    /// An entry of a known type.
    Entry(T),
    /// An entry of a type that a later version may have introduced: it is not wrong, but nothing follows from it.
    Later(String),
}

impl<T> Known<T> {
    fn entry(self, what: &'static str) -> Result<T, MalformedError> {
        match self {
            Self::Entry(entry) => Ok(entry),
            Self::Later(kind) => Err(MalformedError::new(
                what,
                format_args!("type {kind:?} is not known"),
            )),
        }
    }
}

/// Returns an unknown entry for a type that this version does not know; returns an error for a type of the other list.
fn elsewhere<T>(kind: String, what: &'static str) -> Result<Known<T>, MalformedError> {
    if TYPES.contains(&kind.as_str()) {
        let why = format!("an entry of type {kind} does not belong there");
        return Err(MalformedError::new(what, why));
    }
    Ok(Known::Later(kind))
}

impl DayEntry {
    const WHAT: &'static str = "an entry of a day list";

    /// Returns the text whose bytes are hashed.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::to_text(self)
    }

    /// Parses an entry.
    ///
    /// # Errors
    /// When the text is not an entry, or its type is unknown.
    pub fn parse(text: &str) -> Result<Self, MalformedError> {
        Self::read(text)?.entry(Self::WHAT)
    }

    /// Parses an entry, which may be of an unknown type.
    pub(crate) fn read(text: &str) -> Result<Known<Self>, MalformedError> {
        let json = Json::new(text, Self::WHAT)?;
        let kind = json.kind()?;
        let entry = match kind.as_str() {
            "seal" => Self::Seal(json.read()?),
            "delete" => Self::Delete(json.read()?),
            _ => return elsewhere(kind, Self::WHAT),
        };
        Ok(Known::Entry(entry))
    }
}

impl ControlEntry {
    const WHAT: &'static str = "an entry of the control list";

    /// Returns the text whose bytes are hashed.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::to_text(self)
    }

    /// Parses an entry.
    ///
    /// # Errors
    /// When the text is not an entry, or its type is unknown.
    pub fn parse(text: &str) -> Result<Self, MalformedError> {
        Self::read(text)?.entry(Self::WHAT)
    }

    /// Parses an entry, which may be of an unknown type.
    pub(crate) fn read(text: &str) -> Result<Known<Self>, MalformedError> {
        let json = Json::new(text, Self::WHAT)?;
        let kind = json.kind()?;
        let entry = match kind.as_str() {
            "genesis" => Self::Genesis(json.read()?),
            "key" => Self::Key(json.read()?),
            "policy" => Self::Policy(json.read()?),
            "hold" => Self::Hold(json.read()?),
            "release" => Self::Release(json.read()?),
            "space-added" => Self::SpaceAdded(json.read()?),
            "space-removed" => Self::SpaceRemoved(json.read()?),
            _ => return elsewhere(kind, Self::WHAT),
        };
        Ok(Known::Entry(entry))
    }
}

#[cfg(test)]
mod tests;

//! What happened in a domain: the entries of its day lists and of its control list.
//!
//! An entry is hashed as the bytes that it was written as; nobody writes it a second time.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::json::{self, Json, MalformedError};

/// An entry of a day list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum DayEntry {
    /// Events of the day were sealed.
    Seal(Seal),
    /// Events of the day were deleted.
    Delete(Deletion),
}

/// The events of one day that one sealing took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// At least one, each of one hour.
    pub segments: Vec<SealedSegment>,
}

/// A segment as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SealedSegment {
    /// Its GUID.
    pub id: String,
    /// The hour of the day, 0 to 23.
    pub hour: u8,
    /// How many events it has, at least one.
    pub count: u64,
    /// The bytes of their lines without LF.
    pub size: u64,
    /// The root over their lines.
    pub root: Hash,
}

/// Removal of every segment of some hours that was sealed before and not yet removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// The hours.
    pub hours: HourRange,
    /// How many entries of the day list are before it.
    pub position: u64,
    /// Why.
    pub kind: DeletionKind,
    /// Who asked; `retention` for the policy.
    pub actor: String,
    /// The id of the request, or nothing.
    pub request: String,
    /// Why, in words, or nothing.
    pub reason: String,
    /// How many events it removed.
    pub events: u64,
    /// The bytes of their lines without LF.
    pub bytes: u64,
}

/// Hours of a day, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRange {
    /// The first.
    pub first: u8,
    /// The last, at most 23.
    pub last: u8,
}

impl HourRange {
    /// Whether the hour is one of them.
    #[must_use]
    pub const fn contains(self, hour: u8) -> bool {
        self.first <= hour && hour <= self.last
    }

    /// Whether they are hours of a day at all.
    pub(crate) const fn is_valid(self) -> bool {
        self.first <= self.last && self.last <= 23
    }
}

/// Why events were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeletionKind {
    /// Somebody asked.
    Request,
    /// The policy made it due.
    Retention,
}

/// An entry of the control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ControlEntry {
    /// The first entry.
    Genesis(Genesis),
    /// Another key signs from here on.
    Key(KeyChange),
    /// Another retention holds from here on.
    Policy(Policy),
    /// A legal hold begins.
    Hold(Hold),
    /// A legal hold ends.
    Release(Hold),
    /// The account has a space more.
    SpaceAdded(SpaceAdded),
    /// The account has a space less.
    SpaceRemoved(SpaceRemoved),
}

/// How a log begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Whose log it is: `space-GUID` or `account-GUID`.
    pub domain: String,
    /// The verifier key of the key that signs it.
    pub key: String,
    /// The GUID of a later epoch; empty for the first.
    pub epoch: String,
    /// The newest known checkpoint of the epoch before, as a note; or empty.
    pub continues: String,
    /// Why there is another epoch; or empty.
    pub reason: String,
}

/// A change of the signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who asked.
    pub actor: String,
    /// The new verifier key.
    pub key: String,
    /// The note by the key before; its text is [`endorsement_text`].
    pub endorsement: String,
}

/// A retention policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who asked.
    pub actor: String,
    /// For how many days events are kept; −1 for ever.
    pub retention_days: i64,
}

/// A legal hold, or its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who asked.
    pub actor: String,
    /// What it was put on.
    pub level: HoldLevel,
    /// Why.
    pub reason: String,
}

/// What a legal hold was put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldLevel {
    /// This space alone.
    Space,
    /// The whole account.
    Account,
}

/// A space that an account has from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAdded {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who asked.
    pub actor: String,
    /// The space's GUID.
    pub space: String,
    /// The leaf hash of the `genesis` entry of the space's own log.
    pub genesis: Hash,
}

/// A space that an account no longer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRemoved {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who asked.
    pub actor: String,
    /// The space's GUID.
    pub space: String,
}

/// What a key signs when it hands over to another: the text of a note.
#[must_use]
pub fn endorsement_text(origin: &str, new_key: &str) -> String {
    format!("atrail key rotation\n{origin}\n{new_key}\n")
}

/// The types of entries that this version knows, those of day lists first.
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

/// An entry as far as this version knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known<T> {
    /// One that it knows.
    Entry(T),
    /// One of another type, which a later version may have brought: not wrong, but nothing follows from it.
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

/// What an entry is that the list does not have.
fn elsewhere<T>(kind: String, what: &'static str) -> Result<Known<T>, MalformedError> {
    if TYPES.contains(&kind.as_str()) {
        let why = format!("an entry of type {kind} does not belong there");
        return Err(MalformedError::new(what, why));
    }
    Ok(Known::Later(kind))
}

impl DayEntry {
    const WHAT: &'static str = "an entry of a day list";

    /// The bytes that are hashed.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::to_text(self)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// When it is none, or of a type that is not known.
    pub fn parse(text: &str) -> Result<Self, MalformedError> {
        Self::read(text)?.entry(Self::WHAT)
    }

    /// Reads an entry, which may be of a type that is not known.
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

    /// The bytes that are hashed.
    #[must_use]
    pub fn to_text(&self) -> String {
        json::to_text(self)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// When it is none, or of a type that is not known.
    pub fn parse(text: &str) -> Result<Self, MalformedError> {
        Self::read(text)?.entry(Self::WHAT)
    }

    /// Reads an entry, which may be of a type that is not known.
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

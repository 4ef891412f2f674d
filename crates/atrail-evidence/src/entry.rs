//! What happened in a domain: the entries of its day lists and of its control list.
//!
//! An entry is hashed as the bytes that it was written as; nobody writes it a second time.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::json::{self, MalformedError};

/// An entry of a day list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl DayEntry {
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
        json::parse(text, "an entry of a day list")
    }
}

impl ControlEntry {
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
        json::parse(text, "an entry of the control list")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_written_as_the_page_shows_them() {
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for text in [
            format!(
                r#"{{"type":"seal","time":"T","day":"2026-11-20","segments":[{{"id":"g","hour":7,"count":1024,"size":1317312,"root":"{hash}"}}]}}"#
            ),
            r#"{"type":"delete","time":"T","day":"2026-11-20","hours":{"first":0,"last":23},"position":5,"kind":"request","actor":"admin","request":"r","reason":"w","events":16,"bytes":21004}"#.to_owned(),
        ] {
            assert_eq!(DayEntry::parse(&text).unwrap().to_text(), text);
        }
        for text in [
            r#"{"type":"genesis","time":"T","domain":"space-g","key":"k","epoch":"","continues":"","reason":""}"#.to_owned(),
            r#"{"type":"key","time":"T","actor":"admin","key":"k","endorsement":"a\n\n— b c\n"}"#.to_owned(),
            r#"{"type":"policy","time":"T","actor":"admin","retention_days":-1}"#.to_owned(),
            r#"{"type":"hold","time":"T","actor":"admin","level":"space","reason":"w"}"#.to_owned(),
            r#"{"type":"release","time":"T","actor":"admin","level":"account","reason":"w"}"#.to_owned(),
            format!(r#"{{"type":"space-added","time":"T","actor":"admin","space":"g","genesis":"{hash}"}}"#),
            r#"{"type":"space-removed","time":"T","actor":"admin","space":"g"}"#.to_owned(),
        ] {
            assert_eq!(ControlEntry::parse(&text).unwrap().to_text(), text);
        }
    }

    #[test]
    fn unknown_members_are_passed_over_and_unknown_types_refused() {
        let text = r#"{"new":{"a":[1]},"type":"policy","time":"T","actor":"a","retention_days":3}"#;
        assert!(ControlEntry::parse(text).is_ok());
        assert!(ControlEntry::parse(&text.replace("policy", "polizy")).is_err());
        assert!(ControlEntry::parse(&text.replace("new", "time")).is_err());
        assert!(DayEntry::parse(text).is_err());
    }
}

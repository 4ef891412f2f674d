//! Entries: what happened, as JSON texts that are hashed as the bytes that they are. `docs/EVIDENCE.md` has each.

use serde::{Deserialize, Serialize};

use crate::Hash;

/// An entry of the list of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum DayEntry {
    /// Events were sealed.
    Seal(Seal),
    /// Events were deleted.
    Delete(Deletion),
}

/// What one sealing took of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// When, RFC 3339.
    pub time: String,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// At least one.
    pub segments: Vec<SealedSegment>,
}

/// A segment as its sealing recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSegment {
    /// Its GUID.
    pub id: String,
    /// The UTC hour of its events, 0 to 23.
    pub hour: u8,
    /// Number of its events, at least 1.
    pub count: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size: u64,
    /// The root over its events.
    pub root: Hash,
}

/// What a deletion took of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When, RFC 3339.
    pub time: String,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The hours that lost all their events.
    pub hours: HourRange,
    /// Number of entries before it in its list.
    pub position: u64,
    /// Why it was made.
    pub kind: DeletionKind,
    /// Who made it.
    pub actor: String,
    /// The id of the request; may be empty.
    pub request: String,
    /// In the actor's words; may be empty.
    pub reason: String,
    /// Events that went.
    pub events: u64,
    /// Bytes of their lines.
    pub bytes: u64,
}

/// Hours of a day, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRange {
    /// 0 to 23.
    pub first: u8,
    /// 0 to 23, not before the first.
    pub last: u8,
}

/// Why events were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletionKind {
    /// The policy made it due.
    Retention,
    /// Somebody asked for it.
    Request,
}

/// An entry of the control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ControlEntry {
    /// The log begins.
    Genesis(Genesis),
    /// Another key signs from here on.
    Key(KeyChange),
    /// How long events are kept.
    Policy(Policy),
    /// Nothing is deleted from here on.
    Hold(Hold),
    /// A hold ends.
    Release(Release),
    /// The account has a new space.
    SpaceAdded(SpaceAdded),
    /// The account has a space no more.
    SpaceRemoved(SpaceRemoved),
}

/// How a log begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// When, RFC 3339.
    pub time: String,
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// The verifier key of the key that signs the log.
    pub key: String,
    /// GUID of the epoch; empty for the first.
    pub epoch: String,
    /// The newest checkpoint of the epoch before that is known; empty when none is.
    pub continues: String,
    /// Why there is a new epoch; empty for the first.
    pub reason: String,
}

/// A change of the signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// When, RFC 3339.
    pub time: String,
    /// Who asked for it.
    pub actor: String,
    /// The new verifier key.
    pub key: String,
    /// The note by which the key before names the new one.
    pub endorsement: String,
}

/// How long events are kept from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// When, RFC 3339.
    pub time: String,
    /// Who set it.
    pub actor: String,
    /// Days, or -1 for ever.
    pub retention_days: i64,
}

/// A legal hold begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// When, RFC 3339.
    pub time: String,
    /// Who set it.
    pub actor: String,
    /// Where it was set.
    pub level: HoldLevel,
    /// Why.
    pub reason: String,
}

/// A legal hold ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When, RFC 3339.
    pub time: String,
    /// Who ended it.
    pub actor: String,
    /// Where it was set.
    pub level: HoldLevel,
    /// Why.
    pub reason: String,
}

/// Where a legal hold was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldLevel {
    /// On one space.
    Space,
    /// On the whole account.
    Account,
}

/// A space was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAdded {
    /// When, RFC 3339.
    pub time: String,
    /// Who made it.
    pub actor: String,
    /// Its GUID.
    pub space: String,
    /// The leaf hash of the genesis of its log.
    pub genesis: Hash,
}

/// A space was deleted; its log stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRemoved {
    /// When, RFC 3339.
    pub time: String,
    /// Who deleted it.
    pub actor: String,
    /// Its GUID.
    pub space: String,
}

macro_rules! texts {
    ($($name:ty),*) => {$(
        impl $name {
            /// Its text. What is hashed is the text that was made first, never one that was made again.
            #[must_use]
            pub fn to_text(&self) -> String {
                serde_json::to_string(self).expect("a struct of texts and numbers is written")
            }

            /// Reads a text.
            ///
            /// # Errors
            /// What is wrong with it, and where.
            pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
                serde_json::from_str(text)
            }
        }
    )*};
}
texts!(DayEntry, ControlEntry, crate::Record);

//! GUIDs as newtypes, so that code can never pass a space for a session.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not a GUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID: expected 36 characters such as 66fe4565-abab-46c9-8bcd-4f4565342345")]
pub struct ParseIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $new:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Generates a new, unique id.
            #[cfg(feature = "generate")]
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::$new())
            }

            /// Builds an id from its 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// Returns the id's 16 bytes, big-endian as in RFC 9562.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Accepts only the hyphenated form of 36 characters, in either case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if text.len() != 36 {
                    return Err(ParseIdError);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError)
            }
        }
    };
}

id!(
    /// An account: the root of a tenancy tree.
    AccountId,
    new_v4
);
id!(
    /// An organization of an account.
    OrganizationId,
    new_v4
);
id!(
    /// A space of an organization.
    SpaceId,
    new_v4
);
id!(
    /// A user of the server.
    UserId,
    new_v4
);
id!(
    /// A login, as access tokens name it.
    LoginId,
    new_v4
);
id!(
    /// A download session.
    SessionId,
    new_v4
);
id!(
    /// A segment: a sealed run of events of one domain and hour. Ids made later sort later.
    SegmentId,
    now_v7
);
id!(
    /// An object: the file that holds whole segments. Ids made later sort later.
    ObjectId,
    now_v7
);
id!(
    /// One stay of a node among those that share a catalog: from when it joins until it leaves or is fenced.
    Incarnation,
    new_v4
);

impl ObjectId {
    /// Returns the id that sorts right after this one, for an object that replaces this one and its neighbours. It
    /// keeps the creation time, and is as unlikely to be in use as any other.
    #[must_use]
    pub const fn next(&self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().wrapping_add(1)))
    }
}

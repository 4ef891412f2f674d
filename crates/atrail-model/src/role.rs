//! The roles.

use crate::{AccountId, SpaceId};

macro_rules! roles {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every role of this kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the role's name in the catalog, on the wire and on the command line.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Returns the role with this name.
            #[must_use]
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

roles! {
    /// A role of an account.
    AccountRole {
        /// Everything in the account.
        Owner = "owner",
        /// Reads everything in the account.
        Auditor = "auditor",
        /// Sends to the account's own domain only.
        Writer = "writer",
    }
}

roles! {
    /// A role of a space.
    SpaceRole {
        /// Sends, reads, deletes, sets options.
        Developer = "developer",
        /// Reads.
        Auditor = "auditor",
        /// Sends only.
        Writer = "writer",
    }
}

/// A role and the account or space in which it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldRole {
    /// A role in an account.
    Account(AccountId, AccountRole),
    /// A role in a space.
    Space(SpaceId, SpaceRole),
}

impl HeldRole {
    /// Returns the name of the role itself in the catalog, on the wire and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account(_, role) => role.word(),
            Self::Space(_, role) => role.word(),
        }
    }
}

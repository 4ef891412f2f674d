//! The roles there are.

use crate::{AccountId, SpaceId};

macro_rules! roles {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As the catalog, the wire and the command line write it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one that is written like this.
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
        /// Sends to the account's own domain, no more.
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
        /// Sends, no more.
        Writer = "writer",
    }
}

/// A role together with where it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldRole {
    /// Of an account.
    Account(AccountId, AccountRole),
    /// Of a space.
    Space(SpaceId, SpaceRole),
}

impl HeldRole {
    /// As the catalog, the wire and the command line write the role itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account(_, role) => role.word(),
            Self::Space(_, role) => role.word(),
        }
    }
}

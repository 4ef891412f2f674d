//! What the events of a search are known by.

use crate::events::{USERS, Who};

/// A user of very many events, all of one action.
pub(crate) const COMMON: Who = Who {
    user: USERS,
    action: Some(("read", "storage/object")),
    tag: None,
};
/// A user of very few events, all of one action.
pub(crate) const RARE: Who = Who {
    user: USERS + 1,
    action: Some(("delete", "security/key")),
    tag: None,
};
/// A text of very few events, ...
pub(crate) const RARE_TAG: &str = "quixotic maintenance";
/// ... its word, ...
pub(crate) const RARE_WORD: &str = "quixotic";
/// ... and a part in the middle of that word.
pub(crate) const RARE_PART: &str = "uixoti";
/// A word of no event.
pub(crate) const ABSENT_WORD: &str = "zeugmatic";

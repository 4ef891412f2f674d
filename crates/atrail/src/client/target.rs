//! The target of requests.

use crate::state::Named;

/// The target of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// The targeted account, or that of the targeted organization.
    pub(crate) account: Option<Named>,
    /// The targeted organization.
    pub(crate) organization: Option<Named>,
    /// The targeted space.
    pub(crate) space: Option<Named>,
}

impl Target {
    /// Returns the GUIDs of the targeted organization and account, the narrower first.
    pub(crate) fn places(&self) -> Vec<&str> {
        let places = [&self.organization, &self.account];
        let places = places.into_iter().flatten();
        places.map(|named| named.guid.as_str()).collect()
    }

    /// Describes the target for people: `space dev`.
    pub(crate) fn describe(&self, at_account_level: bool) -> String {
        match (&self.space, at_account_level) {
            (_, true) => "the whole account".to_owned(),
            (Some(space), false) => format!("space {}", space.name),
            (None, false) => "the targeted space".to_owned(),
        }
    }
}

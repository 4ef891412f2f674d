//! What an ingest key determines about the events that come with it.

use std::sync::Arc;

use crate::{AccountId, Domain, SpaceId, Target};

/// The terms of an ingest key: a key that only sends, to one domain, and that no user holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestTerms {
    /// The account.
    pub account: AccountId,
    /// The space that the events go to; `None`: the account's own domain.
    pub space: Option<SpaceId>,
    /// The name of the format of the events, where a request names none.
    pub format: Option<Arc<str>>,
    /// Whether an event is refused that has the form of no known format. Otherwise it is stored in a generic form.
    pub strict: bool,
}

impl IngestTerms {
    /// Returns the target of the key's requests.
    #[must_use]
    pub fn target(&self) -> Target {
        self.space
            .map_or(Target::Account(self.account), Target::Space)
    }

    /// Returns the domain that the events go to.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.target().domain()
    }
}

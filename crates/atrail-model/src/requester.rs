//! Who asks for a change, and by what right.

use std::sync::Arc;

use crate::{LoginId, Standing, Timestamp};

/// Who asks for something that a domain's log records.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requester<'a> {
    /// The name of the user.
    pub name: &'a str,
    /// The id of the request; may be empty.
    pub request: &'a str,
    /// Why, in the user's words; may be empty.
    pub reason: &'a str,
    /// The rights that the request was judged by; the transaction that does it looks whether they still stand. `None` when
    /// nobody has to have any.
    pub warrant: Option<&'a Warrant>,
}

impl<'a> From<&'a str> for Requester<'a> {
    /// Somebody of this name, with nothing else known.
    fn from(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}

/// The login that asks for a change, and what it was worth when the request was judged.
#[derive(Debug, Clone)]
pub struct Warrant {
    login: LoginId,
    judged: Arc<Standing>,
    now: Timestamp,
}

impl Warrant {
    /// The request of a login that was judged by this standing; `now` is the moment of the change.
    #[must_use]
    pub const fn new(login: LoginId, judged: Arc<Standing>, now: Timestamp) -> Self {
        Self { login, judged, now }
    }

    /// The login that asks.
    #[must_use]
    pub const fn login(&self) -> LoginId {
        self.login
    }

    /// What the login was worth when the request was judged.
    #[must_use]
    pub fn judged(&self) -> &Standing {
        &self.judged
    }

    /// The moment of the change.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

//! The requester of a change, and the rights behind the request.

use std::sync::Arc;

use crate::{LoginId, Standing, Timestamp};

/// The user who requests an action that a domain's log records.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requester<'a> {
    /// The name of the user.
    pub name: &'a str,
    /// The id of the request; may be empty.
    pub request: &'a str,
    /// The reason, in the user's words; may be empty.
    pub reason: &'a str,
    /// The rights by which the request was authorized; the transaction that executes it checks that they still hold.
    /// `None` when no rights are required.
    pub warrant: Option<&'a Warrant>,
}

/// A requester that outlives its request, for work that completes even if nobody waits for it any longer.
#[derive(Debug, Clone)]
pub struct OwnedRequester {
    name: String,
    request: String,
    reason: String,
    warrant: Option<Warrant>,
}

impl OwnedRequester {
    /// Returns the requester.
    #[must_use]
    pub fn get(&self) -> Requester<'_> {
        Requester {
            name: &self.name,
            request: &self.request,
            reason: &self.reason,
            warrant: self.warrant.as_ref(),
        }
    }
}

impl From<Requester<'_>> for OwnedRequester {
    fn from(requester: Requester<'_>) -> Self {
        Self {
            name: requester.name.to_owned(),
            request: requester.request.to_owned(),
            reason: requester.reason.to_owned(),
            warrant: requester.warrant.cloned(),
        }
    }
}

impl<'a> From<&'a str> for Requester<'a> {
    /// Returns a requester of this name, with no other details.
    fn from(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}

/// The login that requests a change, and its rights when the request was authorized.
#[derive(Debug, Clone)]
pub struct Warrant {
    login: LoginId,
    judged: Arc<Standing>,
    now: Timestamp,
}

impl Warrant {
    /// Returns the warrant of a login that was authorized by this standing; `now` is the time of the change.
    #[must_use]
    pub const fn new(login: LoginId, judged: Arc<Standing>, now: Timestamp) -> Self {
        Self { login, judged, now }
    }

    /// Returns the login that makes the request.
    #[must_use]
    pub const fn login(&self) -> LoginId {
        self.login
    }

    /// Returns the standing of the login when the request was authorized.
    #[must_use]
    pub fn judged(&self) -> &Standing {
        &self.judged
    }

    /// Returns the time of the change.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

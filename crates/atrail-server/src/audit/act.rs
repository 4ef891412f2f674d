//! One act: its actor, its target and its outcome.

use std::sync::Arc;

use atrail_model::{Domain, Hours, Scope, User, UserId};
use serde_json::{Map, Value, json};

use super::action::{Action, Outcome, Severity};
use super::origin::Origin;
use super::text::capped;
use crate::extract::BODY_MAX_BYTES;

/// Longest text among the details of an act, in bytes.
const TEXT_MAX_BYTES: usize = 1024;
/// Longest query in an act, in bytes: as much as the body of a request may have.
const QUERY_MAX_BYTES: usize = BODY_MAX_BYTES;
/// The name of that detail.
const QUERY: &str = "query";
/// The name of the detail that names the request.
pub(super) const REQUEST: &str = "request";

/// The credential that proved an actor's identity (the original's `initiator.credential.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A user name and a password.
    Password,
    /// A token of this server or of its OpenID provider.
    Token,
    /// An API key.
    ApiKey,
}

impl Credential {
    /// Returns the value of the field.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Password => "user",
            Self::Token => "token",
            Self::ApiKey => "apikey",
        }
    }
}

/// The actor of an act, and the place that the actor acts from.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(super) id: UserId,
    pub(super) name: Option<String>,
    pub(super) origin: Origin,
    pub(super) credential: Credential,
    /// The public part of the API key that came with the request, or began the login.
    pub(super) api_key: Option<Arc<str>>,
}

impl Actor {
    /// Returns a user who sent a token.
    pub(crate) fn new(user: &User, origin: Origin) -> Self {
        Self {
            id: user.id,
            name: Some(user.name.clone()),
            origin,
            credential: Credential::Token,
            api_key: None,
        }
    }

    /// Returns the server itself, acting on its own.
    pub(crate) fn server() -> Self {
        Self {
            id: UserId::from_bytes([0; 16]),
            name: None,
            origin: Origin::here(),
            credential: Credential::Token,
            api_key: None,
        }
    }

    /// Returns whether the actor is the server itself.
    pub(super) fn is_server(&self) -> bool {
        self.id == UserId::from_bytes([0; 16])
    }

    /// Returns a user who sent a token, and of whom only the id is known.
    pub(crate) const fn of_id(id: UserId, origin: Origin) -> Self {
        Self {
            id,
            name: None,
            origin,
            credential: Credential::Token,
            api_key: None,
        }
    }

    /// Returns the same actor with another credential.
    pub(crate) const fn by(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// Returns the same actor, who sent the API key with this public part. Each act then names the key.
    pub(crate) fn by_key(self, key: Arc<str>) -> Self {
        self.by(Credential::ApiKey).of_login_by(key)
    }

    /// Returns the same actor, in a login that began with the API key with this public part. Each act then names the key.
    pub(crate) fn of_login_by(mut self, key: Arc<str>) -> Self {
        self.api_key = Some(key);
        self
    }
}

/// The target of an act that does not concern the events of its domain.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(super) id: String,
    pub(super) type_uri: &'static str,
    pub(super) name: Option<String>,
}

impl Thing {
    /// Returns a user as a target.
    pub(crate) fn user(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            type_uri: "data/security/account/user",
            name: Some(capped(&user.name, TEXT_MAX_BYTES)),
        }
    }

    /// Returns the invitation of this name as a target; no user need have the name.
    pub(crate) fn invitee(invitation: &impl ToString, name: &str) -> Self {
        Self {
            id: invitation.to_string(),
            type_uri: "data/security/account/user",
            name: Some(capped(name, TEXT_MAX_BYTES)),
        }
    }

    /// Returns an API key, named by its public part, as a target.
    pub(crate) fn api_key(id: &str, name: Option<&str>) -> Self {
        Self {
            id: capped(id, TEXT_MAX_BYTES),
            type_uri: "data/security/credential",
            name: name.map(|name| capped(name, TEXT_MAX_BYTES)),
        }
    }

    /// Returns an organization or a space as a target.
    pub(crate) fn project(id: &impl ToString, name: &str) -> Self {
        Self {
            id: id.to_string(),
            type_uri: "data/security/project",
            name: Some(capped(name, TEXT_MAX_BYTES)),
        }
    }
}

/// An action that the server carried out, or refused, in a domain.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(super) action: Action,
    pub(super) actor: Actor,
    pub(super) domain: Domain,
    /// The status of the answer (RFC 9110 §15).
    pub(super) status: u16,
    pub(super) thing: Option<Thing>,
    pub(super) details: Map<String, Value>,
}

impl Act {
    /// Returns a successful act.
    pub(crate) fn new(action: Action, actor: Actor, domain: Domain) -> Self {
        let mut details = Map::new();
        if !actor.origin.request.is_empty() {
            details.insert(REQUEST.to_owned(), actor.origin.request.clone().into());
        }
        if let Some(key) = &actor.api_key {
            details.insert("apiKey".to_owned(), key.as_ref().into());
        }
        Self {
            action,
            actor,
            domain,
            status: action.status(),
            thing: None,
            details,
        }
    }

    /// Sets the status of the answer, which decides the outcome.
    pub(crate) fn answered(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets the target.
    pub(crate) fn to(mut self, thing: Thing) -> Self {
        self.thing = Some(thing);
        self
    }

    /// Adds a detail. A text is cut to the length that an event allows.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) => capped(&text, TEXT_MAX_BYTES).into(),
            other => other,
        };
        self.details.insert(name.to_owned(), value);
        self
    }

    /// Adds the query of a search, whole: a text that is cut would let a long beginning hide the rest.
    pub(crate) fn searching(mut self, query: &str) -> Self {
        let query = capped(query, QUERY_MAX_BYTES);
        self.details.insert(QUERY.to_owned(), query.into());
        self
    }

    /// Returns the length of its query, in bytes.
    pub(super) fn query_bytes(&self) -> usize {
        let query = self.details.get(QUERY).and_then(Value::as_str);
        query.map_or(0, str::len)
    }

    /// Adds the days and hours that the act concerned.
    pub(crate) fn about(self, scope: &Scope) -> Self {
        let days = scope.days;
        let days = json!({"start": days.start().to_string(), "end": days.end().to_string()});
        let act = self.with("days", days);
        if scope.hours == Hours::ALL {
            act
        } else {
            act.with("hours", scope.hours.to_string())
        }
    }

    /// Returns the severity. A refused act is never routine.
    pub(super) const fn severity(&self) -> Severity {
        match (self.outcome(), self.action.severity()) {
            (Outcome::Failure, Severity::Normal) => Severity::Warning,
            (_, severity) => severity,
        }
    }

    pub(super) const fn outcome(&self) -> Outcome {
        if self.status < 400 {
            Outcome::Success
        } else {
            Outcome::Failure
        }
    }
}

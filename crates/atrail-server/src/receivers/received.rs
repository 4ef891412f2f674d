//! The request of a sender, as an extractor.

use std::sync::Arc;

use atrail_model::IngestTerms;
use atrail_sources::{SourceKind, Strictness};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Uri};

use super::Receiving;
use crate::app::App;
use crate::auth::access::{Aimed, Authorised, SendEvents};
use crate::auth::principal::Admitted;
use crate::error::ApiError;
use crate::idempotency::IdempotencyKey;
use crate::ingest::Incoming;
use crate::ingest::budget::Sender;
use crate::metrics::Receiver;

/// A request of a sender that speaks another collector's protocol. Its query is the protocol's.
#[derive(Debug)]
pub(crate) struct Received {
    /// The path and the query.
    pub(crate) uri: Uri,
    /// The header fields.
    pub(crate) headers: HeaderMap,
    body: Body,
    admitted: Option<Admitted>,
}

impl Aimed for Received {
    /// No protocol of these names an account: a key that is bound to one sends to it.
    fn at_account_level(&self) -> bool {
        false
    }
}

impl FromRequest<Arc<App>> for Received {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        Ok(Self {
            admitted: parts.extensions.remove(),
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }
}

impl Receiving {
    /// Returns what [`super::keep`] needs of an authorised request. The terms of the caller's key decide about the format
    /// of the payloads and about their strictness.
    pub(crate) async fn of(
        app: &App,
        receiver: Receiver,
        authorised: Authorised<SendEvents, Received>,
    ) -> Result<Self, ApiError> {
        let Authorised {
            principal,
            target,
            wire,
            ..
        } = authorised;
        let Received {
            uri: _,
            headers,
            body,
            admitted,
        } = wire;
        let terms = principal.ingest_key().map(|key| key.terms);
        let key = IdempotencyKey::of(&headers, principal.id());
        let incoming = Incoming {
            sender: Sender::of(app, &principal, target).await?,
            headers,
            body,
            // A sender of another protocol may mean something else by it.
            key: key.unwrap_or_default(),
            admitted,
            organization: None,
        };
        Ok(Self::by(app, receiver, terms.as_ref(), incoming))
    }

    /// Returns the same for a body that an ingest key with these terms sends, if it is one.
    pub(crate) fn by(
        app: &App,
        receiver: Receiver,
        terms: Option<&IngestTerms>,
        incoming: Incoming,
    ) -> Self {
        let format = terms.and_then(|terms| terms.format.as_deref());
        Self {
            receiver,
            // A format that this version does not know any longer is one that it has to recognise.
            kind: format
                .and_then(|format| app.engine.kind(format).ok())
                .unwrap_or(SourceKind::Auto),
            strictness: if terms.is_some_and(|terms| terms.strict) {
                Strictness::Strict
            } else {
                Strictness::Lenient
            },
            incoming,
        }
    }
}

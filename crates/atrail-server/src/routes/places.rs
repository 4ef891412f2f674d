//! One stored event by its permanent place, and its proof.

use std::sync::Arc;

use atrail_api::{ErrorCode, EventPlace, headers};
use atrail_evidence::Hash;
use atrail_model::{Domain, SegmentId};
use atrail_store::{ErrorKind, StoreError, StoredEvent};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;

use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::access::{Aimed, Authorised, ReadEvents};
use crate::error::ApiError;
use crate::extract::BodyOrQuery;
use crate::ingest::budget::{Sender, Share};

/// Memory for an event while it is read and sent.
const EVENT_BYTES: usize = 2 << 20;
/// Memory for a proof while it is made and sent: it has the log's entries of a day, and the control list.
const PROOF_BYTES: usize = 8 << 20;

impl Aimed for BodyOrQuery<EventPlace> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

type Placed = Authorised<ReadEvents, BodyOrQuery<EventPlace>>;

/// Returns an event, to the byte as it is stored.
pub(super) async fn event(
    State(app): State<Arc<App>>,
    placed: Placed,
) -> Result<impl IntoResponse, ApiError> {
    let (wanted, share) = Wanted::of(&app, &placed, EVENT_BYTES).await?;
    let turn = app.turn(app.account_of(placed.target).await?).await?;
    let event = app
        .store
        .event_at(placed.target, wanted.segment, wanted.index)
        .await
        .map_err(unknown)?;
    drop(turn);
    wanted.must_be(&event)?;
    wanted.note(&app, &placed, Action::ReadEvent).await?;
    let line = share.hold_all(event.line.clone());
    Ok((fields(&event, "application/json"), line))
}

/// Returns the proof of an event, as `atrail prove` makes it from a download.
pub(super) async fn proof(
    State(app): State<Arc<App>>,
    placed: Placed,
) -> Result<impl IntoResponse, ApiError> {
    let (wanted, share) = Wanted::of(&app, &placed, PROOF_BYTES).await?;
    let turn = app.turn(app.account_of(placed.target).await?).await?;
    let (event, proof) = app
        .store
        .proof_at(placed.target, wanted.segment, wanted.index)
        .await
        .map_err(unknown)?;
    drop(turn);
    wanted.must_be(&event)?;
    wanted.note(&app, &placed, Action::ProveEvent).await?;
    let text = share.hold_all(Bytes::from(proof.to_text()));
    Ok((fields(&event, "text/plain; charset=utf-8"), text))
}

/// A place that a request names.
struct Wanted {
    segment: SegmentId,
    index: u64,
    leaf: Option<Hash>,
}

impl Wanted {
    /// Returns the place, and the memory for its answer.
    async fn of(app: &App, placed: &Placed, size_bytes: usize) -> Result<(Self, Share), ApiError> {
        let EventPlace {
            segment,
            index,
            leaf,
            at_account_level: _,
        } = &placed.wire.0;
        // In a query, a plus that was not escaped is a space.
        let leaf = leaf.as_ref().map(|leaf| leaf.replace(' ', "+").parse());
        let leaf = leaf.transpose().map_err(|_| {
            ApiError::bad_request("leaf is not the base64 of a leaf hash, which has 44 characters")
        })?;
        let wanted = Self {
            segment: segment.parse().map_err(|_| ApiError::not_found("event"))?,
            index: *index,
            leaf,
        };
        let sender = Sender::of(app, &placed.principal, placed.target).await?;
        let mut share = app.ingest_budget.share_of(sender);
        share.begin(size_bytes).await?;
        Ok((wanted, share))
    }

    /// Refuses an event with another leaf hash than the request names.
    fn must_be(&self, event: &StoredEvent) -> Result<(), ApiError> {
        let leaf = Hash::from(event.leaf);
        match self.leaf {
            Some(wanted) if wanted != leaf => Err(ApiError::new(
                ErrorCode::Conflict,
                format!("the event at this place has the leaf hash {leaf}"),
            )),
            _ => Ok(()),
        }
    }

    async fn note(&self, app: &App, placed: &Placed, action: Action) -> Result<(), ApiError> {
        let domain = placed.target.domain();
        let act = Act::new(action, placed.principal.actor(), domain)
            .with("segment", self.segment.to_string())
            .with("index", self.index);
        Ok(app.audit.read_this(act).await?)
    }
}

/// Gives a foreign event the same answer as one that does not exist.
fn unknown(error: StoreError) -> ApiError {
    match error.kind() {
        ErrorKind::NotFound => ApiError::not_found("event"),
        _ => error.into(),
    }
}

fn fields(event: &StoredEvent, media_type: &'static str) -> [(HeaderName, String); 4] {
    let name = HeaderName::from_static;
    [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (name(headers::LEAF), Hash::from(event.leaf).to_string()),
        (name(headers::DAY), event.day.to_string()),
        (name(headers::SPACE), guid(event.domain)),
    ]
}

/// Returns the GUID of a domain's space, or of the account for the account's own.
pub(crate) fn guid(domain: Domain) -> String {
    match domain {
        Domain::Space(id) => id.to_string(),
        Domain::Account(id) => id.to_string(),
    }
}

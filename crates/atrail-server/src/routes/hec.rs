//! Splunk's HTTP Event Collector.
//!
//! A request is answered after its events are durable, so a sender that asks for acknowledgements gets one for every id.

pub(crate) mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use atrail_carriers::hec::{self, Lacking};
use atrail_sources::{Hints, read_time};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::auth::principal::AnyCaller;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::metrics::Receiver;
use crate::receivers::{self, Keeper, Outcome, Received, Receiving};

const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");

/// The parameters of a query that count here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InQuery {
    channel: Option<String>,
    host: Option<String>,
    source: Option<String>,
    time: Option<String>,
}

impl InQuery {
    /// Reads a query. One that cannot be read states nothing.
    fn of(uri: &Uri) -> Self {
        let query = axum::extract::Query::try_from_uri(uri);
        query.map_or_else(|_| Self::default(), |axum::extract::Query(query)| query)
    }
}

/// The first payload that was refused.
#[derive(Debug, Clone, Copy)]
struct Invalid {
    /// Its place in the request, from 0.
    number: u64,
    /// What is wrong with it, in Splunk's words, and their code.
    why: (&'static str, u16),
}

/// Accepts objects.
pub(super) async fn event(
    app: State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    receive(app, authorised, |body, keeper, _| {
        let lacking = hec::lacking(body);
        if !lacking.is_empty() {
            return lacking.into_iter().try_for_each(|one| keeper.refuse(one));
        }
        hec::events(body).try_for_each(|payload| keeper.keep(&payload))
    })
    .await
}

/// Accepts lines.
pub(super) async fn raw(
    app: State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    receive(app, authorised, |body, keeper, query| {
        let hints = Hints {
            id: None,
            time: query.time.as_deref().and_then(read_time),
            host: query.host.as_deref().map(Into::into),
            source: query.source.as_deref().map(Into::into),
        };
        hec::raw(body, &hints).try_for_each(|payload| keeper.keep(&payload))
    })
    .await
}

/// Keeps payloads, and notes the first that is refused.
struct Noting<'n, 'k, 'i> {
    keeper: &'n mut Keeper<'k, 'i>,
    invalid: Option<Invalid>,
}

impl Noting<'_, '_, '_> {
    fn keep(&mut self, payload: &atrail_sources::Payload<'_>) -> Result<(), ApiError> {
        let number = self.keeper.read();
        let invalid = &mut self.invalid;
        self.keeper.keep(payload, |_, outcome| {
            if matches!(outcome, Outcome::Refused { .. }) {
                let why = ("Invalid data format", 6);
                invalid.get_or_insert(Invalid { number, why });
            }
        })
    }

    /// Counts an object that has nothing to keep.
    fn refuse(&mut self, lacking: Lacking) -> Result<(), ApiError> {
        let number = self.keeper.read();
        let why = match lacking {
            Lacking::Event => ("Event field is required", 12),
            Lacking::Content => ("Event field cannot be blank", 13),
        };
        self.invalid.get_or_insert(Invalid { number, why });
        self.keeper.refuse(why.0, |_, _| ())
    }
}

async fn receive(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
    read: impl Fn(&Bytes, &mut Noting<'_, '_, '_>, &InQuery) -> Result<(), ApiError>
    + Send
    + Sync
    + 'static,
) -> Result<Response, ApiError> {
    let query = InQuery::of(&authorised.wire.uri);
    let has_channel = query.channel.is_some() || authorised.wire.headers.contains_key(CHANNEL);
    let receiving = Receiving::of(&app, Receiver::Hec, authorised).await?;
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        let mut noting = Noting {
            keeper,
            invalid: None,
        };
        read(body, &mut noting, &query)?;
        Ok(noting.invalid)
    })
    .await?;
    if kept.accepted + kept.refused == 0 {
        return Ok(shape::answer(StatusCode::BAD_REQUEST, "No data", 5));
    }
    // Nothing of the request is lost: it has nothing to keep, or a strict key refuses some, and the others are kept.
    if let Some(Invalid { number, why }) = kept.read {
        let (text, code) = why;
        let invalid = json!({"text": text, "code": code, "invalid-event-number": number});
        return Ok((StatusCode::BAD_REQUEST, Json(invalid)).into_response());
    }
    Ok(if has_channel {
        let id = app.hec_acks.next();
        let ack = json!({"text": "Success", "code": 0, "ackId": id});
        (StatusCode::OK, Json(ack)).into_response()
    } else {
        shape::answer(StatusCode::OK, "Success", 0)
    })
}

/// Returns whether the server accepts events. It needs no token.
pub(super) async fn health(State(app): State<Arc<App>>) -> Response {
    match app.store.write_refusal() {
        None => shape::answer(StatusCode::OK, "HEC is healthy", 17),
        Some(_) => shape::answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "HEC is unhealthy, queues are full",
            18,
        ),
    }
}

/// Returns that the interface exists: some senders ask so at their start.
pub(super) async fn options() -> Response {
    (StatusCode::OK, [(header::ALLOW, "POST, OPTIONS")]).into_response()
}

/// The question which requests are durable.
#[derive(Debug, Deserialize)]
pub(super) struct Acks {
    acks: Vec<u64>,
}

/// Returns that the events of these requests are durable: the server answers no request before.
pub(super) async fn ack(
    _: AnyCaller,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(Acks { acks }): JsonBody<Acks>,
) -> Response {
    if InQuery::of(&uri).channel.is_none() && !headers.contains_key(CHANNEL) {
        return shape::answer(StatusCode::BAD_REQUEST, "Data channel is missing", 10);
    }
    let durable: BTreeMap<String, bool> =
        acks.into_iter().map(|id| (id.to_string(), true)).collect();
    let answer: Value = json!({"acks": durable});
    Json(answer).into_response()
}

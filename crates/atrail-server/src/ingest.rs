//! Accepts events: body → decompressed → split → checked → durable → answered, in bounded memory.

mod body;
pub(crate) mod budget;
#[cfg(feature = "internals")]
pub(crate) mod fuzzing;
mod prepare;
mod sender;

use std::sync::Arc;

use atrail_api::{IngestCounts, IngestQuery, headers};
use atrail_sources::{Framing, SourceKind};
use atrail_store::AppendTotal;
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use budget::Sender;
use prepare::{Prepared, Reading};

use crate::app::App;
use crate::auth::access::Aimed;
use crate::auth::principal::Admitted;
use crate::error::ApiError;
use crate::extract::Query;
use crate::idempotency::IdempotencyKey;

/// The server checks a body up to this size on the spot; a larger one would delay other requests on the same thread.
const INLINE_MAX_BYTES: u64 = 32 << 10;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const DUPLICATES: HeaderName = HeaderName::from_static(headers::DUPLICATES);
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A request that sends events.
#[derive(Debug)]
pub(crate) struct IngestRequest {
    query: IngestQuery,
    headers: HeaderMap,
    body: Body,
    admitted: Option<Admitted>,
}

impl Aimed for IngestRequest {
    fn at_account_level(&self) -> bool {
        self.query.at_account_level.unwrap_or(false)
    }
}

impl FromRequest<Arc<App>> for IngestRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Query(query) = Query::from_request_parts(&mut parts, app).await?;
        Ok(Self {
            query,
            headers: parts.headers,
            body,
            admitted: parts.extensions.remove(),
        })
    }
}

/// Accepts a request's events. It reports success only after the store has made them durable. The answer's bytes count
/// against the budget until they are sent.
pub(crate) async fn run(
    app: &App,
    sender: Sender,
    request: IngestRequest,
) -> Result<Response, ApiError> {
    let IngestRequest {
        query,
        headers,
        body,
        admitted,
    } = request;
    let ingest_key = admitted.as_ref().and_then(Admitted::ingest_key);
    let format = ingest_key
        .as_ref()
        .and_then(|key| key.terms.format.as_deref());
    let kind: SourceKind = match query.kind.as_deref() {
        // A format that this version does not know any longer is one that it has to recognise.
        None => SourceKind::of_media_type(media_type(&headers))
            .or_else(|| format.and_then(|format| format.parse().ok()))
            .unwrap_or_default(),
        Some(text) => text
            .parse()
            .map_err(|error| ApiError::bad_request(format!("type is {error}")))?,
    };
    // Before the server reads the body, so that a producer learns early that it must wait.
    if let Some(refusal) = app.store.write_refusal() {
        return Err(refusal.into());
    }
    let minimal = wants_minimal(&headers);
    let framing = framing(&headers);
    let key = IdempotencyKey::of(&headers, sender.user)?;
    let (body, mut held) = body::receive(app, &headers, sender, body).await?;
    let reading = Reading {
        kind,
        framing,
        // A clock that was set back must not refuse an event of the present.
        now: app.store.time().latest(),
        key,
        each_is_answered: !minimal,
    };
    let bytes = body.len() as u64;
    let is_small = bytes <= INLINE_MAX_BYTES;
    let work = move || {
        let prepared = prepare::prepare(&body, &reading, &mut held)?;
        Ok::<_, ApiError>((prepared, held))
    };
    let (prepared, held) = if is_small {
        work()?
    } else {
        app.in_turn(sender.account, work).await??
    };
    let Prepared {
        events,
        answer,
        accepted,
        refused,
        not_read,
        origins,
    } = prepared;
    if accepted == 0 && refused == 0 {
        return Err(ApiError::bad_request(
            "the body contains no event: send one JSON object, an array, or one object per line",
        ));
    }
    // A body may take long to arrive, and its sender may lose rights meanwhile.
    if let Some(admitted) = admitted {
        admitted.must_still_stand(app).await?;
    }
    app.metrics.refused_events(refused);
    let AppendTotal { duplicates, .. } = app.store.append(sender.domain, events).await?;
    let counts = atrail_store::IngestCounts {
        accepted,
        duplicates,
        refused,
        bytes,
    };
    app.ingest_keys
        .received(ingest_key.as_ref(), counts, app.clock.now());
    let status = match (accepted, refused) {
        (_, 0) => StatusCode::OK,
        (0, _) => StatusCode::BAD_REQUEST,
        _ => StatusCode::MULTI_STATUS,
    };
    Ok(if minimal {
        let applied = HeaderValue::from_static("return=minimal");
        let counts = Json(IngestCounts {
            accepted,
            duplicates,
            refused,
            not_read,
            types: prepare::types(&origins),
        });
        (status, [(PREFERENCE_APPLIED, applied)], counts).into_response()
    } else {
        let json = HeaderValue::from_static("application/json");
        let answer = held.hold(answer);
        // Each event's answer was written before the store knew which events are duplicates.
        let headers = [
            (header::CONTENT_TYPE, json),
            (DUPLICATES, HeaderValue::from(duplicates)),
        ];
        (status, headers, answer).into_response()
    })
}

/// Returns the framing of a body. One that is declared as lines is read line by line; for any other, its beginning
/// decides.
fn framing(headers: &HeaderMap) -> Framing {
    const LINES: [&str; 3] = [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ];
    let media_type = media_type(headers);
    if LINES
        .iter()
        .any(|lines| media_type.eq_ignore_ascii_case(lines))
    {
        Framing::Lines
    } else {
        Framing::Sniffed
    }
}

/// Returns the body's media type, without parameters; empty when the request declares none.
fn media_type(headers: &HeaderMap) -> &str {
    let declared = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = declared.and_then(|value| value.split(';').next());
    media_type.unwrap_or_default().trim()
}

/// Returns whether the request has `Prefer: return=minimal` (RFC 7240 §4.2).
fn wants_minimal(headers: &HeaderMap) -> bool {
    let values = headers.get_all(PREFER).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|preference| preference.split(';').next().unwrap_or_default())
        .filter_map(|preference| preference.split_once('='))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("return")
                && value
                    .trim()
                    .trim_matches('"')
                    .eq_ignore_ascii_case("minimal")
        })
}

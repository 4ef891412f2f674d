//! Accepts events: body → decompressed → split → checked → durable → answered, in bounded memory.

mod body;
pub(crate) mod budget;
#[cfg(feature = "internals")]
pub(crate) mod fuzzing;
pub(crate) mod intake;
mod prepare;
mod sender;

use std::sync::Arc;

use atrail_api::{IngestCounts, IngestQuery, headers};
use atrail_model::{Domain, Timestamp};
use atrail_sources::{Framing, SourceKind, Strictness, Tally};
use atrail_store::AppendTotal;
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use budget::{Sender, Share};
use intake::{Intake, KnownBy, Taken};
use prepare::Reading;

use crate::app::App;
use crate::auth::access::Aimed;
use crate::auth::principal::Admitted;
use crate::error::ApiError;
use crate::extract::Query;
use crate::fields::media_type;
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

/// Returns the organization that the text of an event names.
pub(crate) type OrganizationOf = fn(&[u8]) -> Option<String>;

/// A body to receive events from.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The sender.
    pub(crate) sender: Sender,
    /// The header fields of the request.
    pub(crate) headers: HeaderMap,
    /// The body, of which nothing was read yet.
    pub(crate) body: Body,
    /// The key by which the request is known again.
    pub(crate) key: Option<IdempotencyKey>,
    /// The login that admitted the request.
    pub(crate) admitted: Option<Admitted>,
    /// Returns the organization that a body names, where a space of the account is chosen by it.
    pub(crate) organization: Option<OrganizationOf>,
}

/// A request whose events are durable.
#[derive(Debug)]
pub(crate) struct Durable<T> {
    /// The result of the function that read the body.
    pub(crate) read: T,
    /// The answer, which counts against the budget until it is sent.
    pub(crate) answer: Bytes,
    /// Number of events that are durable, duplicates included.
    pub(crate) accepted: u64,
    /// Number of events that the store had already.
    pub(crate) duplicates: u64,
    /// Number of refused events.
    pub(crate) refused: u64,
    /// The formats of the durable events.
    pub(crate) origins: Tally,
}

/// Receives a body, lets `read` find its events, and makes these durable: all of them, or none.
pub(crate) async fn take<T: Send + 'static>(
    app: &App,
    incoming: Incoming,
    read: impl Fn(&Bytes, &mut Intake<'_>) -> Result<T, ApiError> + Send + Sync + 'static,
) -> Result<Durable<T>, ApiError> {
    let Incoming {
        sender,
        headers,
        body,
        key,
        admitted,
        organization,
    } = incoming;
    // Before the server reads the body, so that a producer learns early that it must wait.
    if let Some(refusal) = app.store.write_refusal() {
        return Err(refusal.into());
    }
    let (body, held) = body::receive(app, &headers, sender, body).await?;
    let domain = match organization.and_then(|organization| organization(&body)) {
        Some(name) => {
            let space = app.tenancy.only_space_called(sender.account, &name).await?;
            space.map_or(sender.domain, Domain::Space)
        }
        None => sender.domain,
    };
    // A clock that was set back must not refuse an event of the present.
    let now = app.store.time().latest();
    let bytes = body.len() as u64;
    let reading = Arc::new(read);
    let known_by = KnownBy {
        is_keyed: key.is_some(),
    };
    let (mut read, mut taken, mut held) =
        read_as_of(app, sender, &body, now, known_by, held, &reading).await?;
    if let Some(undated) = taken.undated {
        let hash = request_hash(domain, key.as_ref(), undated);
        let arrived = app.store.arrival(hash, sender.account, now).await?;
        if arrived != now {
            // The same request came before, and its events may be stored with that time.
            drop(taken);
            (read, taken, held) =
                read_as_of(app, sender, &body, arrived, known_by, held, &reading).await?;
        }
    }
    let Taken {
        events,
        answer,
        accepted,
        refused,
        origins,
        undated: _,
    } = taken;
    let ingest_key = admitted.as_ref().and_then(Admitted::ingest_key);
    // A body may take long to arrive, and its sender may lose rights meanwhile.
    if let Some(admitted) = admitted {
        admitted.must_still_stand(app).await?;
    }
    let AppendTotal { duplicates, .. } = app.store.append(domain, events).await?;
    // Before, the sender may send all of it again.
    app.metrics.refused_events(refused);
    let counts = atrail_store::IngestCounts {
        accepted,
        duplicates,
        refused,
        bytes,
    };
    app.ingest_keys
        .received(ingest_key.as_ref(), counts, app.clock.now());
    Ok(Durable {
        read,
        answer: held.hold(answer),
        accepted,
        duplicates,
        refused,
        origins,
    })
}

/// Reads a body as it is read when it arrives at this time.
async fn read_as_of<T: Send + 'static>(
    app: &App,
    sender: Sender,
    body: &Bytes,
    now: Timestamp,
    known_by: KnownBy,
    mut held: Share,
    read: &Arc<impl Fn(&Bytes, &mut Intake<'_>) -> Result<T, ApiError> + Send + Sync + 'static>,
) -> Result<(T, Taken, Share), ApiError> {
    let (body, read) = (body.clone(), Arc::clone(read));
    let is_small = body.len() as u64 <= INLINE_MAX_BYTES;
    let work = move || {
        let mut intake = Intake::new(&body, now, known_by, &mut held);
        let result = read(&body, &mut intake)?;
        let taken = intake.finish()?;
        Ok::<_, ApiError>((result, taken, held))
    };
    if is_small {
        work()
    } else {
        app.in_turn(sender.account, work).await?
    }
}

/// Returns the hash by which a request of a domain is known again: that of its key, if it has one, and of its body with the
/// ids of its events without a time. (The body does not suffice: the ids may be in the path, in headers, or the server's
/// own. The ids do not either: a sender may use one for document after document.)
fn request_hash(domain: Domain, key: Option<&IdempotencyKey>, undated: [u8; 32]) -> [u8; 16] {
    let hash = key.map_or_else(Sha256::new, IdempotencyKey::of_request);
    let hash = hash
        .chain_update(domain.to_string())
        .chain_update(undated)
        .finalize();
    std::array::from_fn(|at| hash[at])
}

/// Accepts a request's events. It reports success only after the store has made them durable.
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
        None => (app.engine.kind_of_media_type(media_type(&headers)))
            .or_else(|| format.and_then(|format| app.engine.kind(format).ok()))
            .unwrap_or_default(),
        Some(text) => (app.engine.kind(text))
            .map_err(|error| ApiError::bad_request(format!("type is {error}")))?,
    };
    let minimal = wants_minimal(&headers);
    let key = IdempotencyKey::of(&headers, sender.user)?;
    let reading = Reading {
        engine: app.engine,
        kind,
        strictness: match &ingest_key {
            Some(key) if !key.terms.strict => Strictness::Lenient,
            _ => Strictness::Strict,
        },
        framing: framing(&headers),
        key: key.clone(),
        each_is_answered: !minimal,
    };
    let incoming = Incoming {
        sender,
        headers,
        body,
        key,
        admitted,
        organization: None,
    };
    let Durable {
        read: not_read,
        answer,
        accepted,
        duplicates,
        refused,
        origins,
    } = take(app, incoming, move |body, intake| {
        prepare::prepare(body, &reading, intake)
    })
    .await?;
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

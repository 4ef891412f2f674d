//! The caller's download sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use atrail_api as api;
use atrail_evidence::{Hash, hex};
use atrail_model::{Domain, Hours, ParseDomainError, Scope, Target, format_timestamp};
use atrail_store::{NewSession, Session, SessionState};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::audit::{Act, Action, Unwritten};
use crate::auth::access::{self, Aimed, Authorised, OwnSession, ReadEvents, SessionsScope};
use crate::auth::principal::Principal;
use crate::days;
use crate::download;
use crate::error::ApiError;
use crate::extract::OptionalJsonBody;
use crate::idempotency::IdempotencyKey;
use crate::ingest::budget::{Sender, Share};
use crate::untold::Untold;

impl Aimed for OptionalJsonBody<api::SessionRequest> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Lists the caller's open sessions, of the targeted space or of all.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    SessionsScope { principal, space }: SessionsScope,
) -> Result<Json<Vec<api::Session>>, ApiError> {
    let mut readable = Vec::new();
    let mut domains: BTreeSet<_> = space.map(Domain::Space).into_iter().collect();
    for session in app.store.sessions(principal.id(), space).await? {
        if access::may_still_read(&app, principal.standing(), session.scope.target).await? {
            if space.is_none() {
                domains.insert(session.scope.target.domain());
            }
            readable.push(wire(session, &principal.user().name));
        }
    }
    for domain in domains {
        let act = Act::new(Action::ReadSessions, principal.actor(), domain);
        app.audit.read(act.with("part", "list")).await?;
    }
    Ok(Json(readable))
}

/// Freezes a scope.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Authorised {
        principal,
        target,
        space,
        wire: OptionalJsonBody(request),
        ..
    }: Authorised<ReadEvents, OptionalJsonBody<api::SessionRequest>>,
) -> Result<Response, ApiError> {
    let api::SessionRequest {
        start,
        end,
        at_account_level: _,
        search_time,
        since,
    } = request;
    let since = since.into_iter().map(|(domain, size)| {
        let domain = domain
            .parse()
            .map_err(|error: ParseDomainError| ApiError::bad_request(error.to_string()));
        Ok((domain?, size))
    });
    let since = since.collect::<Result<_, ApiError>>()?;
    let words = [start.as_deref(), end.as_deref(), search_time.as_deref()];
    let days = days::one_day(start.as_deref(), end.as_deref(), app.today()?)?;
    let hours = days::hours(search_time.as_deref())?;
    let scope = Scope {
        target,
        days,
        hours,
    };
    let key = IdempotencyKey::of(&headers, principal.id())?;
    let may_come_again = key.is_some();
    let new = NewSession {
        owner: principal.id(),
        space,
        scope,
        user: principal.user().name.clone(),
        since,
        id: key.map(|key| key.session_id(target, words)),
    };
    let made = app.store.create_session(new).await?;
    // A retry under the same key gets the session too, and an earlier request may already have reported it.
    let untold = (!may_come_again).then(|| Untold::new(&app.store, &made));
    let act = about(Action::CreateSessions, &principal, &made)
        .with("events", made.events)
        .with("bytes", made.total_bytes);
    app.audit.must_record(act).await?;
    let answer = (
        StatusCode::CREATED,
        Json(wire(made, &principal.user().name)),
    );
    let answer = answer.into_response();
    Ok(match untold {
        Some(untold) => untold.until_sent(answer),
        None => answer,
    })
}

/// Shows a session.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    OwnSession { principal, session }: OwnSession,
) -> Result<Json<api::Session>, ApiError> {
    note_read(&app, &principal, &session, "state").await?;
    Ok(Json(wire(session, &principal.user().name)))
}

/// Deletes a session.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    OwnSession { principal, session }: OwnSession,
) -> Result<Json<api::Deleted>, ApiError> {
    app.store.delete_session(principal.id(), session.id).await?;
    app.audit.session_ended(session.key());
    let act = about(Action::DeleteSession, &principal, &session);
    app.audit.record(act).await;
    Ok(Json(api::Deleted {
        message: "Delete session success".to_owned(),
    }))
}

/// Returns a session's manifest: the bytes whose SHA-256 is the download's entity tag.
pub(super) async fn manifest(
    State(app): State<Arc<App>>,
    OwnSession { principal, session }: OwnSession,
) -> Result<impl IntoResponse, ApiError> {
    let share = share_of_answer(&app, &principal, &session).await?;
    let bytes = app.store.manifest(principal.id(), session.id).await?;
    let bytes = share.hold_all(bytes);
    note_read(&app, &principal, &session, "manifest").await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes))
}

/// Returns the receipt of a session.
pub(super) async fn receipt(
    State(app): State<Arc<App>>,
    OwnSession { principal, session }: OwnSession,
) -> Result<impl IntoResponse, ApiError> {
    let share = share_of_answer(&app, &principal, &session).await?;
    let text = app.store.receipt(principal.id(), session.id).await?;
    let text = share.hold_all(text);
    note_read(&app, &principal, &session, "receipt").await?;
    let fields = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            download::disposition(&session, ".receipt"),
        ),
    ];
    Ok((fields, text))
}

/// Reserves the memory for a session's manifest or receipt, which has megabytes when there are many objects: a client
/// that requests many and reads none holds no more than a sender's part.
async fn share_of_answer(
    app: &App,
    principal: &Principal,
    session: &Session,
) -> Result<Share, ApiError> {
    let sender = Sender::of(app, principal, session.scope.target).await?;
    let mut share = app.ingest_budget.share_of(sender);
    let size_bytes = app.store.evidence_bytes(session.id).await?;
    share.begin(size_bytes).await?;
    Ok(share)
}

/// Records that the caller read a part of a session's data, and returns when the event is durable.
async fn note_read(
    app: &App,
    principal: &Principal,
    session: &Session,
    part: &str,
) -> Result<(), Unwritten> {
    let act = about(Action::ReadSessions, principal, session);
    app.audit.read(act.with("part", part)).await
}

fn about(action: Action, principal: &Principal, session: &Session) -> Act {
    Act::new(action, principal.actor(), session.scope.target.domain())
        .about(&session.scope)
        .with("session", session.id.to_string())
}

fn wire(session: Session, username: &str) -> api::Session {
    let Session {
        id,
        generation: _,
        owner: _,
        space,
        scope: Scope {
            target,
            days,
            hours,
        },
        created,
        accessed,
        expires,
        state,
        events,
        size_bytes,
        total_bytes,
        downloaded_bytes,
        etag,
        checkpoints,
        ..
    } = session;
    api::Session {
        id: id.to_string(),
        space: space.map(|id| id.to_string()).unwrap_or_default(),
        username: username.to_owned(),
        create_time: format_timestamp(created),
        access_time: format_timestamp(accessed),
        date_range: api::DateRange {
            end: days.end().to_string(),
            start: days.start().to_string(),
        },
        types: api::SessionTypes {
            at_account_level: matches!(target, Target::Account(_)),
            kind: super::events::ACTIVITY_TRACKER.to_owned(),
        },
        search_time: if hours == Hours::ALL {
            String::new()
        } else {
            hours.to_string()
        },
        state: match state {
            SessionState::Open => api::SessionState::Open,
            SessionState::Downloading => api::SessionState::Downloading,
            SessionState::Downloaded => api::SessionState::Downloaded,
            SessionState::Gone(_) => api::SessionState::Gone,
        },
        events,
        size_bytes,
        total_bytes,
        downloaded_bytes,
        expire_time: format_timestamp(expires),
        etag: hex(&etag),
        checkpoints: checkpoints
            .into_iter()
            .map(|checkpoint| api::Checkpoint {
                domain: checkpoint.domain.to_string(),
                size: checkpoint.size,
                root: Hash::from(checkpoint.root).to_string(),
            })
            .collect(),
    }
}

//! Events: sending, counting, downloading, deleting.

use std::sync::Arc;

use atrail_api::{DaySummary, EventsQuery};
use atrail_model::{DayTotal, Domain, EventTotal, Scope, Target};
use atrail_store::StoreError;
use atrail_store::search::Searchable;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::retention;
use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::access::{
    Aimed, Authorised, DeleteEvents, DownloadedSession, OwnSession, ReadEvents, SendEvents,
};
use crate::days;
use crate::download::{self, Reader};
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, SaidIn};
use crate::ingest::budget::Sender;
use crate::ingest::{self, IngestRequest};
use crate::observe::RequestId;
use crate::search::answer::guid;
use crate::serve::served::Served;

/// Memory of a download while its client reads slowly: chunks that the server has read ahead and written.
const DOWNLOAD_BYTES: usize = 512 << 10;
/// The original's name for the only kind of events.
pub(super) const ACTIVITY_TRACKER: &str = "ActivityTracker";

impl Aimed for BodyOrQuery<EventsQuery> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

impl Aimed for SaidIn<EventsQuery> {
    fn at_account_level(&self) -> bool {
        self.value.at_account_level.unwrap_or(false)
    }
}

/// Accepts events.
pub(super) async fn send(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire,
        ..
    }: Authorised<SendEvents, IngestRequest>,
) -> Result<Response, ApiError> {
    let sender = Sender::of(&app, &principal, target).await?;
    ingest::run(&app, sender, wire).await
}

/// Returns counts by day. The server records the read before it answers; the counts do not include that event.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: BodyOrQuery(query),
        ..
    }: Authorised<ReadEvents, BodyOrQuery<EventsQuery>>,
) -> Result<(HeaderMap, Json<Vec<DaySummary>>), ApiError> {
    let EventsQuery {
        start,
        end,
        at_account_level: _,
        search_time,
        dry_run: _,
        by,
    } = query;
    let scope = Scope {
        target,
        days: days::two_weeks(start.as_deref(), end.as_deref(), app.today()?)?,
        hours: days::hours(search_time.as_deref())?,
    };
    let rows: Vec<_> = match (by.as_deref(), target) {
        (None | Some(""), _) => {
            let totals = app.store.status(scope).await?;
            let searchable = app.store.searchable(scope).await?;
            let of = |total: &DayTotal| searchable.get(&total.day).copied();
            let totals = totals.into_iter();
            totals.map(|total| wire(total, None, of(&total))).collect()
        }
        (Some("space"), Target::Account(account)) => {
            let status = app.store.status_by_domain(account, scope.days, scope.hours);
            let totals = status.await?.into_iter();
            let searchable = app.store.searchable_by_domain(account, scope.days);
            let searchable = searchable.await?;
            // What is not sealed needs no index.
            let of = |domain, total: &DayTotal| {
                let found = searchable.get(&(domain, total.day)).copied();
                found.or(Some(Searchable::All))
            };
            totals
                .map(|(domain, total)| wire(total, Some(domain), of(domain, &total)))
                .collect()
        }
        (Some("space"), Target::Space(_)) => {
            return Err(ApiError::bad_request(
                "By needs AtAccountLevel: a space has no spaces of its own",
            ));
        }
        (Some(_), _) => return Err(ApiError::bad_request("By is not space")),
    };
    let act = Act::new(Action::ReadEvents, principal.actor(), target.domain());
    app.audit.read(act.about(&scope)).await?;
    Ok((retention::note(&app), Json(rows)))
}

/// The addition to the answer when a disk keeps the server from erasing bytes.
const STILL_ERASING: &str =
    " Some of their bytes are still on the disk: the server continues to erase them.";

/// Deletes the events of the days that the request names by both ends, or, with `DryRun`, counts them.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    RequestId(request_id): RequestId,
    Authorised {
        principal,
        target,
        wire: SaidIn {
            value,
            body_is_lost,
        },
        ..
    }: Authorised<DeleteEvents, SaidIn<EventsQuery>>,
) -> Result<Json<String>, ApiError> {
    let EventsQuery {
        start,
        end,
        at_account_level: _,
        search_time,
        dry_run,
        by,
    } = value;
    if by.is_some() {
        return Err(ApiError::bad_request(
            "By is of GET only; nothing was deleted",
        ));
    }
    let (start, end) = (start.as_deref(), end.as_deref());
    let scope = Scope {
        target,
        days: days::both_given(start, end, app.today()?, body_is_lost)?,
        hours: days::hours(search_time.as_deref())?,
    };
    let dry_run = dry_run.unwrap_or(false);
    let warrant = principal.warrant(&app);
    let requester = principal.requester(&request_id, "", &warrant);
    let deletion = app.store.delete_events(scope, requester, dry_run);
    let (deleted, failed) = match deletion.await {
        Err(StoreError::Partly { done, rest }) => (done, Some(StoreError::Partly { done, rest })),
        deleted => (deleted?, None),
    };
    let EventTotal {
        count,
        size_bytes,
        is_owed,
    } = deleted;
    let failed = failed.map(ApiError::from);
    if dry_run {
        let act = Act::new(Action::ReadEvents, principal.actor(), target.domain());
        app.audit.read(act.about(&scope)).await?;
        return Ok(Json(format!(
            "{count} logs would be deleted, freeing {size_bytes} bytes."
        )));
    }
    let mut act = Act::new(Action::DeleteEvents, principal.actor(), target.domain())
        .about(&scope)
        .with("events", count)
        .with("bytes", size_bytes);
    if is_owed {
        act = act.with("erasure", "goes on");
    }
    if let Some(failed) = failed {
        // The record states how many events were deleted, even though the deletion failed.
        app.audit.record(act.answered(failed.code().status())).await;
        return Err(failed);
    }
    app.audit.record(act).await;
    let owed = if is_owed { STILL_ERASING } else { "" };
    Ok(Json(format!(
        "{count} logs were deleted, freeing {size_bytes} bytes.{owed}"
    )))
}

/// Returns the bytes of a session, or, for `HEAD`, their description.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    DownloadedSession(OwnSession { principal, session }): DownloadedSession,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let reader = Reader::new(&app, &principal, session.clone());
    let sender = Sender::of(&app, &principal, session.scope.target).await?;
    let mut share = app.ingest_budget.share_of(sender);
    if method != Method::HEAD {
        share.begin(DOWNLOAD_BYTES).await?;
    }
    let open = app.store.open_download(session).await?;
    let answer = download::respond(&method, &headers, &open, reader).await?;
    Ok(answer.map(|body| Body::new(Served::new(body, share))))
}

fn wire(total: DayTotal, of: Option<Domain>, searchable: Option<Searchable>) -> DaySummary {
    let DayTotal {
        day,
        count,
        size_bytes,
    } = total;
    DaySummary {
        date: day.to_string(),
        count,
        size: size_bytes,
        types: vec![ACTIVITY_TRACKER.to_owned()],
        searchable: match searchable {
            Some(Searchable::All) => "All",
            Some(Searchable::Some) => "Some",
            Some(Searchable::None) | None => "None",
        }
        .to_owned(),
        space: of.map(guid),
    }
}

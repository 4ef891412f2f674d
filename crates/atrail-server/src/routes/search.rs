//! Finding and counting events by a query.

use std::sync::Arc;

use atrail_api::{AggregateQuery, Aggregates, FacetQuery, SearchQuery};
use atrail_search::aggregate::Counting;
use atrail_search::query::Field;
use atrail_store::search::{Cursor, Page};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use crate::app::App;
use crate::auth::access::{Aimed, Authorised, ReadEvents};
use crate::auth::watch::Watch;
use crate::error::ApiError;
use crate::extract::OptionalJsonBody;
use crate::ingest::budget::Sender;
use crate::metrics::searches::Kind;
use crate::search::answer::{self, NDJSON, Shown};
use crate::search::{self, buckets};
use crate::serve::served::Served;

/// Hits of one answer, by default and at most.
const HITS: u32 = 100;
const HITS_MAX: u32 = 1000;
/// Values of a facet, by default and at most.
const VALUES: u32 = 10;
const VALUES_MAX: u32 = 1000;
/// Spaces whose counts an answer lists at most.
const SPACES_MAX: u32 = 1000;
/// Largest number of facets, and of fields whose different values are counted.
const FIELDS_MAX: usize = 20;

impl Aimed for OptionalJsonBody<SearchQuery> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

impl Aimed for OptionalJsonBody<AggregateQuery> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Returns the events that match, each after its place. The search is on record before the answer begins, and finds
/// everything but that record.
pub(super) async fn find(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: OptionalJsonBody(request),
        ..
    }: Authorised<ReadEvents, OptionalJsonBody<SearchQuery>>,
) -> Result<Response, ApiError> {
    let SearchQuery {
        query,
        start,
        end,
        at_account_level: _,
        order,
        limit,
        after,
    } = request;
    let (start, end) = (start.as_deref(), end.as_deref());
    let question = search::question(&app, target, query.as_deref(), start, end)?;
    let page = Page {
        order: search::order(order.as_deref())?,
        limit: within("limit", limit.unwrap_or(HITS), HITS_MAX)?,
        after: after.as_deref().map(str::parse::<Cursor>).transpose()?,
    };
    let watch = Watch::new(&app, &principal, target);
    let budget = app.searches.budget();
    let work = app.store.search(&question, &page, &budget);
    let searching = app.searches.run(Kind::Search, principal.id(), &watch, work);
    let (found, took_ms) = searching.await?;
    app.metrics.searched(&found.searched);
    // Until the client has read them, the hits count against the caller's part of the memory.
    let sender = Sender::of(&app, &principal, target).await?;
    let mut share = app.ingest_budget.share_of(sender);
    share.begin(answer::size_bytes(&found.hits)).await?;
    app.audit.searched(principal.actor(), &question).await?;
    let summary = answer::summary(&found, question.range, took_ms);
    let lines = answer::lines(found.hits, summary).map(Ok::<_, std::convert::Infallible>);
    let body = Body::from_stream(stream::iter(lines).boxed());
    let body = Body::new(Served::new(body, share));
    Ok(([(header::CONTENT_TYPE, NDJSON)], body).into_response())
}

/// Returns the counts of the events that match, in all, by time and by value.
pub(super) async fn aggregate(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: OptionalJsonBody(request),
        ..
    }: Authorised<ReadEvents, OptionalJsonBody<AggregateQuery>>,
) -> Result<Json<Aggregates>, ApiError> {
    let AggregateQuery {
        query,
        start,
        end,
        at_account_level: _,
        histogram,
        facets,
        distinct,
        spaces,
    } = request;
    let (start, end) = (start.as_deref(), end.as_deref());
    let question = search::question(&app, target, query.as_deref(), start, end)?;
    let range = question.range;
    if facets.len() > FIELDS_MAX || distinct.len() > FIELDS_MAX {
        return Err(ApiError::bad_request(format!(
            "facets and distinct name at most {FIELDS_MAX} fields each"
        )));
    }
    let shown = Shown {
        buckets: histogram
            .map(|wanted| buckets::buckets(&wanted, range))
            .transpose()?,
        facets: facets.iter().map(|facet| facet.field.clone()).collect(),
        distinct,
        spaces: spaces
            .map(|number| within("spaces", number, SPACES_MAX))
            .transpose()?,
    };
    let counting = Counting {
        histogram: shown.buckets,
        facets: facets.iter().map(facet).collect::<Result<_, _>>()?,
        distinct: shown
            .distinct
            .iter()
            .map(|name| field("distinct", name))
            .collect::<Result<_, _>>()?,
    };
    let watch = Watch::new(&app, &principal, target);
    let budget = app.searches.budget();
    let work = app.store.aggregate_by_domain(&question, &counting, &budget);
    let searches = &app.searches;
    let counted = searches.run(Kind::Aggregate, principal.id(), &watch, work);
    let ((counts, domains, searched), took_ms) = counted.await?;
    app.metrics.searched(&searched);
    app.audit.searched(principal.actor(), &question).await?;
    let answer = answer::aggregates((counts, domains), shown, range, &searched, took_ms);
    Ok(Json(answer))
}

fn facet(facet: &FacetQuery) -> Result<(Field, usize), ApiError> {
    let size = facet.size.unwrap_or(VALUES);
    let size = within("size of a facet", size, VALUES_MAX)?;
    Ok((field("facets", &facet.field)?, size))
}

fn field(member: &str, name: &str) -> Result<Field, ApiError> {
    Field::named(name).map_err(|error| ApiError::bad_request(format!("{member}: {error}")))
}

fn within(what: &str, number: u32, most: u32) -> Result<usize, ApiError> {
    if !(1..=most).contains(&number) {
        return Err(ApiError::bad_request(format!(
            "{what} is not from 1 to {most}"
        )));
    }
    Ok(number as usize)
}

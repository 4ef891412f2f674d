//! Elasticsearch's interface: for searching, as far as Grafana's data source and the official clients use it, and for
//! sending events, as its senders do.
//!
//! `docs/GRAFANA.md` and `docs/SENDERS.md` say what is supported. The translation of searches and their answers is in
//! [`crate::es`].

pub(super) mod bulk;
pub(super) mod cluster;
pub(super) mod document;
mod hints;
mod pager;
mod run;
pub(crate) mod shape;

use std::convert::Infallible;
use std::sync::Arc;

use atrail_model::{KeyScope, Target};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::app::App;
use crate::auth::indices::Indices;
use crate::auth::principal::{AnyCaller, Principal};
use crate::error::ApiError;
use crate::es::{self, Refusal};
use crate::extract::{self, OptionalJsonBody, RawBody};
use crate::ingest::budget::{Sender, Share};
use crate::serve::served::Served;

use hints::Hints;
use run::Limits;
use shape::Failure;

/// The version of Elasticsearch whose answers these are like: clients look at it.
const VERSION: &str = "8.19.0";
/// The greatest number of searches in one request.
const SEARCHES_MAX: usize = 100;
/// Memory for an answer until the client has read it.
const ANSWER_BYTES: usize = 16 << 20;
/// The time of several searches in one request, in times that one search may take.
const TIMES_OF_SEVERAL: u32 = 4;

/// The indices that the path names; empty when it names none.
#[derive(Debug)]
pub(super) struct InPath(Vec<String>);

#[derive(Debug, Deserialize)]
struct Named {
    index: String,
}

impl FromRequestParts<Arc<App>> for InPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let named = Path::<Named>::from_request_parts(parts, app).await;
        Ok(Self(named.map_or_else(
            |_| Vec::new(),
            |Path(Named { index })| es::names_in([index.as_str()]),
        )))
    }
}

/// Returns name and version: clients look whether they talk to what they expect.
pub(super) async fn root(State(app): State<Arc<App>>, _: AnyCaller) -> Json<Value> {
    Json(json!({
        "name": "atrail",
        "cluster_name": cluster_name(&app),
        "cluster_uuid": "_na_",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": env!("CARGO_PKG_VERSION"),
            "build_date": "2025-07-28T00:00:00.000Z",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

/// Returns that the server can be asked.
pub(super) async fn health(State(app): State<Arc<App>>, _: AnyCaller) -> Json<Value> {
    Json(json!({
        "cluster_name": cluster_name(&app),
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    }))
}

/// Returns whether a request to this path sends events.
pub(crate) fn sends(method: &Method, path: &str) -> bool {
    let changes = *method == Method::POST || *method == Method::PUT;
    let mut segments = path.split('/').skip(2);
    changes && segments.any(|segment| matches!(segment, "_bulk" | "_doc" | "_create"))
}

/// Returns the fields that people can choose from, and their types.
pub(super) async fn field_caps(
    State(app): State<Arc<App>>,
    principal: Principal,
    InPath(names): InPath,
    hints: Hints,
    OptionalJsonBody(body): OptionalJsonBody<Value>,
) -> Result<Json<Value>, Failure> {
    let indices = indices(&app, &principal, &names).await?;
    let in_body = es::field_names(&body)?;
    let in_query = hints.fields.as_deref().map(|text| es::names_in([text]));
    let patterns = match (in_query, in_body) {
        (Some(patterns), None) | (None, Some(patterns)) => patterns,
        (None, None) => {
            return Err(Refusal::illegal("[fields] is missing: name fields, or *").into());
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::illegal("[fields] is in both the query and the body").into());
        }
    };
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    Ok(Json(es::caps(&indices.guids, &patterns)))
}

/// Returns the fields as Elasticsearch's mapping has them.
pub(super) async fn mapping(
    State(app): State<Arc<App>>,
    principal: Principal,
    InPath(names): InPath,
    _: Hints,
) -> Result<Json<Value>, Failure> {
    let indices = indices(&app, &principal, &names).await?;
    Ok(Json(es::mapping(&indices.guids)))
}

/// Finds and counts events.
pub(super) async fn search(
    State(app): State<Arc<App>>,
    principal: Principal,
    InPath(names): InPath,
    _: Hints,
    OptionalJsonBody(body): OptionalJsonBody<Value>,
) -> Result<Response, Failure> {
    let indices = indices(&app, &principal, &names).await?;
    let mut out = Vec::new();
    let limits = Limits {
        bytes: ANSWER_BYTES,
        ends: None,
    };
    run::search(
        &app,
        &principal,
        &indices,
        &or_empty(body),
        &mut out,
        limits,
    )
    .await?;
    let mut share = share(&app, &principal, indices.targets[0]).await?;
    share.begin(out.len()).await?;
    Ok(served(out, share))
}

/// Counts events.
pub(super) async fn count(
    State(app): State<Arc<App>>,
    principal: Principal,
    InPath(names): InPath,
    _: Hints,
    OptionalJsonBody(body): OptionalJsonBody<Value>,
) -> Result<Json<Value>, Failure> {
    let indices = indices(&app, &principal, &names).await?;
    let count = run::count(&app, &principal, &indices, &or_empty(body)).await?;
    Ok(Json(json!({
        "count": count,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
    })))
}

/// Answers several searches. One that fails has its error in its place: clients look there, and not at the status.
pub(super) async fn several(
    State(app): State<Arc<App>>,
    principal: Principal,
    InPath(in_path): InPath,
    _: Hints,
    RawBody(body): RawBody,
) -> Result<Response, Failure> {
    principal.must_be_good_for(KeyScope::Read)?;
    let mut lines = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    let mut searches = Vec::new();
    while let Some(header) = lines.next() {
        let Some(search) = lines.next() else {
            return Err(Refusal::parsing(
                "the last header has no search: the body has pairs of lines",
            )
            .into());
        };
        if searches.len() == SEARCHES_MAX {
            return Err(Refusal::illegal(format!(
                "the request has more than {SEARCHES_MAX} searches"
            ))
            .into());
        }
        searches.push((header, search));
    }
    if searches.is_empty() {
        return Err(Refusal::parsing(
            "the body has no search: it has pairs of lines, a header and a search",
        )
        .into());
    }
    let ends = Instant::now() + app.settings.search.time_limit * TIMES_OF_SEVERAL;
    let mut held: Option<Share> = None;
    let mut out = br#"{"took":0,"responses":["#.to_vec();
    for (number, (header, search)) in searches.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let length = out.len();
        let answered = async {
            let header = extract::object::<Value>(header)?;
            let search = extract::object::<Value>(search)?;
            let named = es::read_header(&header)?;
            let named = if named.is_empty() { &in_path } else { &named };
            let indices = indices(&app, &principal, named).await?;
            if held.is_none() {
                held = Some(share(&app, &principal, indices.targets[0]).await?);
            }
            let limits = Limits {
                bytes: ANSWER_BYTES.saturating_sub(length),
                ends: Some(ends),
            };
            run::search(&app, &principal, &indices, &search, &mut out, limits).await
        };
        if let Err(failure) = answered.await {
            out.truncate(length);
            es::append(&mut out, &shape::refusal(failure).body());
        }
        if let Some(share) = &mut held {
            share.cover(out.len())?;
        }
    }
    out.extend_from_slice(b"]}");
    Ok(match held {
        Some(share) => served(out, share),
        None => json_answer(Body::from(out)),
    })
}

/// Refuses ES|QL.
pub(super) async fn esql(_: Principal, _: Hints, _: RawBody) -> Failure {
    Refusal::illegal(
        "ES|QL is not supported: use Lucene queries, that is, the query type Lucene in Grafana; POST /v3/aggregate and the index files (docs/INDEX.md) count what Elasticsearch's aggregations cannot",
    )
    .into()
}

/// Returns the indices of a request, for a caller whose login or key may read.
async fn indices(
    app: &Arc<App>,
    principal: &Principal,
    names: &[String],
) -> Result<Indices, ApiError> {
    principal.must_be_good_for(KeyScope::Read)?;
    Indices::named(app, principal, names).await
}

/// A body that is absent is a search for everything.
fn or_empty(body: Value) -> Value {
    if body.is_null() { json!({}) } else { body }
}

/// Returns an empty share of the memory for the caller's answer.
async fn share(app: &App, principal: &Principal, target: Target) -> Result<Share, ApiError> {
    let sender = Sender::of(app, principal, target).await?;
    Ok(app.ingest_budget.share_of(sender))
}

/// Returns an answer that counts against the caller's part of the memory until the client has read it.
fn served(out: Vec<u8>, share: Share) -> Response {
    json_answer(Body::new(Served::new(Body::from(out), share)))
}

/// Returns the server's name, which clients show.
fn cluster_name(app: &App) -> &str {
    (app.settings.store.server_name.as_deref()).unwrap_or("atrail")
}

fn json_answer(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

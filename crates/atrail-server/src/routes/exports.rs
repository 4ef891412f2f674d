//! Exports: every event that matches a query, as one stream.

use std::sync::Arc;
use std::time::Duration;

use atrail_api::{ExportQuery, NewExport};
use atrail_export::{Columns, Format, IndexName, Options};
use atrail_model::format_timestamp;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use crate::app::App;
use crate::auth::access::{Aimed, Authorised, OwnExport, ReadEvents};
use crate::error::ApiError;
use crate::extract::OptionalJsonBody;
use crate::ingest::budget::Sender;
use crate::search::answer::{CHUNK_BYTES, NDJSON};
use crate::search::exports::{Export, LIFETIME};
use crate::search::{self, export};
use crate::serve::served::Served;

/// Memory of an export while its client reads slowly: the chunks that the server has made and written.
const EXPORT_BYTES: usize = 8 * CHUNK_BYTES;
/// How long the answer's head waits for the first events: an error until then is an answer.
const FIRST_WITHIN: Duration = Duration::from_secs(2);

impl Aimed for OptionalJsonBody<ExportQuery> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Checks what is to be exported, and keeps it under an id for an hour.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: OptionalJsonBody(request),
        ..
    }: Authorised<ReadEvents, OptionalJsonBody<ExportQuery>>,
) -> Result<(StatusCode, Json<NewExport>), ApiError> {
    let ExportQuery {
        query,
        start,
        end,
        at_account_level: _,
        order,
        format,
        columns,
        index,
    } = request;
    let (start, end) = (start.as_deref(), end.as_deref());
    let (format, options) = format_of(format.as_deref(), columns.as_deref(), index.as_deref())?;
    let export = Export {
        owner: principal.id(),
        question: search::question(&app, target, query.as_deref(), start, end)?,
        order: search::order(order.as_deref())?,
        format,
        options,
    };
    let now = app.clock.moment();
    let id = app.searches.exports.keep(export, now.elapsed)?;
    let expires = now.date.saturating_add(LIFETIME).unwrap_or(now.date);
    let made = NewExport {
        id: id.to_string(),
        expires: format_timestamp(expires),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Streams the events of an export.
pub(super) async fn fetch(
    State(app): State<Arc<App>>,
    OwnExport {
        principal,
        id,
        export,
    }: OwnExport,
    method: Method,
) -> Result<Response, ApiError> {
    let format = export.format;
    let fields = [
        (header::CONTENT_TYPE, media_type(format).to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"events.{}\"", extension(format)),
        ),
    ];
    if method == Method::HEAD {
        return Ok(fields.into_response());
    }
    let sender = Sender::of(&app, &principal, export.question.target).await?;
    let mut share = app.ingest_budget.share_of(sender);
    share.begin(EXPORT_BYTES).await?;
    let reader = app.searches.reader(principal.id()).await?;
    let mut chunks = export::begin(&app, &principal, id, export).await?.boxed();
    let first = match timeout(FIRST_WITHIN, chunks.next()).await {
        Ok(Some(first)) => Some(first?),
        Ok(None) | Err(_) => None,
    };
    let chunks = stream::iter(first.map(Ok)).chain(chunks);
    // The server has sent the head by then: the client sees a cut connection, and only the log can give the reason.
    let body = Body::from_stream(chunks.inspect_err(move |cut| {
        tracing::error!(export = %id, error = cut as &dyn std::error::Error, "an export broke off");
    }));
    let body = Body::new(Served::new(body, (share, reader)));
    Ok((fields, body).into_response())
}

fn format_of(
    name: Option<&str>,
    columns: Option<&[String]>,
    index: Option<&str>,
) -> Result<(&'static Format, Options), ApiError> {
    let refused = |what: &str, why: String| ApiError::bad_request(format!("{what}: {why}"));
    let name = name.filter(|name| !name.is_empty()).unwrap_or("ndjson");
    let format: &Format = name
        .parse()
        .map_err(|why: atrail_export::ParseFormatError| refused("as", why.to_string()))?;
    if columns.is_some() && !format.uses_columns {
        return Err(refused("columns", format!("{name} has none")));
    }
    if index.is_some() && !format.uses_index {
        return Err(refused("index", format!("{name} names none")));
    }
    let mut options = Options::default();
    if let Some(columns) = columns {
        options.columns = parse_columns(columns).map_err(|why| refused("columns", why))?;
    }
    if let Some(index) = index {
        let parsed: Result<IndexName, _> = index.parse();
        options.index = parsed.map_err(|why| refused("index", why.to_string()))?;
    }
    Ok((format, options))
}

fn parse_columns(columns: &[String]) -> Result<Columns, String> {
    if columns.is_empty() {
        return Err("the list is empty".to_owned());
    }
    if let Some(name) = columns.iter().find(|name| name.contains(',')) {
        return Err(format!(
            "there is no column {name:?}: write each in a text of its own"
        ));
    }
    let parsed: Result<Columns, atrail_export::ParseColumnsError> = columns.join(",").parse();
    parsed.map_err(|why| why.to_string())
}

fn media_type(format: &Format) -> &'static str {
    match format.name {
        "csv" => "text/csv; charset=utf-8; header=present",
        "json" => "application/json",
        // The bodies of bulk requests are lines of JSON too.
        _ => NDJSON,
    }
}

fn extension(format: &Format) -> &'static str {
    match format.name {
        "csv" => "csv",
        "json" => "json",
        _ => "ndjson",
    }
}

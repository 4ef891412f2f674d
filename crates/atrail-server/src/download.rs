//! Answers with a session's bytes: one builder for `GET` and `HEAD`.

mod conditions;
pub(crate) mod range;
mod reader;

use atrail_api::ErrorCode;
use atrail_evidence::hex;
use atrail_store::{Download, Session};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;

use crate::error::ApiError;
use conditions::Plan;
use reader::Cut;
pub(crate) use reader::Reader;

/// Answers a request for a session's bytes. The answer is the gzip for every `Accept`, and never has a
/// `Content-Encoding`, so that no client unpacks it.
pub(crate) async fn respond(
    method: &Method,
    headers: &HeaderMap,
    download: &Download,
    reader: Reader,
) -> Result<Response, ApiError> {
    let session = download.session();
    let total = session.total_bytes;
    let etag = format!("\"{}\"", hex(&session.etag));
    let (status, bytes, content_range) = match Plan::of(method, headers, &etag, total) {
        Plan::Whole => (StatusCode::OK, 0..total, None),
        Plan::Part(range) => (
            StatusCode::PARTIAL_CONTENT,
            range.bytes(),
            Some(range.content_range()),
        ),
        Plan::NotModified => {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
        }
        Plan::PreconditionFailed => {
            return Err(ApiError::new(
                ErrorCode::PreconditionFailed,
                format!("the download's entity tag is {etag}"),
            ));
        }
        Plan::NotSatisfiable => return Err(ApiError::range_not_satisfiable(total)),
    };
    let length = bytes.end - bytes.start;
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        let (id, range) = (session.id, bytes.clone());
        let bytes = download.read(bytes).await?.map_err(Cut::from);
        let watched = reader.watch(range, bytes).await?;
        // The server has sent the head by then: the client sees a cut connection, and only the log can give the reason.
        Body::from_stream(watched.inspect_err(move |cut| {
            tracing::error!(session = %id, error = cut as &dyn std::error::Error, "a download broke off");
        }))
    };
    let mut response = (status, body).into_response();
    let fields = [
        (header::CONTENT_TYPE, Some(media_type(headers).to_owned())),
        (header::CONTENT_LENGTH, Some(length.to_string())),
        (header::CONTENT_RANGE, content_range),
        (header::ACCEPT_RANGES, Some("bytes".to_owned())),
        (header::ETAG, Some(etag)),
        (header::CONTENT_DISPOSITION, Some(disposition(session, ""))),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let value = HeaderValue::try_from(value).map_err(ApiError::internal)?;
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Returns the name of the bytes' type: `application/octet-stream` for a client that asks for it by name and for no
/// gzip, as clients do that a generator made; the bytes are the same.
fn media_type(headers: &HeaderMap) -> &'static str {
    let ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    let (mut is_gzip, mut is_bytes) = (false, false);
    for range in ranges {
        is_gzip |= ["application/gzip", "application/*", "*/*"]
            .iter()
            .any(|name| range.eq_ignore_ascii_case(name));
        is_bytes |= range.eq_ignore_ascii_case("application/octet-stream");
    }
    if is_bytes && !is_gzip {
        "application/octet-stream"
    } else {
        "application/gzip"
    }
}

/// Returns a `Content-Disposition` whose file name states the days, with this ending beside the download's.
pub(crate) fn disposition(session: &Session, ending: &str) -> String {
    let days = session.scope.days;
    let (start, end) = (days.start(), days.end());
    if start == end {
        format!("attachment; filename=\"events-{start}.ndjson.gz{ending}\"")
    } else {
        format!("attachment; filename=\"events-{start}_{end}.ndjson.gz{ending}\"")
    }
}

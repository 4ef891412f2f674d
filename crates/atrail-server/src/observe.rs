//! The outermost layer: gives every request an id, every error a body, and every answer a line in the log.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use atrail_api::headers::REQUEST_ID;
use atrail_model::UserId;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::receivers::dialect::{Dialect, NoAnswer};
use crate::serve::places::Crowded;

/// Longest request id that the server accepts from a client, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 128;

/// The authenticated caller of a request, for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller(Arc<OnceLock<UserId>>);

impl Caller {
    /// Notes the caller.
    pub(crate) fn is(&self, user: UserId) {
        // A request has one caller; a second call notes the same one.
        let _ = self.0.set(user);
    }
}

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The id of a request, in its answer and in the log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let noted = parts.extensions.get::<Self>().cloned();
        Ok(noted.unwrap_or_else(|| Self(String::new())))
    }
}

/// A handler panicked; the log has the location.
#[derive(Debug, thiserror::Error)]
#[error("the request's handler panicked")]
struct Panicked;

/// Serves a request, even when its handler panics. It logs no header, no query and no body, because they may contain
/// secrets.
pub(crate) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let caller = Caller::default();
    request.extensions_mut().insert(caller.clone());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let template = request.extensions().get::<MatchedPath>().cloned();
    let dialect = Dialect::of(&request);

    // Handlers share state only behind locks that a panic does not poison, or in the store's own tasks.
    let crowded = request.extensions().get::<Crowded>().copied();
    let mut response = match crowded {
        Some(crowded) => crowded.refusal().into_response(),
        None => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                metrics.panicked();
                ApiError::internal(Panicked).into_response()
            }
        },
    };
    let error = response.extensions_mut().remove::<ApiError>();
    let mut is_left_unanswered = false;
    if let Some(error) = error {
        if error.code().status() >= 500 {
            tracing::error!(request_id = %id, "{method} {path}: {}", error.chain());
        }
        let error = match &dialect {
            Some(dialect) => {
                is_left_unanswered = dialect.leaves_unanswered(error.code());
                dialect.worded(error)
            }
            None => error,
        };
        let allow = response.headers_mut().remove(ALLOW);
        response = error.render(&id);
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, allow);
        }
    }
    if let Some(dialect) = dialect {
        dialect.finish(&mut response);
    }
    if is_left_unanswered {
        response.extensions_mut().insert(NoAnswer);
    }
    if let Ok(value) = HeaderValue::try_from(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = started.elapsed();
    let template = template.as_ref().map(MatchedPath::as_str);
    metrics.answered(&method, template, response.status(), took);
    tracing::info!(
        request_id = %id,
        user = caller.0.get().map(tracing::field::display),
        status = response.status().as_u16(),
        elapsed_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "{method} {path}"
    );
    response
}

/// Returns the client's own id when it is safe to log, and otherwise a new one.
fn request_id(headers: &HeaderMap) -> String {
    let fit = |id: &&str| {
        (1..=REQUEST_ID_MAX_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(fit)
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_as_a_problem_and_counted() {
        async fn panics() {
            panic!("a fault of the program");
        }
        let metrics = Arc::new(Metrics::new(atrail_model::Timestamp::UNIX_EPOCH, &[]));
        let router = Router::new()
            .route("/", get(panics))
            .layer(from_fn_with_state(metrics, observe));
        let request = Request::get("/").header(REQUEST_ID, "mine");
        let request = request.body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[REQUEST_ID], "mine");
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let problem: atrail_api::Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.code, atrail_api::ErrorCode::Internal);
        assert_eq!(problem.request_id.as_deref(), Some("mine"));
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        let id_for = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(value));
            request_id(&headers)
        };
        assert_eq!(id_for("job-17.a_b"), "job-17.a_b");
        for value in ["", "a b", "a=b", "a\"b"] {
            assert_ne!(id_for(value), value);
        }
    }
}

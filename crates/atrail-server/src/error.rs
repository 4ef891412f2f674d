//! The only error type of the HTTP interface, and the only mapping from the store's errors to statuses.

use std::error::Error;
use std::sync::Arc;

use atrail_api::{ErrorCode, Problem};
use atrail_store::{ErrorKind, StoreError};
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// When a sender is to try again after a fault of unknown length, in seconds.
const SENDER_RETRY_SECS: u64 = 10;

/// An error that the server answers with a problem (RFC 9457). [`ApiError::render`] writes the body, once the request's
/// id is known.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: String,
    field: Field,
    column: Option<u64>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    /// Makes the answer for clients that expect another shape than a problem's.
    write: Option<fn(ErrorCode, &str) -> Response>,
}

/// The header field that some errors add.
#[derive(Debug, Clone, Copy)]
enum Field {
    None,
    /// How to authenticate (RFC 6750 §3).
    Challenge,
    /// Seconds until a retry is worthwhile (RFC 9110 §10.2.3).
    RetryAfter(u64),
    /// The length of the download in bytes (RFC 9110 §15.5.17).
    Total(u64),
}

impl Field {
    fn write(self, headers: &mut HeaderMap) {
        let (name, value) = match self {
            Self::None => return,
            Self::Challenge => (WWW_AUTHENTICATE, "Bearer".to_owned()),
            Self::RetryAfter(seconds) => (RETRY_AFTER, seconds.to_string()),
            Self::Total(bytes) => (CONTENT_RANGE, format!("bytes */{bytes}")),
        };
        let value = HeaderValue::try_from(value).expect("digits and words make a header value");
        headers.insert(name, value);
    }
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: Field::None,
            column: None,
            source: None,
            write: None,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, detail)
    }

    /// The same error for things that do not exist and for things that the caller may not know of.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("there is no such {what}, or you may not see it"),
        )
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unauthenticated, detail).with(Field::Challenge)
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, detail).retry_after(1)
    }

    pub(crate) fn range_not_satisfiable(total_bytes: u64) -> Self {
        let detail = format!("the download has {total_bytes} bytes; the range lies outside");
        Self::new(ErrorCode::RangeNotSatisfiable, detail).with(Field::Total(total_bytes))
    }

    /// A fault of the server. The caller learns only that it failed; the log has the chain of causes.
    pub(crate) fn internal(source: impl Error + Send + Sync + 'static) -> Self {
        Self::new(
            ErrorCode::Internal,
            "the server failed; its log has the reason under this request id",
        )
        .because(source)
    }

    /// Adds a cause, which the log has and the caller does not learn.
    pub(crate) fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(Field::RetryAfter(seconds))
    }

    /// Adds where in a query the fault is, in characters from 1.
    pub(crate) const fn at_column(mut self, column: u64) -> Self {
        self.column = Some(column);
        self
    }

    fn with(mut self, field: Field) -> Self {
        self.field = field;
        self
    }

    /// Lets this function make the answer from the code and what is wrong, for clients that expect another shape than a
    /// problem's.
    pub(crate) fn written_by(mut self, write: fn(ErrorCode, &str) -> Response) -> Self {
        self.write = Some(write);
        self
    }

    /// Returns the error as a sender of another collector's protocol may see it. Many of them drop their events at any
    /// status but 429 and 503, so every fault that passes has one of these, and the time of the next attempt.
    pub(crate) fn for_senders(mut self) -> Self {
        if matches!(self.code.status(), 408 | 500..) {
            self.code = ErrorCode::Unavailable;
        }
        let passes = matches!(self.code, ErrorCode::Unavailable | ErrorCode::TooMany);
        if passes && !matches!(self.field, Field::RetryAfter(_)) {
            return self.retry_after(SENDER_RETRY_SECS);
        }
        self
    }

    /// Returns what is wrong, for the caller.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the chain of causes, down to the first, in one line for the log.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.detail.clone();
        let mut next = self.source.as_deref().map(|e| e as &dyn Error);
        while let Some(error) = next {
            text.push_str(": ");
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }

    /// Returns the answer with its body.
    pub(crate) fn render(self, request_id: &str) -> Response {
        if let Some(write) = self.write {
            let mut response = write(self.code, &self.detail);
            self.field.write(response.headers_mut());
            return response;
        }
        let problem = Problem {
            code: self.code,
            title: self.code.title().to_owned(),
            status: self.code.status(),
            detail: self.detail,
            column: self.column,
            request_id: Some(request_id.to_owned()),
        };
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(problem)).into_response();
        self.field.write(response.headers_mut());
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

impl IntoResponse for ApiError {
    /// Leaves the body to the outermost layer, which knows the request's id and writes the log.
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Partly { done, rest } = error {
            let mut answer = Self::from(*rest);
            answer.detail = format!(
                "{} logs were deleted, freeing {} bytes, and then: {}",
                done.count, done.size_bytes, answer.detail
            );
            return answer;
        }
        let code = match error.kind() {
            ErrorKind::Invalid => ErrorCode::BadRequest,
            ErrorKind::NotFound => ErrorCode::NotFound,
            ErrorKind::Conflict => ErrorCode::Conflict,
            ErrorKind::TooMany => ErrorCode::TooMany,
            ErrorKind::Gone => ErrorCode::SessionGone,
            ErrorKind::LoggedOut => return Self::unauthenticated(error.to_string()),
            ErrorKind::Held => ErrorCode::LegalHold,
            ErrorKind::Full => ErrorCode::StorageFull,
            ErrorKind::Unavailable => ErrorCode::Unavailable,
            ErrorKind::Damaged => ErrorCode::Damaged,
            ErrorKind::Broken => return Self::internal(error),
        };
        let retry_after_secs = match (&error, code) {
            (
                StoreError::TooMany {
                    retry_after_secs, ..
                },
                _,
            ) => Some(*retry_after_secs),
            // Only a restart helps, and shows whether the store kept the events of this request: invite no retry.
            (StoreError::Poisoned(_), _) => None,
            (_, ErrorCode::Unavailable) => Some(1),
            (_, ErrorCode::StorageFull) => Some(60),
            _ => None,
        };
        let mut answer = Self::new(code, error.to_string());
        answer.source = error.source().map(|source| {
            let text: Box<dyn Error + Send + Sync> = source.to_string().into();
            Arc::from(text)
        });
        match retry_after_secs {
            Some(seconds) => answer.retry_after(seconds),
            None => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_store_is_not_shown_to_the_caller_but_to_the_log() {
        let error = ApiError::from(StoreError::Damaged {
            what: "object 17".to_owned(),
            why: "its hash differs".to_owned(),
        });
        assert_eq!(error.code(), ErrorCode::Internal);
        assert!(!error.detail.contains("object 17"));
        assert!(error.chain().contains("object 17"));
    }

    #[test]
    fn a_limit_says_when_to_come_back() {
        let error = ApiError::from(StoreError::TooMany {
            message: "30 sessions are open".to_owned(),
            retry_after_secs: 7,
        });
        assert_eq!(error.render("id").headers()[RETRY_AFTER], "7");
    }
}

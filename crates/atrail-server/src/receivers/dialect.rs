//! How errors are worded for clients that expect another shape than a problem's, and which of them a sender may see.

mod rsyslog;

use atrail_api::ErrorCode;
use atrail_api::paths::{self, is_below};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;

use crate::error::ApiError;
use crate::routes::{es, hec, receive};

/// Writes an error: its kind, and what is wrong.
pub(crate) type Write = fn(ErrorCode, &str) -> Response;

/// The dialect of a request.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    /// Writes errors; `None`: as this server does.
    write: Option<Write>,
    /// The field that every answer has.
    field: Option<(HeaderName, HeaderValue)>,
    /// Whether the client is a sender: it sends events.
    is_sender: bool,
    /// Whether it takes every answer but a success for the end of its events.
    hangs_up: bool,
}

/// A sender that the server must not answer: its connection ends instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoAnswer;

impl Dialect {
    /// Returns the dialect of a request, if it has one.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let (method, path) = (request.method(), request.uri().path());
        if is_below(path, paths::ES) {
            let is_sender = es::sends(method, path);
            return Some(Self {
                write: Some(es::shape::writer(method, path)),
                field: Some(es::shape::PRODUCT),
                is_sender,
                hangs_up: is_sender && rsyslog::loses_what_is_answered(request.headers()),
            });
        }
        if is_below(path, paths::HEC) {
            return Some(Self {
                write: Some(hec::shape::writer(request.headers(), request.uri())),
                field: None,
                is_sender: *method == Method::POST,
                hangs_up: false,
            });
        }
        let write: Option<Write> = match path {
            paths::OTLP_LOGS | paths::OTLP_TRACES | paths::OTLP_METRICS => {
                Some(receive::otlp::writer(request.headers()))
            }
            paths::WORKOS => Some(receive::workos::refusal),
            paths::PANGEA | paths::PANGEA_SEVERAL => Some(receive::pangea::refusal),
            path if is_below(path, paths::RETRACED) => Some(receive::retraced::refusal),
            path if paths::is_foreign(path) => None,
            _ => return None,
        };
        Some(Self {
            write,
            field: None,
            is_sender: *method == Method::POST,
            hangs_up: false,
        })
    }

    /// Returns whether the server must not answer with such an error, but end the connection.
    pub(crate) fn leaves_unanswered(&self, code: ErrorCode) -> bool {
        self.hangs_up && rsyslog::would_lose(code)
    }

    /// Returns the error as this dialect words it.
    pub(crate) fn worded(&self, error: ApiError) -> ApiError {
        let error = if self.is_sender {
            error.for_senders()
        } else {
            error
        };
        match self.write {
            Some(write) => error.written_by(write),
            None => error,
        }
    }

    /// Adds to an answer what every answer has.
    pub(crate) fn finish(&self, response: &mut Response) {
        if let Some((name, value)) = &self.field {
            response.headers_mut().insert(name, value.clone());
        }
    }
}

//! Why the server begins no login.

use atrail_api::TokenError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Why the server issues no token.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A refusal in the words of RFC 6749 §5.2.
    Grant(&'static str, &'static str),
    /// A refusal of the client, not of the user.
    Client,
    /// Any other error.
    Other(ApiError),
}

impl Refusal {
    /// Returns the same as a problem, for a caller that knows no words of RFC 6749.
    pub(crate) fn into_problem(self) -> ApiError {
        match self {
            Self::Grant(_, description) => ApiError::unauthenticated(description),
            Self::Client => ApiError::unauthenticated("the client is not known"),
            Self::Other(error) => error,
        }
    }
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::Other(error) => return error.into_response(),
            Self::Grant(error, description) => (StatusCode::BAD_REQUEST, error, description),
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "the client is `cf` with an empty secret",
            ),
        };
        let body = TokenError {
            error: error.to_owned(),
            error_description: description.to_owned(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
        response
    }
}

/// The same answer for unknown users, wrong passwords and wrong keys.
pub(super) const BAD_CREDENTIALS: Refusal = Refusal::Grant(
    "invalid_grant",
    "the user name and password, or the API key, are wrong",
);
pub(super) const INGEST_KEY: Refusal = Refusal::Grant(
    "invalid_grant",
    "an ingest key begins no login: send it with each request",
);
pub(super) const BAD_REFRESH_TOKEN: Refusal = Refusal::Grant(
    "invalid_grant",
    "the refresh token is unknown, was used before, or has expired: log in again",
);

pub(super) const BAD_ID_TOKEN: Refusal = Refusal::Grant(
    "invalid_grant",
    "the server does not accept the OpenID provider's token: log in again; the server's log gives the reason",
);
pub(super) const BAD_LINK: Refusal = Refusal::Grant(
    "invalid_grant",
    "the link was used before, or has expired: make another one",
);

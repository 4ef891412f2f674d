//! Errors in the form that HTTP answers carry: RFC 9457 problem details with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every error answer (RFC 9457 §3), with media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The kind of error; stable, for programs.
    pub code: ErrorCode,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What failed, why, and what to do, in words for people.
    pub detail: String,
    /// Where in a query the fault is, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// The request's id in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// The beginning of the `detail` when the scopes of the caller's API key are the reason: no role would change that.
    pub const KEY_ALLOWS: &str = "the API key allows: ";
    /// The `detail` when only an owner may do it.
    pub const OWNERS_ONLY: &str = "only an owner of the account may do this";
    /// The `detail` when only the operator may do it.
    pub const OPERATOR_ONLY: &str = "only the server's operator may do this";
}

macro_rules! codes {
    // `$text` is a token and not a literal: derives other than serde's do not look into the group that a literal makes.
    ($($(#[$doc:meta])* $name:ident = $text:tt, $status:literal, $title:literal;)*) => {
        /// Every kind of error that the API reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the HTTP status of this code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// Returns the kind in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The server cannot understand the request.
    BadRequest = "bad_request", 400, "bad request";
    /// The caller may do this in several accounts, and the request names none.
    AccountRequired = "account_required", 400, "an account must be named";
    /// A deletion does not name both ends of its range.
    RangeRequired = "range_required", 400, "range required";
    /// The query of a search is not valid; `column` locates the fault, and `detail` gives the mend.
    QueryInvalid = "query_invalid", 400, "the query is not valid";
    /// The request has no valid token.
    Unauthenticated = "unauthenticated", 401, "not logged in";
    /// The login of a browser is too old for this: the user has to log in again.
    FreshLoginRequired = "fresh_login_required", 401, "a fresh login is required";
    /// The caller's roles do not allow this.
    Forbidden = "forbidden", 403, "not allowed";
    /// The thing does not exist, or the caller may not know that it does.
    NotFound = "not_found", 404, "not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "method not allowed";
    /// The client did not send the request in time.
    RequestTimeout = "request_timeout", 408, "request timeout";
    /// Another thing has the name, or the current state forbids the request.
    Conflict = "conflict", 409, "conflict";
    /// A legal hold forbids a deletion.
    LegalHold = "legal_hold", 409, "a legal hold forbids this";
    /// A deletion removed events of the session.
    SessionGone = "session_gone", 410, "the session lost events to a deletion";
    /// The download does not have the entity tag that `If-Match` names.
    PreconditionFailed = "precondition_failed", 412, "precondition failed";
    /// The body is larger than the server accepts.
    TooLarge = "too_large", 413, "request too large";
    /// The server does not support the body's encoding or type.
    UnsupportedMediaType = "unsupported_media_type", 415, "unsupported media type";
    /// The requested range lies outside the download.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "range not satisfiable";
    /// A search takes more time or memory than one search may: a later attempt takes as much.
    SearchTooLarge = "search_too_large", 422, "the search is too large";
    /// The caller made too many requests or sessions; a later attempt may succeed.
    TooMany = "too_many", 429, "too many";
    /// The server failed.
    Internal = "internal", 500, "internal error";
    /// An object of the archive differs from what the server wrote: the operator has to restore it.
    Damaged = "damaged", 500, "stored events are damaged";
    /// The server cannot do this now; a later attempt may succeed.
    Unavailable = "unavailable", 503, "unavailable";
    /// The server has no space for new events.
    StorageFull = "storage_full", 507, "storage full";
}

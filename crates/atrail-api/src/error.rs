//! Errors as the wire carries them: RFC 9457 problem details with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every error answer (RFC 9457 §3), with media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of error; stable, for programs.
    pub code: ErrorCode,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What failed, why, and what to do: for people.
    pub detail: String,
    /// Names the request in the server's logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

macro_rules! codes {
    // The text as a token, not as a literal: derives other than serde's do not look into the group that a literal makes.
    ($($(#[$doc:meta])* $name:ident = $text:tt, $status:literal, $title:literal;)*) => {
        /// Every kind of error that the API answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The kind in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request cannot be understood.
    BadRequest = "bad_request", 400, "bad request";
    /// The caller may do this in several accounts, and the request names none.
    AccountRequired = "account_required", 400, "an account must be named";
    /// A deletion does not name both ends of its range.
    RangeRequired = "range_required", 400, "range required";
    /// No valid token came with the request.
    Unauthenticated = "unauthenticated", 401, "not logged in";
    /// The caller's roles do not allow this.
    Forbidden = "forbidden", 403, "not allowed";
    /// There is no such thing, or the caller may not know of it.
    NotFound = "not_found", 404, "not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "method not allowed";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408, "request timeout";
    /// The name is taken, or the state forbids it.
    Conflict = "conflict", 409, "conflict";
    /// A legal hold forbids a deletion.
    LegalHold = "legal_hold", 409, "a legal hold stands";
    /// Events that the session had pinned were deleted.
    SessionGone = "session_gone", 410, "the session lost events to a deletion";
    /// The download is not the one that `If-Match` names.
    PreconditionFailed = "precondition_failed", 412, "precondition failed";
    /// The body is larger than a request may be.
    TooLarge = "too_large", 413, "request too large";
    /// The body's encoding or type is not known here.
    UnsupportedMediaType = "unsupported_media_type", 415, "unsupported media type";
    /// The asked range lies outside the download.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "range not satisfiable";
    /// Too many requests or sessions; later it works.
    TooMany = "too_many", 429, "too many";
    /// Something broke on the server's side.
    Internal = "internal", 500, "internal error";
    /// An object of the archive is not what was written: the operator has to restore it.
    Damaged = "damaged", 500, "stored events are damaged";
    /// The server cannot do this now; later it works.
    Unavailable = "unavailable", 503, "unavailable";
    /// No space is left for new events.
    StorageFull = "storage_full", 507, "storage full";
}

impl ErrorCode {
    /// Whether the same request may succeed later without anybody's doing.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RequestTimeout | Self::TooMany | Self::Unavailable | Self::StorageFull
        )
    }
}

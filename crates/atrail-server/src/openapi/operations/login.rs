//! Getting tokens, and checking them.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};
use serde_json::json;

use super::super::operation::{Operation, schema};

/// Each operation.
pub(super) fn all() -> Vec<Operation> {
    let token = |path, id| {
        let form = "application/x-www-form-urlencoded";
        Operation::open(
            "POST",
            path,
            id,
            "login",
            "Gives tokens for a password, an API key or a refresh token",
        )
        .header(
            "Authorization",
            "Basic, for the client `cf` with an empty secret; may be left out.",
        )
        .body(true, &[(form, schema::<api::TokenRequest>())])
        .gives(200, "tokens", schema::<api::TokenResponse>())
        .gives(
            400,
            "no token, in the words of RFC 6749",
            schema::<api::TokenError>(),
        )
        .gives(401, "another client than `cf`", schema::<api::TokenError>())
        .errors(&[E::BadRequest, E::TooMany])
    };
    vec![
        Operation::open(
            "GET",
            paths::INFO,
            "info",
            "login",
            "What this server is, and where to log in",
        )
        .gives(200, "the server", schema::<api::InfoResponse>()),
        token(paths::TOKEN, "createToken"),
        token(paths::TOKEN_LEGACY, "createTokenAtTheOriginalsPlace"),
        Operation::open(
            "GET",
            paths::TOKEN_KEYS,
            "tokenKeys",
            "login",
            "The public keys of access tokens (RFC 7517)",
        )
        .gives(
            200,
            "a JWK set",
            json!({"type": "object", "required": ["keys"]}),
        ),
    ]
}

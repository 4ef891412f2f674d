//! Issuing and verifying tokens.

use super::super::by_hand::{KEY_SET, reference};
use super::super::operation::{Operation, schema};
use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

const FORM: &str = "application/x-www-form-urlencoded";
const CLIENT: &str = "Basic, for the client `cf` with an empty secret; optional.";

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let token = |path, id| {
        Operation::open(
            "POST",
            path,
            id,
            "login",
            "Issues tokens for a password, an API key, a refresh token or an OpenID provider's token",
        )
        .header("Authorization", CLIENT)
        .body(true, &[(FORM, schema::<api::TokenRequest>())])
        .gives(200, "tokens", schema::<api::TokenResponse>())
        .gives(
            400,
            "no token, in the words of RFC 6749",
            schema::<api::TokenError>(),
        )
        .gives(401, "another client than `cf`", schema::<api::TokenError>())
        .errors(&[E::BadRequest, E::Conflict, E::TooMany])
    };
    vec![
        Operation::open(
            "GET",
            paths::INFO,
            "info",
            "login",
            "The server's name and version, and its login endpoints",
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
        .gives(200, "a JWK set", reference(KEY_SET)),
        Operation::new(
            "POST",
            paths::TOKEN_KEYS,
            "rotateTokenKey",
            "login",
            "Creates a new key that signs access tokens; for the server's operator. Tokens of its predecessor stay valid until they expire",
        )
        .gives(201, "a JWK set", reference(KEY_SET))
        .errors(&[E::Forbidden]),
        Operation::open(
            "POST",
            paths::REVOKE,
            "revokeToken",
            "login",
            "Ends the login that a refresh token or an access token belongs to (RFC 7009)",
        )
        .header("Authorization", CLIENT)
        .body(true, &[(FORM, schema::<api::TokenRevocation>())])
        .gives_as(200, "the login has ended, now or before", &[])
        .gives(401, "another client than `cf`", schema::<api::TokenError>())
        .errors(&[E::BadRequest]),
    ]
}

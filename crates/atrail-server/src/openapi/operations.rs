//! Every operation in words. A test compares this table with that of the routes.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};
use serde_json::{Value, json};

use super::operation::{Operation, array, list, schema, string};

/// All of them, in the order in which a reader wants them.
pub(super) fn all() -> Vec<Operation> {
    [
        login(),
        events(),
        sessions(),
        options(),
        tenancy(),
        logins(),
        operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn login() -> Vec<Operation> {
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

fn events() -> Vec<Operation> {
    let answer = json!({"oneOf": [array::<api::AckOrRefusal>(), schema::<api::IngestCounts>()]});
    let sent = |id: &'static str| {
        Operation::new(
            "POST",
            paths::EVENTS,
            id,
            "events",
            "Takes in events: one object, an array, lines, CADF logs, oslo envelopes or Kong's log events",
        )
    };
    vec![
        sent("sendEvents")
            .in_space()
            .query::<api::IngestQuery>()
            .header("Content-Encoding", "`gzip`, `zstd` or `identity`.")
            .header("Prefer", "`return=minimal` answers counts only.")
            .body(
                true,
                &[
                    ("application/json", json!({"type": ["object", "array"]})),
                    ("application/x-ndjson", string()),
                ],
            )
            .gives(
                200,
                "all kept: each event's id and leaf hash, in order",
                answer.clone(),
            )
            .gives(
                207,
                "some refused: what became of each, in order",
                answer.clone(),
            )
            .gives(400, "none kept", answer)
            .errors(&[E::UnsupportedMediaType, E::StorageFull]),
        Operation::new(
            "GET",
            paths::EVENTS,
            "status",
            "events",
            "Counts events by day; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::EventsQuery>()
        .gives(
            200,
            "days with events, ascending",
            array::<api::DaySummary>(),
        ),
        Operation::new(
            "DELETE",
            paths::EVENTS,
            "deleteEvents",
            "events",
            "Deletes events; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::EventsQuery>()
        .gives(200, "how many, and how many bytes", string())
        .errors(&[E::StorageFull]),
        download("GET", "download", "The bytes of a session"),
        download("HEAD", "downloadHead", "What the bytes of a session are"),
    ]
}

fn download(method: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let gzip: [(&str, Value); 1] = [("application/gzip", string())];
    let fields = ["ETag", "Accept-Ranges", "Content-Disposition"];
    Operation::new(method, paths::DOWNLOAD, id, "events", summary)
        .header("SESSIONID", "The session. It may be in the query instead.")
        .query_text("session", "The session, when no header names it.")
        .header("Range", "One range of bytes, as RFC 9110 has it.")
        .header("If-Range", "The entity tag of what is already there.")
        .header(
            "If-Match",
            "Entity tags, one of which must be that of the download.",
        )
        .header(
            "If-None-Match",
            "Entity tags, none of which may be that of the download.",
        )
        .gives_as(200, "the whole", &gzip)
        .with_headers(200, &fields)
        .gives_as(206, "the range", &gzip)
        .with_headers(206, &fields)
        .with_headers(206, &["Content-Range"])
        .gives_as(304, "the client has it", &[])
        .errors(&[
            E::BadRequest,
            E::Damaged,
            E::NotFound,
            E::SessionGone,
            E::PreconditionFailed,
            E::RangeNotSatisfiable,
        ])
}

fn sessions() -> Vec<Operation> {
    let tag = "sessions";
    vec![
        Operation::new(
            "GET",
            paths::SESSIONS,
            "listSessions",
            tag,
            "The caller's open sessions, of the targeted space or of all",
        )
        .in_space()
        .gives(200, "by time of creation", array::<api::Session>()),
        Operation::new(
            "POST",
            paths::SESSIONS,
            "createSession",
            tag,
            "Freezes a scope; without a body the current day",
        )
        .in_space()
        .json::<api::SessionRequest>(false)
        .gives(201, "the session", schema::<api::Session>())
        .errors(&[E::TooMany, E::StorageFull]),
        Operation::new(
            "GET",
            paths::SESSION,
            "showSession",
            tag,
            "One session of the caller",
        )
        .id_in_path("GUID of the session")
        .gives(200, "the session", schema::<api::Session>()),
        Operation::new(
            "DELETE",
            paths::SESSION,
            "deleteSession",
            tag,
            "Ends a session of the caller",
        )
        .id_in_path("GUID of the session")
        .gives(200, "it has ended", schema::<api::Deleted>()),
        Operation::new(
            "GET",
            paths::SESSION_MANIFEST,
            "showManifest",
            tag,
            "What a session pins; the bytes whose SHA-256 is the download's entity tag",
        )
        .id_in_path("GUID of the session")
        .gives(
            200,
            "the objects, in the order of the download",
            json!({"type": "object", "required": ["objects"]}),
        )
        .errors(&[E::SessionGone]),
    ]
}

fn options() -> Vec<Operation> {
    let tag = "options";
    vec![
        Operation::new(
            "GET",
            paths::OPTIONS,
            "showOptions",
            tag,
            "How long events are kept",
        )
        .in_space()
        .query_text(
            "AtAccountLevel",
            "`true`: of the account's own domain and every space.",
        )
        .gives(200, "one row for each domain", array::<api::OptionRow>()),
        Operation::new(
            "PUT",
            paths::OPTIONS,
            "setOptions",
            tag,
            "Sets how long events are kept",
        )
        .in_space()
        .json::<api::OptionsRequest>(true)
        .gives(200, "one row for each domain", array::<api::OptionRow>()),
    ]
}

fn tenancy() -> Vec<Operation> {
    let tag = "tenancy";
    vec![
        Operation::new(
            "GET",
            paths::ACCOUNTS,
            "listAccounts",
            tag,
            "Accounts that the caller may know of",
        )
        .gives(200, "accounts", list::<api::Account>()),
        Operation::new(
            "POST",
            paths::ACCOUNTS,
            "createAccount",
            tag,
            "Makes an account; for the server's operator",
        )
        .json::<api::AccountCreate>(true)
        .gives(201, "the account", schema::<api::Account>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::ORGANIZATIONS,
            "listOrganizations",
            tag,
            "Organizations that the caller may know of",
        )
        .query::<api::NamesQuery>()
        .gives(200, "organizations", list::<api::Organization>()),
        Operation::new(
            "POST",
            paths::ORGANIZATIONS,
            "createOrganization",
            tag,
            "Makes an organization; for an owner of its account",
        )
        .json::<api::OrganizationCreate>(true)
        .gives(201, "the organization", schema::<api::Organization>())
        .errors(&[E::Forbidden, E::NotFound, E::Conflict]),
        Operation::new(
            "GET",
            paths::SPACES,
            "listSpaces",
            tag,
            "Spaces that the caller may know of",
        )
        .query::<api::NamesQuery>()
        .gives(200, "spaces", list::<api::Space>()),
        Operation::new(
            "POST",
            paths::SPACES,
            "createSpace",
            tag,
            "Makes a space; for an owner of its account",
        )
        .json::<api::SpaceCreate>(true)
        .gives(201, "the space", schema::<api::Space>())
        .errors(&[E::Forbidden, E::NotFound, E::Conflict]),
    ]
}

fn logins() -> Vec<Operation> {
    let tag = "tenancy";
    vec![
        Operation::new(
            "GET",
            paths::USERS,
            "listUsers",
            tag,
            "Users: all for the operator, else the caller",
        )
        .gives(200, "users", list::<api::User>()),
        Operation::new(
            "POST",
            paths::USERS,
            "createUser",
            tag,
            "Makes a user; for the server's operator",
        )
        .json::<api::UserCreate>(true)
        .gives(201, "the user", schema::<api::User>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::ROLES,
            "listRoles",
            tag,
            "Roles that the caller may know of",
        )
        .gives(200, "roles", list::<api::RoleGrant>()),
        Operation::new(
            "POST",
            paths::ROLES,
            "grantRole",
            tag,
            "Gives a role to a user",
        )
        .json::<api::RoleGrant>(true)
        .gives(200, "the user held it before", schema::<api::RoleGrant>())
        .gives(201, "the user holds it now", schema::<api::RoleGrant>())
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::new(
            "DELETE",
            paths::ROLES,
            "revokeRole",
            tag,
            "Takes a role from a user; the query may also be a JSON body",
        )
        .query::<api::RoleGrant>()
        .gives(200, "the user holds it no more", schema::<api::Deleted>())
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::new(
            "GET",
            paths::API_KEYS,
            "listApiKeys",
            tag,
            "The caller's API keys, without their secrets",
        )
        .gives(200, "keys", list::<api::ApiKey>()),
        Operation::new(
            "POST",
            paths::API_KEYS,
            "createApiKey",
            tag,
            "Makes an API key for the caller",
        )
        .json::<api::ApiKeyCreate>(true)
        .gives(
            201,
            "the key, with its secret this once",
            schema::<api::ApiKeyCreated>(),
        )
        .errors(&[E::Conflict]),
        Operation::new(
            "DELETE",
            paths::API_KEYS,
            "deleteApiKey",
            tag,
            "Ends an API key and every login that came of it; the query may also be a JSON body",
        )
        .query::<api::ApiKeyDelete>()
        .gives(200, "it has ended", schema::<api::Deleted>())
        .errors(&[E::NotFound]),
        Operation::new(
            "PUT",
            paths::PASSWORD,
            "changePassword",
            tag,
            "Changes the caller's password",
        )
        .json::<api::PasswordChange>(true)
        .gives_as(204, "changed; other logins by password have ended", &[])
        .errors(&[E::Forbidden, E::TooMany]),
    ]
}

fn operations() -> Vec<Operation> {
    let tag = "operations";
    let text: [(&str, Value); 1] = [("text/plain", string())];
    vec![
        Operation::open("GET", paths::HEALTHZ, "alive", tag, "The process answers")
            .gives_as(200, "it does", &text),
        Operation::open(
            "GET",
            paths::READYZ,
            "ready",
            tag,
            "Events are taken in and the catalog answers",
        )
        .gives_as(200, "they are", &text)
        .errors(&[E::StorageFull]),
        Operation::open(
            "GET",
            paths::METRICS,
            "metrics",
            tag,
            "Numbers for Prometheus, in its text format 0.0.4",
        )
        .gives_as(200, "the numbers", &text),
        Operation::open("GET", paths::OPENAPI, "openapi", tag, "This document").gives(
            200,
            "the document",
            json!({"type": "object"}),
        ),
    ]
}

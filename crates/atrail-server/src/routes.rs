//! The table of routes. One file for each resource.

mod accounts;
mod api_keys;
mod events;
mod health;
mod holds;
mod info;
mod invitations;
mod keys;
mod metrics;
mod openapi;
mod options;
mod organizations;
mod password;
mod retention;
mod roles;
mod sessions;
mod spaces;
mod token;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use atrail_api::{ErrorCode, paths};
use atrail_store::canonical_name;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::app::App;
use crate::error::ApiError;
use crate::observe::observe;
use crate::{extract, head, unread};

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

macro_rules! routes {
    ($($method:ident $path:expr => $handler:path;)*) => {
        /// Every route: method and path, in axum's notation.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path),)*];

        fn table(app: &Arc<App>) -> Router<Arc<App>> {
            Router::new()$(.route(
                $path,
                checked(app, stringify!($method), $path, on(MethodFilter::$method, $handler)),
            ))*
        }
    };
}

routes! {
    GET paths::INFO => info::show;
    POST paths::TOKEN => token::create;
    POST paths::TOKEN_LEGACY => token::create;
    POST paths::REVOKE => token::revoke;
    GET paths::TOKEN_KEYS => token::keys;
    POST paths::TOKEN_KEYS => token::rotate_key;
    GET paths::ACCOUNTS => accounts::list;
    POST paths::ACCOUNTS => accounts::create;
    GET paths::ACCOUNT => accounts::show;
    DELETE paths::ACCOUNT => accounts::delete;
    GET paths::ORGANIZATIONS => organizations::list;
    POST paths::ORGANIZATIONS => organizations::create;
    GET paths::ORGANIZATION => organizations::show;
    DELETE paths::ORGANIZATION => organizations::delete;
    GET paths::SPACES => spaces::list;
    POST paths::SPACES => spaces::create;
    GET paths::SPACE => spaces::show;
    DELETE paths::SPACE => spaces::delete;
    GET paths::USERS => users::list;
    POST paths::USERS => users::create;
    GET paths::USER => users::show;
    DELETE paths::USER => users::delete;
    GET paths::ROLES => roles::list;
    POST paths::ROLES => roles::grant;
    DELETE paths::ROLES => roles::revoke;
    GET paths::INVITATIONS => invitations::list;
    POST paths::INVITATION => invitations::accept;
    DELETE paths::INVITATION => invitations::delete;
    GET paths::API_KEYS => api_keys::list;
    POST paths::API_KEYS => api_keys::create;
    DELETE paths::API_KEYS => api_keys::delete;
    PUT paths::PASSWORD => password::change;
    GET paths::SESSIONS => sessions::list;
    POST paths::SESSIONS => sessions::create;
    GET paths::SESSION => sessions::show;
    DELETE paths::SESSION => sessions::delete;
    GET paths::SESSION_MANIFEST => sessions::manifest;
    GET paths::SESSION_RECEIPT => sessions::receipt;
    GET paths::KEYS => keys::show;
    POST paths::KEYS => keys::rotate;
    GET paths::HOLDS => holds::list;
    POST paths::HOLDS => holds::set;
    DELETE paths::HOLDS => holds::release;
    GET paths::EVENTS => events::status;
    POST paths::EVENTS => events::send;
    DELETE paths::EVENTS => events::delete;
    GET paths::DOWNLOAD => events::download;
    HEAD paths::DOWNLOAD => events::download;
    GET paths::OPTIONS => options::list;
    PUT paths::OPTIONS => options::set;
    GET paths::RETENTION => retention::show;
    POST paths::RETENTION => retention::resume;
    GET paths::HEALTHZ => health::alive;
    GET paths::READYZ => health::ready;
    GET paths::METRICS => metrics::show;
    GET paths::OPENAPI => openapi::show;
}

/// The routes that change something and read the query. A login keeps to RFC 6749, which says nothing of one.
const READ_THE_QUERY: [(&str, &str); 10] = [
    ("POST", paths::TOKEN),
    ("POST", paths::TOKEN_LEGACY),
    ("POST", paths::REVOKE),
    ("DELETE", paths::SPACE),
    ("DELETE", paths::ROLES),
    ("DELETE", paths::API_KEYS),
    ("POST", paths::HOLDS),
    ("DELETE", paths::HOLDS),
    ("POST", paths::EVENTS),
    ("DELETE", paths::EVENTS),
];

/// The routes that change something and read a body.
const READ_THE_BODY: [(&str, &str); 18] = [
    ("POST", paths::TOKEN),
    ("POST", paths::TOKEN_LEGACY),
    ("POST", paths::REVOKE),
    ("POST", paths::ACCOUNTS),
    ("POST", paths::ORGANIZATIONS),
    ("POST", paths::SPACES),
    ("POST", paths::USERS),
    ("POST", paths::ROLES),
    ("DELETE", paths::ROLES),
    ("POST", paths::API_KEYS),
    ("DELETE", paths::API_KEYS),
    ("PUT", paths::PASSWORD),
    ("POST", paths::SESSIONS),
    ("POST", paths::HOLDS),
    ("DELETE", paths::HOLDS),
    ("POST", paths::EVENTS),
    ("DELETE", paths::EVENTS),
    ("PUT", paths::OPTIONS),
];

/// The same route, which refuses a query or a body unless it reads one: what is asked for there and nobody reads, such as
/// `dry_run`, would be taken for done.
fn checked(
    app: &Arc<App>,
    method: &str,
    path: &str,
    mut route: MethodRouter<Arc<App>>,
) -> MethodRouter<Arc<App>> {
    if !READ_THE_QUERY.contains(&(method, path)) {
        route = route.route_layer(from_fn(extract::refuse_query_of_change));
    }
    if !READ_THE_BODY.contains(&(method, path)) {
        let app = Arc::clone(app);
        route = route.route_layer(from_fn_with_state(app, extract::refuse_body_of_change));
    }
    route
}

/// The whole service.
pub(crate) fn router(app: Arc<App>) -> Router {
    table(&app)
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn(head::check))
        .layer(from_fn(unread::drop_rest))
        .layer(from_fn_with_state(Arc::clone(&app.metrics), observe))
        .with_state(app)
}

async fn unknown_path() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is nothing at this path")
}

async fn unknown_method() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "this path does not know this method",
    )
}

/// A comma-separated list of a query, as a filter; none lets everything through.
///
/// A name with a comma is found by itself, too, as whoever does not know how Cloud Foundry escapes it asks for it. Two
/// spellings of one letter are one.
fn listed(list: Option<&str>) -> impl Fn(&str) -> bool + use<> {
    let wanted: Option<Vec<String>> = list.map(|list| {
        let items = list.split(',').map(|item| unescaped(item.trim()));
        let all = items.chain([list.trim().to_owned()]);
        all.map(|item| canonical_name(&item).into_owned()).collect()
    });
    move |item| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.iter().any(|one| *one == canonical_name(item)))
    }
}

/// Tells which GUIDs a comma-separated list has, in either case; all when there is no list.
fn listed_guids(list: Option<&str>) -> impl Fn(&str) -> bool + use<> {
    let is_listed = listed(list.map(str::to_ascii_lowercase).as_deref());
    move |guid| is_listed(&guid.to_ascii_lowercase())
}

/// An item of a list as Cloud Foundry v3 reads it: its percent escapes are undone after the list is split, so that `%2C`
/// (`%252C` in the URL) is a comma of the name. What is no escape stands for itself.
fn unescaped(item: &str) -> String {
    let mut bytes = Vec::with_capacity(item.len());
    let mut rest = item.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| first == b'%');
        let escape = digits.and_then(|(digits, after)| {
            let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = escape.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| item.to_owned())
}

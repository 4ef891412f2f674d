//! The table of routes. Each resource has a file.

mod accounts;
mod api_keys;
mod console;
pub(crate) mod es;
mod events;
mod exports;
mod health;
pub(crate) mod hec;
mod holds;
mod index;
mod info;
mod ingest_keys;
mod invitations;
mod key_reach;
mod keys;
mod listed;
mod log;
mod logins;
mod metrics;
mod openapi;
mod options;
mod organizations;
mod password;
mod places;
pub(crate) mod receive;
mod retention;
mod role_place;
mod roles;
mod search;
mod sessions;
mod spaces;
mod tail;
mod token;
mod users;

use std::sync::Arc;

use atrail_api::{ErrorCode, paths};
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Router};

use crate::app::App;
use crate::auth::browser::ByCookie;
use crate::error::ApiError;
use crate::observe::observe;
use crate::{answer_headers, extract, head, unread};
pub(crate) use places::guid;

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
    GET paths::ROOT => console::root;
    GET paths::CONSOLE => console::to_document;
    GET paths::CONSOLE_DOCUMENT => console::document;
    GET paths::CONSOLE_ASSET => console::asset;
    POST paths::CONSOLE_LOGIN => console::session::log_in;
    POST paths::CONSOLE_LOGOUT => console::session::log_out;
    GET paths::CONSOLE_ME => console::session::me;
    POST paths::CONSOLE_LINKS => console::links::create;
    GET paths::CONSOLE_OIDC_START => console::oidc::start;
    GET paths::CONSOLE_OIDC_CALLBACK => console::oidc::callback;
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
    GET paths::INGEST_KEYS => ingest_keys::list;
    POST paths::INGEST_KEYS => ingest_keys::create;
    GET paths::INGEST_KEY => ingest_keys::show;
    POST paths::INGEST_KEY => ingest_keys::rotate;
    DELETE paths::INGEST_KEY => ingest_keys::delete;
    PUT paths::PASSWORD => password::change;
    GET paths::LOGINS => logins::list;
    DELETE paths::LOGINS => logins::end_others;
    DELETE paths::LOGIN => logins::end;
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
    GET paths::EVENT_AT => places::event;
    GET paths::EVENT_PROOF => places::proof;
    GET paths::LOG => log::list;
    POST paths::TAIL => tail::follow;
    POST paths::SEARCH => search::find;
    POST paths::AGGREGATE => search::aggregate;
    POST paths::EXPORTS => exports::create;
    GET paths::EXPORT => exports::fetch;
    GET paths::OPTIONS => options::list;
    PUT paths::OPTIONS => options::set;
    GET paths::RETENTION => retention::show;
    POST paths::RETENTION => retention::resume;
    GET paths::INDEX => index::show;
    POST paths::INDEX => index::care;
    GET paths::ES => es::root;
    GET paths::ES_ROOT => es::root;
    GET paths::ES_HEALTH => es::health;
    GET paths::ES_FIELD_CAPS => es::field_caps;
    POST paths::ES_FIELD_CAPS => es::field_caps;
    GET paths::ES_INDEX_FIELD_CAPS => es::field_caps;
    POST paths::ES_INDEX_FIELD_CAPS => es::field_caps;
    GET paths::ES_MAPPING => es::mapping;
    GET paths::ES_INDEX_MAPPING => es::mapping;
    GET paths::ES_SEARCH => es::search;
    POST paths::ES_SEARCH => es::search;
    GET paths::ES_INDEX_SEARCH => es::search;
    POST paths::ES_INDEX_SEARCH => es::search;
    GET paths::ES_COUNT => es::count;
    POST paths::ES_COUNT => es::count;
    GET paths::ES_INDEX_COUNT => es::count;
    POST paths::ES_INDEX_COUNT => es::count;
    POST paths::ES_MSEARCH => es::several;
    POST paths::ES_INDEX_MSEARCH => es::several;
    POST paths::ES_QUERY => es::esql;
    HEAD paths::ES_INDEX => es::cluster::exists;
    PUT paths::ES_INDEX => es::cluster::set_index;
    GET paths::ES_LICENSE => es::cluster::license;
    GET paths::ES_XPACK => es::cluster::xpack;
    GET paths::ES_CAT_HEALTH => es::cluster::cat_health;
    GET paths::ES_NODES => es::cluster::nodes;
    GET paths::ES_ALL_NODES => es::cluster::nodes;
    GET paths::ES_TEMPLATE => es::cluster::template;
    PUT paths::ES_TEMPLATE => es::cluster::acknowledge;
    GET paths::ES_INDEX_TEMPLATE => es::cluster::index_template;
    PUT paths::ES_INDEX_TEMPLATE => es::cluster::acknowledge;
    GET paths::ES_COMPONENT_TEMPLATE => es::cluster::component_template;
    PUT paths::ES_COMPONENT_TEMPLATE => es::cluster::acknowledge;
    GET paths::ES_ILM_POLICY => es::cluster::ilm_policy;
    PUT paths::ES_ILM_POLICY => es::cluster::acknowledge;
    GET paths::ES_DATA_STREAM => es::cluster::data_stream;
    PUT paths::ES_DATA_STREAM => es::cluster::acknowledge;
    GET paths::ES_PIPELINE => es::cluster::pipeline;
    PUT paths::ES_PIPELINE => es::cluster::acknowledge;
    POST paths::ES_REFRESH => es::cluster::refresh;
    POST paths::ES_INDEX_REFRESH => es::cluster::refresh;
    POST paths::ES_BULK => es::bulk::bulk;
    PUT paths::ES_BULK => es::bulk::bulk;
    POST paths::ES_INDEX_BULK => es::bulk::bulk;
    PUT paths::ES_INDEX_BULK => es::bulk::bulk;
    POST paths::ES_TYPE_BULK => es::bulk::bulk;
    PUT paths::ES_TYPE_BULK => es::bulk::bulk;
    POST paths::ES_DOC_BULK => es::bulk::bulk;
    PUT paths::ES_DOC_BULK => es::bulk::bulk;
    POST paths::ES_DOCS => es::document::add;
    POST paths::ES_DOC => es::document::add;
    PUT paths::ES_DOC => es::document::add;
    POST paths::ES_CREATE => es::document::add;
    PUT paths::ES_CREATE => es::document::add;
    POST paths::HEC => hec::event;
    POST paths::HEC_EVENT => hec::event;
    POST paths::HEC_EVENT_1 => hec::event;
    OPTIONS paths::HEC_EVENT => hec::options;
    OPTIONS paths::HEC_EVENT_1 => hec::options;
    POST paths::HEC_RAW => hec::raw;
    POST paths::HEC_RAW_1 => hec::raw;
    GET paths::HEC_HEALTH => hec::health;
    GET paths::HEC_HEALTH_1 => hec::health;
    POST paths::HEC_ACK => hec::ack;
    POST paths::OTLP_LOGS => receive::otlp::logs;
    POST paths::OTLP_TRACES => receive::otlp::other;
    POST paths::OTLP_METRICS => receive::otlp::other;
    POST paths::KUBERNETES => receive::kubernetes::audit;
    POST paths::CLOUDEVENTS => receive::cloudevents::receive;
    OPTIONS paths::CLOUDEVENTS => receive::cloudevents::validate;
    POST paths::GITHUB => receive::github::receive;
    POST paths::GITHUB_SIGNED => receive::github::signed;
    POST paths::GITLAB => receive::gitlab::receive;
    GET paths::OKTA => receive::okta::verify;
    POST paths::OKTA => receive::okta::receive;
    POST paths::WORKOS => receive::workos::create;
    POST paths::PANGEA => receive::pangea::log;
    POST paths::PANGEA_SEVERAL => receive::pangea::log;
    POST paths::RETRACED_EVENT => receive::retraced::event;
    POST paths::RETRACED_BULK => receive::retraced::bulk;
    GET paths::HEALTHZ => health::alive;
    GET paths::READYZ => health::ready;
    GET paths::METRICS => metrics::show;
    GET paths::OPENAPI => openapi::show;
}

/// The routes that change something and read the query. The token routes follow RFC 6749, which does not mention a
/// query.
const READ_THE_QUERY: &[(&str, &str)] = &[
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

/// The routes on which a browser's cookie counts: what the console calls. It sends no events and deletes none, and manages
/// neither tenancy nor users, so a cookie does not either.
#[rustfmt::skip]
const BY_COOKIE: &[(&str, &str, ByCookie)] = &[
    ("GET", paths::CONSOLE_ME, ByCookie::Look),
    ("GET", paths::ACCOUNTS, ByCookie::Use),
    ("GET", paths::ACCOUNT, ByCookie::Use),
    ("GET", paths::ORGANIZATIONS, ByCookie::Use),
    ("GET", paths::ORGANIZATION, ByCookie::Use),
    ("GET", paths::SPACES, ByCookie::Use),
    ("GET", paths::SPACE, ByCookie::Use),
    ("GET", paths::USERS, ByCookie::Use),
    ("GET", paths::USER, ByCookie::Use),
    ("GET", paths::ROLES, ByCookie::Use),
    ("POST", paths::ROLES, ByCookie::Fresh),
    ("DELETE", paths::ROLES, ByCookie::Fresh),
    ("GET", paths::INVITATIONS, ByCookie::Use),
    ("POST", paths::INVITATION, ByCookie::Fresh),
    ("DELETE", paths::INVITATION, ByCookie::Use),
    ("GET", paths::API_KEYS, ByCookie::Use),
    ("POST", paths::API_KEYS, ByCookie::Fresh),
    ("DELETE", paths::API_KEYS, ByCookie::Fresh),
    ("GET", paths::INGEST_KEYS, ByCookie::Use),
    ("POST", paths::INGEST_KEYS, ByCookie::Fresh),
    ("GET", paths::INGEST_KEY, ByCookie::Use),
    ("POST", paths::INGEST_KEY, ByCookie::Fresh),
    ("DELETE", paths::INGEST_KEY, ByCookie::Fresh),
    ("PUT", paths::PASSWORD, ByCookie::Use),
    ("GET", paths::LOGINS, ByCookie::Use),
    ("DELETE", paths::LOGINS, ByCookie::Use),
    ("DELETE", paths::LOGIN, ByCookie::Use),
    ("GET", paths::SESSIONS, ByCookie::Use),
    ("POST", paths::SESSIONS, ByCookie::Use),
    ("GET", paths::SESSION, ByCookie::Use),
    ("DELETE", paths::SESSION, ByCookie::Use),
    ("GET", paths::SESSION_MANIFEST, ByCookie::Use),
    ("GET", paths::SESSION_RECEIPT, ByCookie::Download),
    ("GET", paths::KEYS, ByCookie::Use),
    ("POST", paths::KEYS, ByCookie::Fresh),
    ("GET", paths::HOLDS, ByCookie::Use),
    ("POST", paths::HOLDS, ByCookie::Use),
    ("DELETE", paths::HOLDS, ByCookie::Fresh),
    ("GET", paths::EVENTS, ByCookie::Use),
    ("GET", paths::DOWNLOAD, ByCookie::Download),
    ("HEAD", paths::DOWNLOAD, ByCookie::Download),
    ("GET", paths::EVENT_AT, ByCookie::Use),
    ("GET", paths::EVENT_PROOF, ByCookie::Use),
    ("GET", paths::LOG, ByCookie::Use),
    ("POST", paths::TAIL, ByCookie::Use),
    ("POST", paths::SEARCH, ByCookie::Use),
    ("POST", paths::AGGREGATE, ByCookie::Use),
    ("POST", paths::EXPORTS, ByCookie::Use),
    ("GET", paths::EXPORT, ByCookie::Download),
    ("GET", paths::OPTIONS, ByCookie::Use),
    ("PUT", paths::OPTIONS, ByCookie::Fresh),
    ("GET", paths::RETENTION, ByCookie::Use),
    ("POST", paths::RETENTION, ByCookie::Fresh),
    ("GET", paths::INDEX, ByCookie::Use),
];

/// The routes that change something and read a body.
const READ_THE_BODY: &[(&str, &str)] = &[
    ("POST", paths::CONSOLE_LOGIN),
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
    ("POST", paths::INGEST_KEYS),
    ("POST", paths::INGEST_KEY),
    ("PUT", paths::PASSWORD),
    ("POST", paths::SESSIONS),
    ("POST", paths::HOLDS),
    ("DELETE", paths::HOLDS),
    ("POST", paths::EVENTS),
    ("DELETE", paths::EVENTS),
    ("PUT", paths::OPTIONS),
    ("POST", paths::TAIL),
    ("POST", paths::INDEX),
    ("POST", paths::SEARCH),
    ("POST", paths::AGGREGATE),
    ("POST", paths::EXPORTS),
];

/// The routes that read by `POST`, because a query travels in the body.
const READ_BY_POST: [&str; 3] = [paths::SEARCH, paths::AGGREGATE, paths::TAIL];

/// Returns whether a request only reads: then the server stops working on it when its client hangs up.
pub(crate) fn only_reads(method: &Method, path: &str) -> bool {
    // The way back from the OpenID provider logs a browser in.
    let is_read = method.is_safe() && path != paths::CONSOLE_OIDC_CALLBACK;
    is_read || (*method == Method::POST && READ_BY_POST.contains(&path))
}

/// Returns a route that refuses a query or a body unless it reads one: otherwise a client would believe that the server
/// honoured a parameter that no handler reads, such as `dry_run`. The routes of other collectors' protocols know the
/// parameters of these, and ignore most of them.
fn checked(
    app: &Arc<App>,
    method: &str,
    path: &str,
    mut route: MethodRouter<Arc<App>>,
) -> MethodRouter<Arc<App>> {
    let is_foreign = paths::is_foreign(path);
    if !is_foreign && !READ_THE_QUERY.contains(&(method, path)) {
        route = route.route_layer(from_fn(extract::refuse_query_of_change));
    }
    if !is_foreign && !READ_THE_BODY.contains(&(method, path)) {
        let app = Arc::clone(app);
        route = route.route_layer(from_fn_with_state(app, extract::refuse_body_of_change));
    }
    let mut by_cookie = BY_COOKIE.iter();
    if let Some((.., by_cookie)) = by_cookie.find(|(of, at, _)| (*of, *at) == (method, path)) {
        route = route.route_layer(Extension(*by_cookie));
    }
    route
}

/// Returns the whole service.
pub(crate) fn router(app: Arc<App>) -> Router {
    table(&app)
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn(head::check))
        .layer(from_fn(unread::drop_rest))
        .layer(from_fn_with_state(Arc::clone(&app.metrics), observe))
        .layer(from_fn_with_state(Arc::clone(&app), answer_headers::add))
        .with_state(app)
}

async fn unknown_path() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "nothing exists at this path")
}

async fn unknown_method() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "this path does not support this method",
    )
}

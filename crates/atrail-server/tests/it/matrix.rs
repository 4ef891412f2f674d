//! The rights of every kind of caller on every route, for things of the caller's own account, of another one, and for
//! things that do not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use atrail_api::{headers, paths};
use atrail_server::ROUTES;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Client, Made, PASSWORD, TestServer, event};

/// Every kind of caller. Their roles are in the home account, or in its home space.
const CALLERS: [&str; 13] = [
    "nobody",
    "expired",
    "revoked",
    "operator",
    "owner",
    "auditor",
    "writer",
    "developer",
    "space auditor",
    "space writer",
    // Owner of another account.
    "outsider",
    // Developer of another space of the home account.
    "neighbour",
    // The owner, by an API key with the scope `send`.
    "collector",
];
const OPERATOR: usize = 3;
const OWNER: usize = 4;
const DEVELOPER: usize = 7;
const SPACE_WRITER: usize = 9;
const OUTSIDER: usize = 10;
const COLLECTOR: usize = 12;

/// The target of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Nothing that belongs to anybody.
    Nothing,
    /// A space that a header names.
    Space,
    /// A space in the path, as Elasticsearch's clients name it.
    Index,
    /// The account of the targeted space: `AtAccountLevel`.
    WholeAccount,
    /// An account, organization, space or user, in path or body.
    Account,
    Organization,
    SpaceItself,
    User,
    /// A role in a space, or in an account.
    RoleOfSpace,
    RoleOfAccount,
    /// A role in an account, for a user who holds none there.
    Outsider,
    /// An invitation into an account, of another user or of the outsider.
    Invitation,
    OwnInvitation,
    /// A session, an export, or an API key.
    Session,
    Export,
    Key,
    /// An ingest key for a space, and one for an account's own domain.
    IngestKey,
    IngestSpace,
    IngestAccount,
    /// A login.
    Login,
}

/// A route, its target, the statuses for a thing of the home account in the order of [`CALLERS`], and those for a thing
/// that does not exist.
type Row = (&'static str, &'static str, About, [u16; 13], [u16; 13]);

/// Every row begins with the answers to callers who are not logged in.
macro_rules! statuses {
    ($($status:literal)*) => { [401, 401, 401, $($status,)*] };
}
const OPEN: [u16; 13] = [200; 13];
const NONE: [u16; 13] = [0; 13];
/// Every caller gets the answer for an unknown thing.
const UNKNOWN: [u16; 13] = statuses!(404 404 404 404 404 404 404 404 404 404);
/// The same, where a key's scope comes first.
const ABSENT: [u16; 13] = statuses!(404 404 404 404 404 404 404 404 404 403);
/// Reading events, and a session that a caller who may read can create.
const READ: [u16; 13] = statuses!(404 200 200 404 200 200 403 404 404 403);
const OWN_SESSION: [u16; 13] = statuses!(404 200 200 404 200 200 404 404 404 403);
const CHANGE: [u16; 13] = statuses!(404 200 403 404 200 403 403 404 404 403);
const SEND: [u16; 13] = statuses!(404 200 403 404 200 403 200 404 404 200);
/// Sending one document.
const ADD: [u16; 13] = statuses!(404 201 403 404 201 403 201 404 404 201);
/// Splunk's interface, which refuses a wrong token in another way than a missing one.
const SEND_BY_TOKEN: [u16; 13] = [
    401, 403, 403, 404, 200, 403, 404, 200, 403, 200, 404, 404, 200,
];
const UNKNOWN_BY_TOKEN: [u16; 13] = [
    401, 403, 403, 404, 404, 404, 404, 404, 404, 404, 404, 404, 404,
];
const READ_ALL: [u16; 13] = statuses!(404 200 200 404 403 403 403 404 404 403);
/// Only an owner, even for one space.
const HOLD: [u16; 13] = statuses!(404 200 403 404 403 403 403 404 404 403);
const CHANGE_ALL: [u16; 13] = statuses!(404 200 403 404 403 403 403 404 404 403);
const SEND_ALL: [u16; 13] = statuses!(404 200 403 404 403 403 403 404 404 200);
/// Preparing an export of what the caller may read.
const PREPARE: [u16; 13] = statuses!(404 201 201 404 201 201 403 404 404 403);
const PREPARE_ALL: [u16; 13] = statuses!(404 201 201 404 403 403 403 404 404 403);
const LOGGED_IN: [u16; 13] = statuses!(200 200 200 200 200 200 200 200 200 200);
const MANAGING: [u16; 13] = statuses!(200 200 200 200 200 200 200 200 200 403);
const OPERATING: [u16; 13] = statuses!(200 403 403 403 403 403 403 403 403 403);
/// Reading whatever may be read.
const READS_SOME: [u16; 13] = statuses!(403 200 200 403 200 200 403 200 200 403);
const SEVERAL: [u16; 13] = statuses!(200 200 200 200 200 200 200 200 200 403);
/// Starting work that goes on.
const STARTING: [u16; 13] = statuses!(202 403 403 403 403 403 403 403 403 403);
const MAKING: [u16; 13] = statuses!(201 403 403 403 403 403 403 403 403 403);

/// Pages of the console that do not exist.
const NO_PAGE: [u16; 13] = [404; 13];
/// A request that no page of the console made.
const NO_BROWSER: [u16; 13] = [403; 13];
/// A token is no login of a browser.
const NO_COOKIE: [u16; 13] = [401; 13];

#[rustfmt::skip]
const MATRIX: &[Row] = &[
    ("GET", paths::ROOT, About::Nothing, OPEN, NONE),
    ("GET", paths::CONSOLE, About::Nothing, OPEN, NONE),
    ("GET", paths::CONSOLE_DOCUMENT, About::Nothing, OPEN, NONE),
    ("GET", paths::CONSOLE_ASSET, About::Nothing, NO_PAGE, NONE),
    ("POST", paths::CONSOLE_LOGIN, About::Nothing, NO_BROWSER, NONE),
    ("POST", paths::CONSOLE_LOGOUT, About::Nothing, NO_BROWSER, NONE),
    ("GET", paths::CONSOLE_ME, About::Nothing, NO_COOKIE, NONE),
    ("POST", paths::CONSOLE_LINKS, About::Nothing, statuses!(201 201 201 201 201 201 201 201 201 201), NONE),
    ("GET", paths::CONSOLE_OIDC_START, About::Nothing, NO_BROWSER, NONE),
    // Without a provider.
    ("GET", paths::CONSOLE_OIDC_CALLBACK, About::Nothing, NO_PAGE, NONE),
    ("GET", paths::INFO, About::Nothing, OPEN, NONE),
    ("POST", paths::TOKEN, About::Nothing, OPEN, NONE),
    ("POST", paths::TOKEN_LEGACY, About::Nothing, OPEN, NONE),
    ("POST", paths::REVOKE, About::Nothing, OPEN, NONE),
    ("GET", paths::TOKEN_KEYS, About::Nothing, OPEN, NONE),
    ("POST", paths::TOKEN_KEYS, About::Nothing, MAKING, NONE),
    ("GET", paths::HEALTHZ, About::Nothing, OPEN, NONE),
    ("GET", paths::READYZ, About::Nothing, OPEN, NONE),
    ("GET", paths::METRICS, About::Nothing, OPEN, NONE),
    ("GET", paths::OPENAPI, About::Nothing, OPEN, NONE),
    ("GET", paths::ACCOUNTS, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::ACCOUNTS, About::Nothing, MAKING, NONE),
    ("GET", paths::ACCOUNT, About::Account, statuses!(200 200 200 200 200 200 200 404 200 200), UNKNOWN),
    ("DELETE", paths::ACCOUNT, About::Account, statuses!(409 403 403 403 403 403 403 403 403 403), statuses!(404 403 403 403 403 403 403 403 403 403)),
    ("GET", paths::ORGANIZATIONS, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::ORGANIZATIONS, About::Account, statuses!(403 201 403 403 403 403 403 404 403 403), ABSENT),
    ("GET", paths::ORGANIZATION, About::Organization, statuses!(200 200 200 404 200 200 200 404 200 200), UNKNOWN),
    ("DELETE", paths::ORGANIZATION, About::Organization, statuses!(403 409 403 404 403 403 403 404 403 403), ABSENT),
    ("GET", paths::SPACES, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::SPACES, About::Organization, statuses!(403 201 403 404 403 403 403 404 403 403), ABSENT),
    ("GET", paths::SPACE, About::SpaceItself, statuses!(200 200 200 404 200 200 200 404 404 200), UNKNOWN),
    ("DELETE", paths::SPACE, About::SpaceItself, statuses!(403 200 403 404 403 403 403 404 404 403), ABSENT),
    ("GET", paths::USERS, About::Nothing, MANAGING, NONE),
    ("POST", paths::USERS, About::Nothing, MAKING, NONE),
    ("GET", paths::USER, About::User, statuses!(200 404 404 404 404 404 404 404 404 403), ABSENT),
    ("DELETE", paths::USER, About::User, statuses!(200 403 403 403 403 403 403 403 403 403), statuses!(404 403 403 403 403 403 403 403 403 403)),
    ("GET", paths::ROLES, About::Nothing, MANAGING, NONE),
    ("POST", paths::ROLES, About::RoleOfSpace, statuses!(200 200 403 404 403 403 403 404 404 403), ABSENT),
    ("POST", paths::ROLES, About::RoleOfAccount, statuses!(200 200 403 403 403 403 403 404 403 403), ABSENT),
    ("DELETE", paths::ROLES, About::RoleOfSpace, statuses!(200 200 403 404 403 403 403 404 404 403), ABSENT),
    ("DELETE", paths::ROLES, About::RoleOfAccount, statuses!(200 200 403 403 403 403 403 404 403 403), ABSENT),
    ("POST", paths::ROLES, About::Outsider, statuses!(201 202 403 403 403 403 403 404 403 403), ABSENT),
    ("DELETE", paths::ROLES, About::Outsider, statuses!(200 200 403 403 403 403 403 404 403 403), ABSENT),
    ("GET", paths::INVITATIONS, About::Nothing, MANAGING, NONE),
    ("POST", paths::INVITATION, About::Invitation, statuses!(201 404 404 404 404 404 404 404 404 403), ABSENT),
    ("DELETE", paths::INVITATION, About::Invitation, statuses!(200 200 404 404 404 404 404 404 404 403), ABSENT),
    ("POST", paths::INVITATION, About::OwnInvitation, statuses!(201 404 404 404 404 404 404 201 404 403), ABSENT),
    ("DELETE", paths::INVITATION, About::OwnInvitation, statuses!(200 200 404 404 404 404 404 200 404 403), ABSENT),
    ("GET", paths::API_KEYS, About::Nothing, MANAGING, NONE),
    ("POST", paths::API_KEYS, About::Nothing, statuses!(201 201 201 201 201 201 201 201 201 403), NONE),
    ("DELETE", paths::API_KEYS, About::Key, MANAGING, ABSENT),
    ("GET", paths::INGEST_KEYS, About::Nothing, MANAGING, NONE),
    ("POST", paths::INGEST_KEYS, About::IngestSpace, statuses!(201 201 403 404 403 403 403 404 404 403), ABSENT),
    ("POST", paths::INGEST_KEYS, About::IngestAccount, statuses!(201 201 403 403 403 403 403 404 403 403), ABSENT),
    ("GET", paths::INGEST_KEY, About::IngestKey, statuses!(200 200 404 404 404 404 404 404 404 403), ABSENT),
    ("POST", paths::INGEST_KEY, About::IngestKey, statuses!(201 201 404 404 404 404 404 404 404 403), ABSENT),
    ("DELETE", paths::INGEST_KEY, About::IngestKey, statuses!(200 200 404 404 404 404 404 404 404 403), ABSENT),
    ("PUT", paths::PASSWORD, About::Nothing, statuses!(204 204 204 204 204 204 204 204 204 403), NONE),
    ("GET", paths::LOGINS, About::Nothing, MANAGING, NONE),
    ("DELETE", paths::LOGIN, About::Login, MANAGING, ABSENT),
    ("GET", paths::SESSIONS, About::Space, READ, ABSENT),
    ("POST", paths::SESSIONS, About::Space, statuses!(404 201 201 404 201 201 403 404 404 403), ABSENT),
    ("POST", paths::SESSIONS, About::WholeAccount, statuses!(404 201 201 404 403 403 403 404 404 403), ABSENT),
    ("GET", paths::SESSION, About::Session, OWN_SESSION, ABSENT),
    ("DELETE", paths::SESSION, About::Session, OWN_SESSION, ABSENT),
    ("GET", paths::SESSION_MANIFEST, About::Session, OWN_SESSION, ABSENT),
    ("GET", paths::EVENTS, About::Space, READ, ABSENT),
    ("GET", paths::EVENTS, About::WholeAccount, READ_ALL, ABSENT),
    ("POST", paths::EVENTS, About::Space, SEND, UNKNOWN),
    ("POST", paths::EVENTS, About::WholeAccount, SEND_ALL, UNKNOWN),
    ("DELETE", paths::EVENTS, About::Space, CHANGE, ABSENT),
    ("DELETE", paths::EVENTS, About::WholeAccount, CHANGE_ALL, ABSENT),
    ("GET", paths::EVENT_AT, About::Space, READ, ABSENT),
    ("GET", paths::EVENT_AT, About::WholeAccount, READ_ALL, ABSENT),
    ("GET", paths::EVENT_PROOF, About::Space, READ, ABSENT),
    ("GET", paths::EVENT_PROOF, About::WholeAccount, READ_ALL, ABSENT),
    ("GET", paths::LOG, About::Space, READ, ABSENT),
    ("GET", paths::LOG, About::WholeAccount, READ_ALL, ABSENT),
    ("POST", paths::TAIL, About::Space, READ, ABSENT),
    ("POST", paths::TAIL, About::WholeAccount, READ_ALL, ABSENT),
    ("POST", paths::SEARCH, About::Space, READ, ABSENT),
    ("POST", paths::SEARCH, About::WholeAccount, READ_ALL, ABSENT),
    ("POST", paths::AGGREGATE, About::Space, READ, ABSENT),
    ("POST", paths::AGGREGATE, About::WholeAccount, READ_ALL, ABSENT),
    ("POST", paths::EXPORTS, About::Space, PREPARE, ABSENT),
    ("POST", paths::EXPORTS, About::WholeAccount, PREPARE_ALL, ABSENT),
    ("GET", paths::EXPORT, About::Export, OWN_SESSION, ABSENT),
    ("GET", paths::OPTIONS, About::Space, READ, ABSENT),
    ("GET", paths::OPTIONS, About::WholeAccount, READ_ALL, ABSENT),
    ("PUT", paths::OPTIONS, About::Space, CHANGE, ABSENT),
    ("PUT", paths::OPTIONS, About::WholeAccount, CHANGE_ALL, ABSENT),
    ("GET", paths::RETENTION, About::Nothing, OPERATING, NONE),
    ("POST", paths::RETENTION, About::Nothing, OPERATING, NONE),
    ("GET", paths::INDEX, About::Nothing, OPERATING, NONE),
    ("POST", paths::INDEX, About::Nothing, STARTING, NONE),
    ("GET", paths::DOWNLOAD, About::Session, OWN_SESSION, ABSENT),
    ("HEAD", paths::DOWNLOAD, About::Session, OWN_SESSION, ABSENT),
    ("GET", paths::ES, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_ROOT, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_HEALTH, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_FIELD_CAPS, About::Nothing, READS_SOME, NONE),
    ("POST", paths::ES_FIELD_CAPS, About::Nothing, READS_SOME, NONE),
    ("GET", paths::ES_INDEX_FIELD_CAPS, About::Index, READ, ABSENT),
    ("POST", paths::ES_INDEX_FIELD_CAPS, About::Index, READ, ABSENT),
    ("GET", paths::ES_MAPPING, About::Nothing, READS_SOME, NONE),
    ("GET", paths::ES_INDEX_MAPPING, About::Index, READ, ABSENT),
    ("GET", paths::ES_SEARCH, About::Nothing, READS_SOME, NONE),
    ("POST", paths::ES_SEARCH, About::Nothing, READS_SOME, NONE),
    ("GET", paths::ES_INDEX_SEARCH, About::Index, READ, ABSENT),
    ("POST", paths::ES_INDEX_SEARCH, About::Index, READ, ABSENT),
    ("GET", paths::ES_COUNT, About::Nothing, READS_SOME, NONE),
    ("POST", paths::ES_COUNT, About::Nothing, READS_SOME, NONE),
    ("GET", paths::ES_INDEX_COUNT, About::Index, READ, ABSENT),
    ("POST", paths::ES_INDEX_COUNT, About::Index, READ, ABSENT),
    // Errors are among the answers.
    ("POST", paths::ES_MSEARCH, About::Nothing, statuses!(200 200 200 200 200 200 200 200 200 403), NONE),
    ("POST", paths::ES_INDEX_MSEARCH, About::Index, SEVERAL, SEVERAL),
    ("POST", paths::ES_QUERY, About::Nothing, statuses!(400 400 400 400 400 400 400 400 400 400), NONE),
    // For a key that only sends, every index exists.
    ("HEAD", paths::ES_INDEX, About::Index, statuses!(404 200 200 404 200 200 403 404 404 200), statuses!(404 404 404 404 404 404 404 404 404 200)),
    ("PUT", paths::ES_INDEX, About::Index, LOGGED_IN, LOGGED_IN),
    ("GET", paths::ES_LICENSE, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_XPACK, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_CAT_HEALTH, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_NODES, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_ALL_NODES, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_TEMPLATE, About::Nothing, LOGGED_IN, NONE),
    ("PUT", paths::ES_TEMPLATE, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_INDEX_TEMPLATE, About::Nothing, LOGGED_IN, NONE),
    ("PUT", paths::ES_INDEX_TEMPLATE, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_COMPONENT_TEMPLATE, About::Nothing, LOGGED_IN, NONE),
    ("PUT", paths::ES_COMPONENT_TEMPLATE, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_ILM_POLICY, About::Nothing, LOGGED_IN, NONE),
    ("PUT", paths::ES_ILM_POLICY, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_DATA_STREAM, About::Nothing, LOGGED_IN, NONE),
    ("PUT", paths::ES_DATA_STREAM, About::Nothing, LOGGED_IN, NONE),
    ("GET", paths::ES_PIPELINE, About::Nothing, LOGGED_IN, NONE),
    ("PUT", paths::ES_PIPELINE, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::ES_REFRESH, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::ES_INDEX_REFRESH, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::ES_BULK, About::Space, SEND, UNKNOWN),
    ("PUT", paths::ES_BULK, About::Space, SEND, UNKNOWN),
    ("POST", paths::ES_INDEX_BULK, About::Space, SEND, UNKNOWN),
    ("PUT", paths::ES_INDEX_BULK, About::Space, SEND, UNKNOWN),
    ("POST", paths::ES_TYPE_BULK, About::Space, SEND, UNKNOWN),
    ("PUT", paths::ES_TYPE_BULK, About::Space, SEND, UNKNOWN),
    ("POST", paths::ES_DOC_BULK, About::Space, SEND, UNKNOWN),
    ("PUT", paths::ES_DOC_BULK, About::Space, SEND, UNKNOWN),
    ("POST", paths::ES_DOCS, About::Space, ADD, UNKNOWN),
    ("POST", paths::ES_DOC, About::Space, ADD, UNKNOWN),
    ("PUT", paths::ES_DOC, About::Space, ADD, UNKNOWN),
    ("POST", paths::ES_CREATE, About::Space, ADD, UNKNOWN),
    ("PUT", paths::ES_CREATE, About::Space, ADD, UNKNOWN),
    ("POST", paths::HEC, About::Space, SEND_BY_TOKEN, UNKNOWN_BY_TOKEN),
    ("POST", paths::HEC_EVENT, About::Space, SEND_BY_TOKEN, UNKNOWN_BY_TOKEN),
    ("POST", paths::HEC_EVENT_1, About::Space, SEND_BY_TOKEN, UNKNOWN_BY_TOKEN),
    ("OPTIONS", paths::HEC_EVENT, About::Nothing, OPEN, NONE),
    ("OPTIONS", paths::HEC_EVENT_1, About::Nothing, OPEN, NONE),
    ("POST", paths::HEC_RAW, About::Space, SEND_BY_TOKEN, UNKNOWN_BY_TOKEN),
    ("POST", paths::HEC_RAW_1, About::Space, SEND_BY_TOKEN, UNKNOWN_BY_TOKEN),
    ("GET", paths::HEC_HEALTH, About::Nothing, OPEN, NONE),
    ("GET", paths::HEC_HEALTH_1, About::Nothing, OPEN, NONE),
    ("POST", paths::HEC_ACK, About::Nothing, [401, 403, 403, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200], NONE),
    ("POST", paths::OTLP_LOGS, About::Space, SEND, UNKNOWN),
    ("POST", paths::OTLP_TRACES, About::Nothing, [404; 13], NONE),
    ("POST", paths::OTLP_METRICS, About::Nothing, [404; 13], NONE),
    ("POST", paths::KUBERNETES, About::Space, SEND, UNKNOWN),
    ("POST", paths::CLOUDEVENTS, About::Space, SEND, UNKNOWN),
    ("OPTIONS", paths::CLOUDEVENTS, About::Nothing, OPEN, NONE),
    ("POST", paths::GITHUB, About::Space, SEND, UNKNOWN),
    // Only a signature admits here, and no key of the cast signs.
    ("POST", paths::GITHUB_SIGNED, About::Nothing, [401; 13], NONE),
    ("POST", paths::GITLAB, About::Space, SEND, UNKNOWN),
    ("GET", paths::OKTA, About::Nothing, LOGGED_IN, NONE),
    ("POST", paths::OKTA, About::Space, SEND, UNKNOWN),
    ("POST", paths::WORKOS, About::Space, ADD, UNKNOWN),
    ("POST", paths::PANGEA, About::Space, SEND, UNKNOWN),
    ("POST", paths::PANGEA_SEVERAL, About::Space, SEND, UNKNOWN),
    ("POST", paths::RETRACED_EVENT, About::Space, ADD, UNKNOWN),
    ("POST", paths::RETRACED_BULK, About::Space, ADD, UNKNOWN),
    ("GET", paths::KEYS, About::Nothing, OPEN, NONE),
    ("POST", paths::KEYS, About::Nothing, MAKING, NONE),
    ("GET", paths::SESSION_RECEIPT, About::Session, OWN_SESSION, ABSENT),
    // Last, because a hold prevents deletions.
    ("GET", paths::HOLDS, About::Space, READ, ABSENT),
    ("GET", paths::HOLDS, About::WholeAccount, READ_ALL, ABSENT),
    ("POST", paths::HOLDS, About::Space, HOLD, ABSENT),
    ("POST", paths::HOLDS, About::WholeAccount, CHANGE_ALL, ABSENT),
    ("DELETE", paths::HOLDS, About::Space, HOLD, ABSENT),
    ("DELETE", paths::HOLDS, About::WholeAccount, CHANGE_ALL, ABSENT),
    // After it, some callers are logged out.
    ("DELETE", paths::LOGINS, About::Nothing, MANAGING, NONE),
];

/// The owner of a request's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The home account; for a session or a key, the caller.
    Home,
    /// Another account; for a session, a key or a user, somebody else.
    Away,
    /// The target does not exist.
    Nobodys,
}

/// An account with its contents.
#[derive(Debug, Clone)]
struct Tenant {
    account: String,
    organization: String,
    space: String,
}

const NOWHERE: &str = "00000000-0000-4000-8000-000000000000";

struct Cast {
    server: TestServer,
    admin: Client,
    callers: Vec<Client>,
    tenants: [Tenant; 3],
    made: usize,
}

impl Cast {
    async fn new() -> Self {
        let server = TestServer::with(|settings| {
            settings.store.max_open_sessions = 10_000;
            settings.store.max_sessions_per_hour = 10_000;
            settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        })
        .await;
        let expired = server.user("late", false, &[server.owner()]).await;
        server.clock.advance(Duration::from_secs(601));
        let admin = server.admin().await;
        let initial = server.initial.clone();
        let home = Tenant {
            account: initial.account,
            organization: initial.organization,
            space: initial.space,
        };
        let away = tenant(&admin, "away").await;
        let beside = space(&admin, "beside", &home.organization).await;
        for name in ["spare", "somebody", "stranger"] {
            server.user(name, false, &[]).await;
        }
        let account = |role| json!({"role": role, "account": home.account});
        let of_space = |role| json!({"role": role, "space": home.space});
        let owner = server.user("owner", false, &[account("owner")]).await;
        let callers = vec![
            server.nobody(),
            expired,
            revoked(&server).await,
            server.user("operator", true, &[]).await,
            owner.clone(),
            server.user("auditor", false, &[account("auditor")]).await,
            server.user("writer", false, &[account("writer")]).await,
            server
                .user("developer", false, &[of_space("developer")])
                .await,
            server
                .user("space auditor", false, &[of_space("auditor")])
                .await,
            server
                .user("space writer", false, &[of_space("writer")])
                .await,
            server
                .user(
                    "outsider",
                    false,
                    &[json!({"role": "owner", "account": away.account})],
                )
                .await,
            server
                .user(
                    "neighbour",
                    false,
                    &[json!({"role": "developer", "space": beside})],
                )
                .await,
            by_key(
                &server,
                &owner,
                json!({"name": "collector", "scopes": ["send"]}),
            )
            .await,
        ];
        let nowhere = Tenant {
            account: NOWHERE.to_owned(),
            organization: NOWHERE.to_owned(),
            space: NOWHERE.to_owned(),
        };
        Self {
            server,
            admin,
            callers,
            tenants: [home, away, nowhere],
            made: 0,
        }
    }

    /// Returns the same callers, each of whom sends an API key in place of a token, and can do the same by it.
    async fn by_keys(mut self) -> Self {
        let brief = json!({"name": "brief", "expires_in": 60});
        for (caller, who) in CALLERS.iter().enumerate() {
            let new = match *who {
                "nobody" => continue,
                "expired" => &brief,
                "revoked" => &json!({"name": "revoked"}),
                _ => &json!({"name": "whole"}),
            };
            // The first ones' logins have ended, and the last one is by a key already.
            let maker = match caller {
                ..OPERATOR => &self.callers[OWNER],
                COLLECTOR => &self.callers[OWNER],
                _ => &self.callers[caller],
            };
            let new = if caller == COLLECTOR {
                &json!({"name": "sends", "scopes": ["send"]})
            } else {
                new
            };
            let key: Value = maker.post(paths::API_KEYS).json(new).made().await;
            if *who == "revoked" {
                let id = json!({"id": key["id"]});
                let _: Value = maker.delete(paths::API_KEYS).json(&id).made().await;
            }
            self.callers[caller].token = Some(key["key"].as_str().unwrap().to_owned());
        }
        self.server.clock.advance(Duration::from_secs(61));
        self
    }

    /// Returns a number that was not used before.
    fn fresh(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    /// Returns a request that is valid except perhaps for its caller and its target, and the texts that its answer
    /// echoes.
    async fn request(
        &mut self,
        (method, path, about, ..): &Row,
        caller: usize,
        whose: Whose,
    ) -> (RequestBuilder, Vec<String>) {
        let number = self.fresh();
        let name = format!("new-{number}");
        if (*method, *path, caller) == ("DELETE", paths::LOGINS, COLLECTOR) {
            // The owner, whose key it is, has ended its login.
            let new = json!({"name": "another", "scopes": ["send"]});
            self.callers[COLLECTOR] = by_key(&self.server, &self.callers[OWNER], new).await;
        }
        let tenant = self.tenants[whose as usize].clone();
        let client = match about {
            About::Space | About::WholeAccount => {
                self.callers[caller].in_space(Some(&tenant.space))
            }
            _ => self.callers[caller].clone(),
        };
        let id = match about {
            About::Account => tenant.account.clone(),
            About::Organization => tenant.organization.clone(),
            About::SpaceItself | About::Index => tenant.space.clone(),
            About::User => self.user(&name, whose).await,
            About::Session => self.made(paths::SESSIONS, caller, whose).await,
            About::Export => self.made(paths::EXPORTS, caller, whose).await,
            About::Key => self.key(caller, whose).await,
            About::IngestKey => self.ingest_key(&name, whose).await,
            About::Login => self.login(caller, whose).await,
            About::Invitation => self.invitation(&name, whose).await,
            About::OwnInvitation => self.invitation("outsider", whose).await,
            _ => String::new(),
        };
        // Where the target is a space that a header names, the path may have any words.
        let or = |word: &'static str| if id.is_empty() { word } else { &id };
        let concrete = path
            .replace("{id}", or("document"))
            .replace("{index}", or("logs"))
            .replace("{type}", "events")
            .replace("{name}", "template")
            .replace("{project}", "project");
        let concrete = match (*method, *path) {
            ("DELETE", paths::SPACE) => concrete + "?dry_run=true",
            (_, paths::ES_FIELD_CAPS | paths::ES_INDEX_FIELD_CAPS) => concrete + "?fields=*",
            ("POST", paths::EVENTS) if *about == About::WholeAccount => {
                concrete + "?AtAccountLevel=true"
            }
            (_, paths::HEC_ACK) => concrete + "?channel=c",
            _ => concrete,
        };
        let whole = *about == About::WholeAccount;
        let request = client.request(method.parse::<Method>().unwrap(), &concrete);
        let request = match (*method, *path) {
            ("POST", paths::TOKEN | paths::TOKEN_LEGACY) => request.form(&[
                ("grant_type", "password"),
                ("passcode", self.server.initial.api_key.as_str()),
            ]),
            ("POST", paths::ES_MSEARCH | paths::ES_INDEX_MSEARCH) => {
                request.body("{}\n{\"size\":0}\n")
            }
            ("POST", paths::REVOKE) => request.form(&[("token", "atr_of nobody")]),
            ("POST", paths::ORGANIZATIONS) => request.json(&json!({
                "name": name, "relationships": {"account": {"data": {"guid": id}}},
            })),
            ("POST", paths::SPACES) => request.json(&json!({
                "name": name, "relationships": {"organization": {"data": {"guid": id}}},
            })),
            ("POST", paths::ACCOUNTS | paths::API_KEYS) => request.json(&json!({"name": name})),
            ("POST", paths::INGEST_KEYS) if *about == About::IngestSpace => {
                request.json(&json!({"name": name, "space": tenant.space}))
            }
            ("POST", paths::INGEST_KEYS) => {
                request.json(&json!({"name": name, "account": tenant.account}))
            }
            ("POST", paths::USERS) => request.json(&json!({"name": name, "password": PASSWORD})),
            ("POST" | "DELETE", paths::ROLES) => {
                let grant = match about {
                    About::RoleOfSpace => {
                        json!({"user": "spare", "role": "writer", "space": tenant.space})
                    }
                    About::RoleOfAccount => {
                        json!({"user": "spare", "role": "writer", "account": tenant.account})
                    }
                    _ => json!({"user": "stranger", "role": "writer", "account": tenant.account}),
                };
                // The role exists, so that the request can grant it again, or revoke it; the outsider holds none.
                if *about != About::Outsider {
                    self.admin.post(paths::ROLES).json(&grant).seen().await;
                } else if *method == "DELETE" {
                    self.invite("stranger", &tenant).await;
                } else {
                    self.admin.delete(paths::ROLES).json(&grant).seen().await;
                }
                request.json(&grant)
            }
            ("DELETE", paths::API_KEYS) => request.json(&json!({"id": id})),
            ("PUT", paths::PASSWORD) => request.json(&json!({"old": PASSWORD, "new": PASSWORD})),
            ("PUT", paths::OPTIONS) => {
                request.json(&json!({"retention": 30, "AtAccountLevel": whole}))
            }
            ("POST" | "DELETE", paths::HOLDS) => {
                let hold = json!({"AtAccountLevel": whole, "reason": "a case"});
                let owner = self.callers[OWNER].in_space(Some(&tenant.space));
                // Before setting a hold none exists, and before releasing one it exists.
                let other = if *method == "POST" {
                    Method::DELETE
                } else {
                    Method::POST
                };
                let before = owner.request(other, paths::HOLDS).json(&hold);
                before.seen().await;
                request.json(&hold)
            }
            ("POST", paths::EVENTS) => request.body(event(number)),
            (
                "POST" | "PUT",
                paths::ES_BULK | paths::ES_INDEX_BULK | paths::ES_TYPE_BULK | paths::ES_DOC_BULK,
            ) => request.body(format!("{{\"create\":{{}}}}\n{}", event(number))),
            (
                "POST" | "PUT",
                paths::ES_DOCS
                | paths::ES_DOC
                | paths::ES_CREATE
                | paths::HEC
                | paths::HEC_EVENT
                | paths::HEC_EVENT_1
                | paths::HEC_RAW
                | paths::HEC_RAW_1,
            ) => request.body(event(number)),
            (_, paths::HEC_ACK) => request.body("{\"acks\":[1]}"),
            ("GET", paths::OKTA) => request.header("x-okta-verification-challenge", "c"),
            ("POST", paths::OTLP_LOGS) => {
                let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#;
                request
                    .header("content-type", "application/json")
                    .body(body)
            }
            (
                "POST",
                paths::KUBERNETES
                | paths::CLOUDEVENTS
                | paths::GITHUB
                | paths::GITLAB
                | paths::WORKOS
                | paths::RETRACED_EVENT,
            ) => request.body(event(number)),
            ("POST", paths::OKTA) => {
                request.body(format!("{{\"data\":{{\"events\":[{}]}}}}", event(number)))
            }
            ("POST", paths::PANGEA | paths::PANGEA_SEVERAL) => {
                request.body(format!("{{\"event\":{}}}", event(number)))
            }
            ("POST", paths::RETRACED_BULK) => {
                request.body(format!("{{\"events\":[{}]}}", event(number)))
            }
            (_, paths::EVENT_AT | paths::EVENT_PROOF) => {
                let segment = self.segment(whose, number).await;
                request.json(&json!({"segment": segment, "index": 0, "AtAccountLevel": whole}))
            }
            (_, paths::DOWNLOAD) => request.header(headers::SESSION_ID, &id),
            ("DELETE", paths::EVENTS) => request.json(&json!({
                "start": "1970-01-01", "end": "today", "AtAccountLevel": whole,
            })),
            _ if whole => request.json(&json!({"AtAccountLevel": true})),
            _ => request,
        };
        let Tenant {
            account,
            organization,
            space,
        } = tenant;
        (request, vec![id, account, organization, space])
    }

    /// Returns a segment of a tenant's space.
    async fn segment(&self, whose: Whose, number: usize) -> String {
        let owner = match whose {
            Whose::Home => OWNER,
            Whose::Away => OUTSIDER,
            Whose::Nobodys => return NOWHERE.to_owned(),
        };
        let space = &self.tenants[whose as usize].space;
        let owner = self.callers[owner].in_space(Some(space));
        owner.post(paths::EVENTS).body(event(number)).seen().await;
        let ever = json!({"start": "1970-01-01"});
        let session: Value = owner.post(paths::SESSIONS).json(&ever).made().await;
        let path = paths::SESSION_MANIFEST.replace("{id}", session["id"].as_str().unwrap());
        let manifest: Value = owner.get(&path).made().await;
        let segment = &manifest["objects"][0]["segments"][0];
        segment.as_str().unwrap().to_owned()
    }

    /// Returns the id of a user; `Away` does not apply, since a user belongs to nobody or does not exist.
    async fn user(&self, name: &str, whose: Whose) -> String {
        if whose == Whose::Nobodys {
            return NOWHERE.to_owned();
        }
        let new = json!({"name": name, "password": PASSWORD});
        let made: Value = self.admin.post(paths::USERS).json(&new).made().await;
        made["guid"].as_str().unwrap().to_owned()
    }

    /// Invites a name into an account, as its owner.
    async fn invite(&self, name: &str, tenant: &Tenant) -> String {
        let owner = if tenant.account == self.tenants[Whose::Home as usize].account {
            OWNER
        } else {
            OUTSIDER
        };
        let offer = json!({"user": name, "role": "writer", "account": tenant.account});
        // An earlier request may have accepted it.
        self.admin.delete(paths::ROLES).json(&offer).seen().await;
        let (_, made) = self.callers[owner]
            .post(paths::ROLES)
            .json(&offer)
            .seen()
            .await;
        let made: Value = serde_json::from_str(&made).unwrap_or_default();
        made["id"].as_str().unwrap_or(NOWHERE).to_owned()
    }

    /// Returns an invitation into the home account, or into another one.
    async fn invitation(&self, name: &str, whose: Whose) -> String {
        if whose == Whose::Nobodys {
            return NOWHERE.to_owned();
        }
        if name != "outsider" {
            // The operator can accept only for an existing user.
            let new = json!({"name": name, "password": PASSWORD});
            let _: Value = self.admin.post(paths::USERS).json(&new).made().await;
        }
        let name = match (name, whose) {
            // The outsider belongs to the other account.
            ("outsider", Whose::Away) => "stranger",
            (name, _) => name,
        };
        self.invite(name, &self.tenants[whose as usize]).await
    }

    /// Returns a session or an export of the caller, if the caller can create one, otherwise somebody else's.
    async fn made(&self, path: &str, caller: usize, whose: Whose) -> String {
        let other = if caller == OWNER { DEVELOPER } else { OWNER };
        let maker = match whose {
            Whose::Home => caller,
            Whose::Away => other,
            Whose::Nobodys => return NOWHERE.to_owned(),
        };
        let made = self.callers[maker].post(path).seen().await;
        let made: Value = if made.0 == 201 {
            serde_json::from_str(&made.1).unwrap()
        } else {
            self.callers[other].post(path).made().await
        };
        made["id"].as_str().unwrap().to_owned()
    }

    /// Returns a login of the caller's user, or of somebody else.
    async fn login(&self, caller: usize, whose: Whose) -> String {
        let name = match whose {
            Whose::Home if (OPERATOR..COLLECTOR).contains(&caller) => CALLERS[caller],
            Whose::Home => "owner",
            Whose::Away => "somebody",
            Whose::Nobodys => return NOWHERE.to_owned(),
        };
        let tokens = self.server.login(name, PASSWORD).await;
        let client = self.server.client(&tokens.access_token);
        let logins: Value = client.get(paths::LOGINS).made().await;
        let mut logins = logins["resources"].as_array().unwrap().iter();
        let current = logins.find(|login| login["current"] == true).unwrap();
        current["id"].as_str().unwrap().to_owned()
    }

    /// Returns a key of the caller, if the caller can create one, otherwise a word that no key has.
    async fn key(&self, caller: usize, whose: Whose) -> String {
        let maker = match whose {
            Whose::Home => &self.callers[caller],
            Whose::Away => &self.admin,
            Whose::Nobodys => return "0000000000000000".to_owned(),
        };
        let new = json!({"name": "some key"});
        let (_, made) = maker.post(paths::API_KEYS).json(&new).seen().await;
        let made: Value = serde_json::from_str(&made).unwrap();
        made["id"].as_str().unwrap_or("none").to_owned()
    }

    /// Returns an ingest key of the home account, or of another one.
    async fn ingest_key(&self, name: &str, whose: Whose) -> String {
        let owner = match whose {
            Whose::Home => OWNER,
            Whose::Away => OUTSIDER,
            Whose::Nobodys => return "0000000000000000".to_owned(),
        };
        let new = json!({"name": name, "space": self.tenants[whose as usize].space});
        // The caller by whose login the matrix asks may be an owner who sends a key; that is one without limits.
        let request = self.callers[owner].post(paths::INGEST_KEYS).json(&new);
        let made: Value = request.made().await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// Returns status, headers and body, without the parts that echo the request.
    async fn answer(&mut self, row: &Row, caller: usize, whose: Whose) -> Answer {
        let (request, echoed) = self.request(row, caller, whose).await;
        // Many refused keys from one address would have to wait.
        let from = format!("10.0.{}.{}", self.made / 250, self.made % 250);
        let answer = request
            .header(headers::REQUEST_ID, "same")
            .header("X-Forwarded-For", from)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let fields = answer
            .headers()
            .iter()
            .filter(|(name, _)| *name != "date")
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        // A tail has no end.
        let is_tail = row.1 == paths::TAIL && status == 200;
        let bytes = match is_tail {
            true => Default::default(),
            false => answer.bytes().await.unwrap(),
        };
        let mut body = String::from_utf8_lossy(&bytes).into_owned();
        for echo in echoed.iter().filter(|echo| !echo.is_empty()) {
            body = body.replace(echo, "");
        }
        Answer {
            status,
            fields,
            body,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    fields: BTreeMap<String, String>,
    body: String,
}

/// Creates a login whose key was deleted.
async fn revoked(server: &TestServer) -> Client {
    let user = server.user("gone", false, &[server.owner()]).await;
    let key: Value = user
        .post(paths::API_KEYS)
        .json(&json!({"name": "gone"}))
        .made()
        .await;
    let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
    let id = json!({"id": key["id"]});
    let _: Value = user.delete(paths::API_KEYS).json(&id).made().await;
    server.client(&tokens.access_token)
}

async fn by_key(server: &TestServer, user: &Client, new: Value) -> Client {
    let key: Value = user.post(paths::API_KEYS).json(&new).made().await;
    let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
    server.client(&tokens.access_token)
}

async fn space(admin: &Client, name: &str, organization: &str) -> String {
    let of = json!({"organization": {"data": {"guid": organization}}});
    let new = json!({"name": name, "relationships": of});
    let made: Value = admin.post(paths::SPACES).json(&new).made().await;
    made["guid"].as_str().unwrap().to_owned()
}

/// Creates an account of that name with an organization and a space, which the first user does not own.
async fn tenant(admin: &Client, name: &str) -> Tenant {
    let new = json!({"name": name});
    let account: Value = admin.post(paths::ACCOUNTS).json(&new).made().await;
    let account = account["guid"].as_str().unwrap().to_owned();
    let owner = json!({"user": "admin", "role": "owner", "account": account});
    let _: Value = admin.post(paths::ROLES).json(&owner).made().await;
    let of = json!({"account": {"data": {"guid": account}}});
    let new = json!({"name": name, "relationships": of});
    let organization: Value = admin.post(paths::ORGANIZATIONS).json(&new).made().await;
    let organization = organization["guid"].as_str().unwrap().to_owned();
    let space = space(admin, name, &organization).await;
    let _: Value = admin.delete(paths::ROLES).json(&owner).made().await;
    Tenant {
        account,
        organization,
        space,
    }
}

#[test]
fn every_route_is_in_the_matrix_and_nothing_else_is() {
    let rows: BTreeSet<_> = MATRIX.iter().map(|(m, p, ..)| (*m, *p)).collect();
    let routes: BTreeSet<_> = ROUTES.iter().copied().collect();
    assert_eq!(rows, routes);
    let each: BTreeSet<_> = MATRIX
        .iter()
        .map(|(m, p, about, ..)| (*m, *p, format!("{about:?}")))
        .collect();
    assert_eq!(each.len(), MATRIX.len(), "no row is there twice");
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_matrix_says() {
    answers_as_the_matrix_says(Cast::new().await).await;
}

/// The same, for callers who send API keys themselves. Without a place that it is bound to, a key can do what its holder
/// can.
#[tokio::test]
async fn every_route_answers_every_sender_of_a_key_as_the_matrix_says() {
    answers_as_the_matrix_says(Cast::new().await.by_keys().await).await;
}

/// The owner's key for the home space is answered as a developer of that space is, wherever events are concerned, and
/// manages nothing.
#[tokio::test]
async fn the_key_for_a_space_is_answered_as_a_developer_there() {
    let mut cast = Cast::new().await;
    let new = json!({"name": "bound", "space": cast.tenants[0].space});
    let owner = &cast.callers[OWNER];
    let key: Value = owner.post(paths::API_KEYS).json(&new).made().await;
    let text = key["key"].as_str().unwrap().to_owned();
    cast.callers[DEVELOPER].token = Some(text);
    let mut wrong = Vec::new();
    for row in MATRIX {
        let (method, path, about, home, _) = row;
        let expected = match (home[DEVELOPER], home[COLLECTOR], *path) {
            // What a key without the scope `manage` may not do, for its scope.
            (_, 403, path) if !of_events(path) => 403,
            (developer, ..) => developer,
        };
        let own = cast.answer(row, DEVELOPER, Whose::Home).await;
        if own.status != expected {
            let what = format!("{method} {path} about {about:?}");
            wrong.push(format!("{what}: {}, not {expected}", own.status));
        }
        // The sessions of others are the owner's, who holds the key.
        if matches!(about, About::Nothing | About::Session | About::Export) {
            continue;
        }
        let absent = cast.answer(row, DEVELOPER, Whose::Nobodys).await;
        let away = cast.answer(row, DEVELOPER, Whose::Away).await;
        if away != absent {
            let what = format!("{method} {path} about {about:?}");
            wrong.push(format!("{what}: foreign {away:?}, of nobody's {absent:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The ingest key of the home space sends there as a writer of that space does, and does nothing else.
#[tokio::test]
async fn an_ingest_key_sends_to_its_space_and_does_nothing_else() {
    let mut cast = Cast::new().await;
    let new = json!({"name": "sends", "space": cast.tenants[0].space});
    let owner = &cast.callers[OWNER];
    let key: Value = owner.post(paths::INGEST_KEYS).json(&new).made().await;
    let text = key["key"].as_str().unwrap().to_owned();
    cast.callers[SPACE_WRITER].token = Some(text);
    let mut wrong = Vec::new();
    for row in MATRIX {
        let (method, path, about, home, _) = row;
        let may_ask = paths::is_foreign(path) && *home == LOGGED_IN;
        let sends = (*method, *path) == ("POST", paths::EVENTS) || paths::is_receiver(path);
        let expected = match home[0] {
            // What asks for no credential.
            open @ (200 | 404) => open,
            _ if may_ask || sends => home[SPACE_WRITER],
            // For a key that only sends, every index exists.
            _ if (*method, *path) == ("HEAD", paths::ES_INDEX) => home[COLLECTOR],
            _ => 403,
        };
        let own = cast.answer(row, SPACE_WRITER, Whose::Home).await;
        let what = format!("{method} {path} about {about:?}");
        if own.status != expected {
            wrong.push(format!("{what}: {}, not {expected}", own.status));
        }
        if *about == About::Nothing {
            continue;
        }
        let absent = cast.answer(row, SPACE_WRITER, Whose::Nobodys).await;
        let away = cast.answer(row, SPACE_WRITER, Whose::Away).await;
        if away != absent {
            wrong.push(format!("{what}: foreign {away:?}, of nobody's {absent:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns whether a route is about events, for which a key needs another scope than `manage`.
fn of_events(path: &str) -> bool {
    // Its beginning is that of the signed logs.
    if path.starts_with(paths::LOGINS) {
        return false;
    }
    [
        paths::EVENTS,
        paths::SESSIONS,
        paths::OPTIONS,
        paths::HOLDS,
        paths::SEARCH,
        paths::AGGREGATE,
        paths::EXPORTS,
        paths::LOG,
        paths::TAIL,
        paths::ES,
    ]
    .iter()
    .any(|prefix| path.starts_with(prefix))
}

async fn answers_as_the_matrix_says(mut cast: Cast) {
    let mut wrong = Vec::new();
    for row in MATRIX {
        let (method, path, about, home, nobodys) = row;
        for (caller, who) in CALLERS.into_iter().enumerate() {
            let what = format!("{method} {path} about {about:?} by {who}");
            let own = cast.answer(row, caller, Whose::Home).await;
            if own.status != home[caller] {
                wrong.push(format!("{what}: {}, not {}", own.status, home[caller]));
            }
            if *about == About::Nothing {
                continue;
            }
            let absent = cast.answer(row, caller, Whose::Nobodys).await;
            if absent.status != nobodys[caller] {
                let (status, expected) = (absent.status, nobodys[caller]);
                wrong.push(format!("{what}, of nobody's: {status}, not {expected}"));
            }
            let away = cast.answer(row, caller, Whose::Away).await;
            let may_know_it = match (caller, about) {
                // The operator sees all tenants, and may delete anybody's key.
                (OPERATOR, About::Session | About::Export) => false,
                (OPERATOR, _) => true,
                // A thing that is foreign to the others is the outsider's own.
                (OUTSIDER, about) => !matches!(
                    about,
                    About::Session | About::Export | About::Key | About::Login | About::User
                ),
                _ => false,
            };
            if may_know_it {
                continue;
            }
            if away != absent {
                wrong.push(format!("{what}: foreign {away:?}, of nobody's {absent:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Foreign things of the matrix are the outsider's own: the control that they exist.
#[tokio::test]
async fn the_outsider_is_at_home_elsewhere() {
    let mut cast = Cast::new().await;
    for row in MATRIX {
        let (method, path, about, home, _) = row;
        if matches!(
            about,
            About::Nothing
                | About::Session
                | About::Export
                | About::Key
                | About::Login
                | About::User
        ) {
            continue;
        }
        let answer = cast.answer(row, OUTSIDER, Whose::Away).await;
        assert_eq!(answer.status, home[OWNER], "{method} {path} {about:?}");
    }
}

#[tokio::test]
async fn words_that_are_no_ids_are_answered_like_ids_that_nobody_has() {
    let cast = Cast::new().await;
    let developer = &cast.callers[DEVELOPER];
    let collector = &cast.callers[COLLECTOR];
    for prefix in [
        "/v3/sessions/",
        "/v3/exports/",
        "/v3/accounts/",
        "/v3/organizations/",
        "/v3/spaces/",
        "/v3/users/",
        "/v3/events/download?session=",
    ] {
        let ask = async |id: &str| {
            let request = developer.get(&format!("{prefix}{id}"));
            request.header(headers::REQUEST_ID, "same").seen().await
        };
        let nobodys = ask(NOWHERE).await;
        assert_eq!(nobodys.0, 404, "{prefix}: {nobodys:?}");
        for id in ["x", "%ff", "..%2f..%2fetc%2fpasswd", "%00", "%1b%5b2J"] {
            assert_eq!(ask(id).await, nobodys, "{prefix}{id}");
        }
    }
    for client in [developer, collector] {
        let ask = async |space: &str| {
            let client = client.in_space(Some(space));
            let request = client.post(paths::EVENTS).body(event(1));
            request.header(headers::REQUEST_ID, "same").seen().await
        };
        let nobodys = ask(NOWHERE).await;
        assert_eq!(nobodys.0, 404, "{nobodys:?}");
        for space in [cast.tenants[1].space.as_str(), "no guid", "../..", "é"] {
            assert_eq!(ask(space).await, nobodys, "{space}");
        }
    }
    for client in [developer, collector] {
        let ask = async |account: &str| {
            let client = client.in_space(None);
            let request = client.post("/v3/events?AtAccountLevel=true").body(event(1));
            let request = request.header(headers::ACCOUNT_ID, account);
            request.header(headers::REQUEST_ID, "same").seen().await
        };
        let nobodys = ask(NOWHERE).await;
        assert_eq!(nobodys.0, 404, "{nobodys:?}");
        for account in [cast.tenants[1].account.as_str(), "no guid", "../.."] {
            assert_eq!(ask(account).await, nobodys, "{account}");
        }
    }
}

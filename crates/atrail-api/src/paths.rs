//! Paths of the API, in axum's notation where they hold a parameter.

/// The token endpoints, and the server's name and version.
pub const INFO: &str = "/v2/info";
/// Tokens (RFC 6749).
pub const TOKEN: &str = "/oauth/token";
/// Tokens, at the original's path.
pub const TOKEN_LEGACY: &str = "/UAALoginServerWAR/oauth/token";
/// Revokes the login that a token belongs to (RFC 7009).
pub const REVOKE: &str = "/oauth/revoke";
/// The JWKS of the token signing keys (RFC 7517).
pub const TOKEN_KEYS: &str = "/token_keys";
/// The caller's download sessions.
pub const SESSIONS: &str = "/v3/sessions";
/// One download session.
pub const SESSION: &str = "/v3/sessions/{id}";
/// The manifest of a session: its objects and their hashes. The manifest's SHA-256 is the download's `ETag`.
pub const SESSION_MANIFEST: &str = "/v3/sessions/{id}/manifest";
/// The receipt of a session: the evidence that goes with its download.
pub const SESSION_RECEIPT: &str = "/v3/sessions/{id}/receipt";
/// The key that verifies evidence.
pub const KEYS: &str = "/v3/keys";
/// Legal holds.
pub const HOLDS: &str = "/v3/holds";
/// Sends, counts and deletes events.
pub const EVENTS: &str = "/v3/events";
/// The bytes of a session.
pub const DOWNLOAD: &str = "/v3/events/download";
/// Finds events.
pub const SEARCH: &str = "/v3/search";
/// Counts events by time and by value.
pub const AGGREGATE: &str = "/v3/aggregate";
/// Prepares an export: all events that match a query.
pub const EXPORTS: &str = "/v3/exports";
/// One export.
pub const EXPORT: &str = "/v3/exports/{id}";
/// Events as they become durable.
pub const TAIL: &str = "/v3/tail";
/// One event by its place.
pub const EVENT_AT: &str = "/v3/events/at";
/// The proof of one event by its place.
pub const EVENT_PROOF: &str = "/v3/events/proof";
/// The entries of the signed logs.
pub const LOG: &str = "/v3/log";
/// Retention.
pub const OPTIONS: &str = "/v3/options";
/// How the server's clock compares with the time that passed, by which retention deletes.
pub const RETENTION: &str = "/v3/retention";
/// What the search index lacks, and its care.
pub const INDEX: &str = "/v3/index";
/// Organizations, as Cloud Foundry lists them.
pub const ORGANIZATIONS: &str = "/v3/organizations";
/// One organization.
pub const ORGANIZATION: &str = "/v3/organizations/{id}";
/// Spaces, as Cloud Foundry lists them.
pub const SPACES: &str = "/v3/spaces";
/// One space.
pub const SPACE: &str = "/v3/spaces/{id}";
/// Accounts.
pub const ACCOUNTS: &str = "/v3/accounts";
/// One account.
pub const ACCOUNT: &str = "/v3/accounts/{id}";
/// Users.
pub const USERS: &str = "/v3/users";
/// One user.
pub const USER: &str = "/v3/users/{id}";
/// Grants of roles.
pub const ROLES: &str = "/v3/roles";
/// Roles that await acceptance.
pub const INVITATIONS: &str = "/v3/invitations";
/// One invitation.
pub const INVITATION: &str = "/v3/invitations/{id}";
/// The caller's API keys.
pub const API_KEYS: &str = "/v3/api_keys";
/// Keys that only send, to one domain.
pub const INGEST_KEYS: &str = "/v3/ingest_keys";
/// One of them.
pub const INGEST_KEY: &str = "/v3/ingest_keys/{id}";
/// The caller's own password.
pub const PASSWORD: &str = "/v3/password";
/// The server itself, as a browser opens it.
pub const ROOT: &str = "/";
/// The console without the slash at its end.
pub const CONSOLE: &str = "/console";
/// The caller's logins.
pub const LOGINS: &str = "/v3/logins";
/// One of them.
pub const LOGIN: &str = "/v3/logins/{id}";
/// The console's document.
pub const CONSOLE_DOCUMENT: &str = "/console/";
/// What the document refers to.
pub const CONSOLE_ASSET: &str = "/console/{*path}";
/// Logs a browser in.
pub const CONSOLE_LOGIN: &str = "/v3/console/login";
/// Logs a browser out.
pub const CONSOLE_LOGOUT: &str = "/v3/console/logout";
/// Makes a link that logs a browser in once.
pub const CONSOLE_LINKS: &str = "/v3/console/links";
/// Leads a browser to the OpenID provider.
pub const CONSOLE_OIDC_START: &str = "/v3/console/oidc/start";
/// Where the OpenID provider leads a browser back to.
pub const CONSOLE_OIDC_CALLBACK: &str = "/v3/console/oidc/callback";
/// The login of a browser, and what its user may see.
pub const CONSOLE_ME: &str = "/v3/console/me";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness to accept events.
pub const READYZ: &str = "/readyz";
/// Metrics for Prometheus.
pub const METRICS: &str = "/metrics";
/// The description of this API (OpenAPI 3.1).
pub const OPENAPI: &str = "/openapi.json";
/// Elasticsearch's search interface for Grafana: name and version.
pub const ES: &str = "/es";
/// The same.
pub const ES_ROOT: &str = "/es/";
/// Whether the server can be asked.
pub const ES_HEALTH: &str = "/es/_cluster/health";
/// Fields and their types.
pub const ES_FIELD_CAPS: &str = "/es/_field_caps";
/// The same for some indices.
pub const ES_INDEX_FIELD_CAPS: &str = "/es/{index}/_field_caps";
/// Fields as a mapping.
pub const ES_MAPPING: &str = "/es/_mapping";
/// The same for some indices.
pub const ES_INDEX_MAPPING: &str = "/es/{index}/_mapping";
/// Finds and counts events.
pub const ES_SEARCH: &str = "/es/_search";
/// The same in some indices.
pub const ES_INDEX_SEARCH: &str = "/es/{index}/_search";
/// Counts events.
pub const ES_COUNT: &str = "/es/_count";
/// The same in some indices.
pub const ES_INDEX_COUNT: &str = "/es/{index}/_count";
/// Several searches.
pub const ES_MSEARCH: &str = "/es/_msearch";
/// The same in some indices, unless a search names others.
pub const ES_INDEX_MSEARCH: &str = "/es/{index}/_msearch";
/// ES|QL, which is refused.
pub const ES_QUERY: &str = "/es/_query";
/// Whether an index exists; its creation, which is acknowledged.
pub const ES_INDEX: &str = "/es/{index}";
/// Elasticsearch's licence, which is active.
pub const ES_LICENSE: &str = "/es/_license";
/// Elasticsearch's features.
pub const ES_XPACK: &str = "/es/_xpack";
/// Whether the server accepts events, as a line of text.
pub const ES_CAT_HEALTH: &str = "/es/_cat/health";
/// The address at which the client reached the server.
pub const ES_NODES: &str = "/es/_nodes/http";
/// The same.
pub const ES_ALL_NODES: &str = "/es/_nodes/_all/http";
/// A template, which exists.
pub const ES_TEMPLATE: &str = "/es/_template/{name}";
/// The same in its newer form.
pub const ES_INDEX_TEMPLATE: &str = "/es/_index_template/{name}";
/// A part of a template, which exists.
pub const ES_COMPONENT_TEMPLATE: &str = "/es/_component_template/{name}";
/// A policy for the life of indices, which exists.
pub const ES_ILM_POLICY: &str = "/es/_ilm/policy/{name}";
/// A data stream, which exists.
pub const ES_DATA_STREAM: &str = "/es/_data_stream/{name}";
/// An ingest pipeline, which exists.
pub const ES_PIPELINE: &str = "/es/_ingest/pipeline/{name}";
/// Acknowledged: every answer shows what was sent before it.
pub const ES_REFRESH: &str = "/es/_refresh";
/// The same for an index.
pub const ES_INDEX_REFRESH: &str = "/es/{index}/_refresh";
/// Accepts events in Elasticsearch's bulk form.
pub const ES_BULK: &str = "/es/_bulk";
/// The same for an index.
pub const ES_INDEX_BULK: &str = "/es/{index}/_bulk";
/// The same for an index and a type, as older clients send it.
pub const ES_TYPE_BULK: &str = "/es/{index}/{type}/_bulk";
/// The same for the type that documents have since version 6, and which is no id of a document.
pub const ES_DOC_BULK: &str = "/es/{index}/_doc/_bulk";
/// Accepts one event.
pub const ES_DOCS: &str = "/es/{index}/_doc";
/// The same with an id.
pub const ES_DOC: &str = "/es/{index}/_doc/{id}";
/// The same.
pub const ES_CREATE: &str = "/es/{index}/_create/{id}";
/// Splunk's HTTP Event Collector: accepts events.
pub const HEC: &str = "/services/collector";
/// The same.
pub const HEC_EVENT: &str = "/services/collector/event";
/// The same.
pub const HEC_EVENT_1: &str = "/services/collector/event/1.0";
/// Accepts events as lines.
pub const HEC_RAW: &str = "/services/collector/raw";
/// The same.
pub const HEC_RAW_1: &str = "/services/collector/raw/1.0";
/// Whether the server accepts events.
pub const HEC_HEALTH: &str = "/services/collector/health";
/// The same.
pub const HEC_HEALTH_1: &str = "/services/collector/health/1.0";
/// Whether events are durable: those that were answered are.
pub const HEC_ACK: &str = "/services/collector/ack";
/// OTLP over HTTP: accepts log records.
pub const OTLP_LOGS: &str = "/v1/logs";
/// Refuses traces, which are no events.
pub const OTLP_TRACES: &str = "/v1/traces";
/// Refuses metrics, which are no events.
pub const OTLP_METRICS: &str = "/v1/metrics";
/// The audit webhook of Kubernetes.
pub const KUBERNETES: &str = "/k8s/audit";
/// CloudEvents over HTTP.
pub const CLOUDEVENTS: &str = "/cloudevents";
/// The base of the webhooks of products.
pub const WEBHOOKS: &str = "/webhooks";
/// Deliveries of GitHub.
pub const GITHUB: &str = "/webhooks/github";
/// The same, signed with the key whose public part the path names.
pub const GITHUB_SIGNED: &str = "/webhooks/github/{id}";
/// Deliveries of GitLab, among them its streams of audit events.
pub const GITLAB: &str = "/webhooks/gitlab";
/// Okta's event hooks.
pub const OKTA: &str = "/webhooks/okta";
/// WorkOS's audit logs: accepts an event.
pub const WORKOS: &str = "/audit_logs/events";
/// Pangea's Secure Audit Log: accepts an event.
pub const PANGEA: &str = "/v1/log";
/// The same for several.
pub const PANGEA_SEVERAL: &str = "/v2/log";
/// The base of Retraced's publisher API.
pub const RETRACED: &str = "/publisher/v1/project";
/// Accepts an event.
pub const RETRACED_EVENT: &str = "/publisher/v1/project/{project}/event";
/// The same for several.
pub const RETRACED_BULK: &str = "/publisher/v1/project/{project}/event/bulk";

/// The bases of the paths of other products' interfaces. Requests and answers there have these products' shapes.
pub const FOREIGN: &[&str] = &[
    ES,
    HEC,
    OTLP_LOGS,
    OTLP_TRACES,
    OTLP_METRICS,
    KUBERNETES,
    CLOUDEVENTS,
    WEBHOOKS,
    WORKOS,
    PANGEA,
    PANGEA_SEVERAL,
    RETRACED,
];

/// Returns whether a path belongs to the interface of another product.
#[must_use]
pub fn is_foreign(path: &str) -> bool {
    FOREIGN.iter().any(|base| is_below(path, base))
}

/// Returns whether a path is the base, or continues it with further segments.
#[must_use]
pub fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns whether senders of other products deliver events at this path. Some of them can send their key only in the
/// query, so the server accepts it there, and nowhere else.
#[must_use]
pub fn is_receiver(path: &str) -> bool {
    (is_foreign(path) && !is_below(path, ES))
        || path == "/_bulk"
        || path.strip_prefix("/es/").is_some_and(is_es_receiver)
}

/// Returns whether clients of Elasticsearch write at this path below `/es/`: `_bulk`, or an operation behind an index.
fn is_es_receiver(path: &str) -> bool {
    let mut names = path.split('/');
    match (names.next(), names.next(), names.next()) {
        (Some("_bulk"), None, _) => true,
        // Of an index, perhaps with a type.
        (Some(_), Some("_bulk"), None) | (Some(_), Some(_), Some("_bulk")) => true,
        (Some(_), operation, _) => matches!(operation, Some("_doc" | "_create")),
        (None, ..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_where_senders_deliver() {
        for path in [
            "/services/collector",
            "/services/collector/event/1.0",
            "/v1/logs",
            "/webhooks/github/0123",
            "/es/_bulk",
            "/es/x/_bulk",
            "/_bulk",
            "/es/x/_doc/1",
            "/cloudevents",
            "/publisher/v1/project/p/event",
        ] {
            assert!(is_receiver(path), "{path}");
        }
        for path in [
            EVENTS,
            SEARCH,
            "/es/_search",
            "/es/x/_count",
            "/es/_doc/_search",
            "/es/_docs/_count",
            "/v3/users/_bulk",
            "/services/collectors",
            "/v1/logs2",
            "/v3/ingest_keys",
            "/cloudevents2",
        ] {
            assert!(!is_receiver(path), "{path}");
        }
    }
}

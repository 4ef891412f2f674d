//! The calls by which Elasticsearch's senders look at a server, and prepare it, before they send events.
//!
//! Whatever they would set up exists already, or is acknowledged: nothing of it means anything here, and a sender that
//! finds it does not ask again. `docs/SENDERS.md` says which sender makes which call.

use std::sync::Arc;

use atrail_model::KeyScope;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{InPath, VERSION, shape::Failure};
use crate::app::App;
use crate::auth::principal::AnyCaller;
use crate::error::ApiError;

/// The port of Elasticsearch, for a client whose `Host` names none.
const PORT: &str = "9200";

/// Returns an active licence: without one, Logstash regards the server as dead.
pub(in crate::routes) async fn license(State(app): State<Arc<App>>, _: AnyCaller) -> Json<Value> {
    Json(json!({"license": {
        "status": "active",
        "uid": app.settings.store.server_name,
        "type": "basic",
        "mode": "basic",
    }}))
}

/// Returns no features.
pub(in crate::routes) async fn xpack(_: AnyCaller) -> Json<Value> {
    Json(json!({}))
}

/// Returns that the server accepts events; rsyslog asks before it sends a batch again.
pub(in crate::routes) async fn cat_health(
    State(app): State<Arc<App>>,
    _: AnyCaller,
) -> Result<Response, ApiError> {
    if let Some(refusal) = app.store.write_refusal() {
        return Err(ApiError::from(refusal).for_senders());
    }
    Ok(([(CONTENT_TYPE, "text/plain; charset=UTF-8")], "green\n").into_response())
}

/// Returns the address by which the client reached the server as the only node, for clients that look for others.
pub(in crate::routes) async fn nodes(_: AnyCaller, headers: HeaderMap) -> Json<Value> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Json(json!({"nodes": {}}));
    };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let address = if has_port {
        host.to_owned()
    } else {
        format!("{host}:{PORT}")
    };
    Json(json!({"nodes": {"atrail": {
        "name": "atrail",
        "version": VERSION,
        "roles": ["data", "ingest", "master"],
        "http": {"publish_address": address},
    }}}))
}

/// Returns an empty template.
pub(in crate::routes) async fn template(_: AnyCaller, Path(name): Path<String>) -> Json<Value> {
    let empty =
        json!({"order": 0, "index_patterns": [], "settings": {}, "mappings": {}, "aliases": {}});
    Json(json!({name: empty}))
}

/// The same in its newer form.
pub(in crate::routes) async fn index_template(
    _: AnyCaller,
    Path(name): Path<String>,
) -> Json<Value> {
    let empty = json!({"index_patterns": [], "composed_of": []});
    Json(json!({"index_templates": [{"name": name, "index_template": empty}]}))
}

/// Returns an empty part of a template.
pub(in crate::routes) async fn component_template(
    _: AnyCaller,
    Path(name): Path<String>,
) -> Json<Value> {
    let empty = json!({"template": {}});
    Json(json!({"component_templates": [{"name": name, "component_template": empty}]}))
}

/// Returns a policy without phases.
pub(in crate::routes) async fn ilm_policy(_: AnyCaller, Path(name): Path<String>) -> Json<Value> {
    Json(json!({name: {"version": 1, "policy": {"phases": {}}}}))
}

/// Returns a data stream.
pub(in crate::routes) async fn data_stream(_: AnyCaller, Path(name): Path<String>) -> Json<Value> {
    Json(json!({"data_streams": [{
        "name": name,
        "timestamp_field": {"name": "@timestamp"},
        "indices": [],
        "generation": 1,
        "status": "GREEN",
    }]}))
}

/// Returns a pipeline that does nothing.
pub(in crate::routes) async fn pipeline(_: AnyCaller, Path(name): Path<String>) -> Json<Value> {
    Json(json!({name: {"processors": []}}))
}

/// Acknowledges what exists already.
pub(in crate::routes) async fn acknowledge(_: AnyCaller) -> Json<Value> {
    Json(json!({"acknowledged": true}))
}

/// Acknowledges an index, which needs no creation.
pub(in crate::routes) async fn set_index(_: AnyCaller, Path(index): Path<String>) -> Json<Value> {
    Json(json!({"acknowledged": true, "shards_acknowledged": true, "index": index}))
}

/// Acknowledges: a search sees everything that was answered before it.
pub(in crate::routes) async fn refresh(_: AnyCaller) -> Json<Value> {
    Json(json!({"_shards": {"total": 1, "successful": 1, "failed": 0}}))
}

/// Returns whether an index exists: for a caller who can only send, every name does.
pub(in crate::routes) async fn exists(
    State(app): State<Arc<App>>,
    AnyCaller(principal): AnyCaller,
    InPath(names): InPath,
) -> Result<StatusCode, Failure> {
    let scopes = principal.standing().scopes;
    if scopes.contains(KeyScope::Read) || !scopes.contains(KeyScope::Send) {
        super::indices(&app, &principal, &names).await?;
    }
    Ok(StatusCode::OK)
}

//! The key that verifies evidence: public, and changed by the operator.

use std::sync::Arc;

use atrail_api::EvidenceKey;
use atrail_evidence::VerifierKey;
use atrail_model::Domain;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::principal::{Operator, Principal};
use crate::error::ApiError;

/// Shows the current key.
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Json<EvidenceKey>, ApiError> {
    let key = app.store.verifier_key().await;
    wire(&app, &key).await
}

/// Creates a new key, which the old one endorses in every log.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    principal: Principal,
    _: Operator,
) -> Result<(StatusCode, Json<EvidenceKey>), ApiError> {
    let warrant = principal.warrant(&app);
    let requester = principal.requester("", "", &warrant);
    let made = app.store.rotate_key(requester).await?;
    for account in app.tenancy.accounts().await? {
        let domain = Domain::Account(account.id);
        let act = Act::new(Action::RotateKey, principal.actor(), domain);
        app.audit.record(act.with("key", made.to_string())).await;
    }
    Ok((StatusCode::CREATED, wire(&app, &made).await?))
}

async fn wire(app: &App, key: &VerifierKey) -> Result<Json<EvidenceKey>, ApiError> {
    Ok(Json(EvidenceKey {
        name: key.name().to_owned(),
        key: key.to_string(),
        endorsements: app.store.endorsements().await?,
    }))
}

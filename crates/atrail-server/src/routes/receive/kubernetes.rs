//! The audit webhook of Kubernetes. An API server looks at the status alone: of an answer that is none of success it drops
//! the batch after some retries.

use std::sync::Arc;

use atrail_carriers::kubernetes;
use axum::extract::State;
use axum::response::Response;

use super::{counts, keep_all};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::metrics::Receiver;
use crate::receivers::{self, Received, Receiving};

/// Accepts a list of audit events.
pub(in crate::routes) async fn audit(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let receiving = Receiving::of(&app, Receiver::Kubernetes, authorised).await?;
    let kept = receivers::keep(&app, receiving, |body, keeper| {
        keep_all(keeper, |take| kubernetes::decode(body, take))
    })
    .await?;
    Ok(counts(&kept))
}

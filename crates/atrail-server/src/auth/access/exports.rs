//! The exports of a caller.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use super::{Purpose, ReadEvents, readable_account};
use crate::app::App;
use crate::auth::principal::Principal;
use crate::error::ApiError;
use crate::extract::IdInPath;
use crate::search::exports::Export;

/// An export of the caller, named in the path, whose events the caller may read.
#[derive(Debug)]
pub(crate) struct OwnExport {
    /// The caller.
    pub(crate) principal: Principal,
    /// The export's id.
    pub(crate) id: Uuid,
    /// The export.
    pub(crate) export: Arc<Export>,
}

impl FromRequestParts<Arc<App>> for OwnExport {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        principal.must_be_good_for(ReadEvents::ACTION.scope())?;
        let unknown = || ApiError::not_found("export");
        let id = IdInPath::from_request_parts(parts, app).await?;
        let id: Uuid = id.of("export")?;
        let now = app.clock.elapsed();
        let export = app.searches.exports.of(principal.id(), id, now);
        let export = export.ok_or_else(unknown)?;
        let target = export.question.target;
        let account = readable_account(app, principal.standing(), target).await?;
        principal.uses(app, account.ok_or_else(unknown)?).await;
        Ok(Self {
            principal,
            id,
            export,
        })
    }
}

//! Spaces, as Cloud Foundry v3 shows them.

use std::sync::Arc;

use atrail_api::{List, NamesQuery, Relation, Relationships, Space, SpaceCreate};
use atrail_store::ErrorKind;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::listed;
use crate::app::App;
use crate::auth::principal::Principal;
use crate::error::ApiError;
use crate::extract::{JsonBody, Query};

/// Those that the caller holds a role in; for the operator, all.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
    Query(query): Query<NamesQuery>,
) -> Result<Json<List<Space>>, ApiError> {
    let NamesQuery {
        names,
        organization_guids,
    } = query;
    let (by_name, by_organization) = (
        listed(names.as_deref()),
        listed(organization_guids.as_deref()),
    );
    let developed = &principal.standing().developed;
    let all = app.tenancy.spaces().await?;
    let visible = all.into_iter().filter(|one| {
        principal.is_operator() || principal.owns(one.account) || developed.contains_key(&one.id)
    });
    Ok(Json(List {
        resources: visible
            .filter(|one| by_name(&one.name) && by_organization(&one.organization.to_string()))
            .map(wire)
            .collect(),
    }))
}

/// A new space of an organization whose account the caller owns.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    JsonBody(SpaceCreate {
        name,
        relationships,
    }): JsonBody<SpaceCreate>,
) -> Result<(StatusCode, Json<Space>), ApiError> {
    let unknown = || ApiError::not_found("organization");
    let organization = relationships
        .organization
        .ok_or_else(|| ApiError::bad_request("relationships.organization is missing"))?;
    let id = organization.data.guid.parse().map_err(|_| unknown())?;
    let organization = match app.tenancy.organization(id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(unknown()),
        found => found?,
    };
    principal.must_own(
        organization.account,
        principal.is_operator(),
        "organization",
    )?;
    let now = app.clock.now();
    let made = app
        .tenancy
        .create_space(organization.id, &name, now)
        .await?;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

fn wire(space: atrail_store::Space) -> Space {
    let atrail_store::Space {
        id,
        organization,
        account: _,
        name,
    } = space;
    Space {
        guid: id.to_string(),
        name,
        relationships: Relationships {
            organization: Some(Relation::to(organization)),
            account: None,
        },
    }
}

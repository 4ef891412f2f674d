//! Organizations, as Cloud Foundry v3 shows them.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_api::{List, NamesQuery, Organization, OrganizationCreate, Relation, Relationships};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::listed;
use crate::app::App;
use crate::auth::principal::Principal;
use crate::error::ApiError;
use crate::extract::{JsonBody, Query};

/// Those of the caller's accounts, and those of the spaces that the caller develops in; for the operator, all.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
    Query(query): Query<NamesQuery>,
) -> Result<Json<List<Organization>>, ApiError> {
    let NamesQuery {
        names,
        organization_guids,
    } = query;
    let (by_name, by_guid) = (
        listed(names.as_deref()),
        listed(organization_guids.as_deref()),
    );
    let developed = &principal.standing().developed;
    let spaces = app.tenancy.spaces().await?;
    let of_developed: HashSet<_> = spaces
        .iter()
        .filter(|space| developed.contains_key(&space.id))
        .map(|space| space.organization)
        .collect();
    let all = app.tenancy.organizations().await?;
    let visible = all.into_iter().filter(|one| {
        principal.is_operator() || principal.owns(one.account) || of_developed.contains(&one.id)
    });
    Ok(Json(List {
        resources: visible
            .map(wire)
            .filter(|one| by_name(&one.name) && by_guid(&one.guid))
            .collect(),
    }))
}

/// A new organization of an account that the caller owns.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    JsonBody(OrganizationCreate {
        name,
        relationships,
    }): JsonBody<OrganizationCreate>,
) -> Result<(StatusCode, Json<Organization>), ApiError> {
    let account = relationships
        .account
        .ok_or_else(|| ApiError::bad_request("relationships.account is missing"))?;
    let account = account
        .data
        .guid
        .parse()
        .map_err(|_| ApiError::not_found("account"))?;
    app.must_exist(account).await?;
    principal.must_own(account, principal.knows(account), "account")?;
    let now = app.clock.now();
    let made = app.tenancy.create_organization(account, &name, now).await?;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

fn wire(organization: atrail_store::Organization) -> Organization {
    let atrail_store::Organization { id, account, name } = organization;
    Organization {
        guid: id.to_string(),
        name,
        relationships: Relationships {
            organization: None,
            account: Some(Relation::to(account)),
        },
    }
}

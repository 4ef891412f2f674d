//! Organizations, in the shapes of Cloud Foundry v3.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_api::{
    Deleted, List, NamesQuery, Organization, OrganizationCreate, Relation, Relationships,
};
use atrail_model::{Domain, OrganizationId};
use atrail_store::ErrorKind;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::listed::{listed, listed_guids};
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::{Manager, Principal};
use crate::error::ApiError;
use crate::extract::{IdInPath, JsonBody, Query};

const WHAT: &str = "organization";

/// Lists the organizations of the caller's accounts, and those of the spaces in which the caller holds a role; for the
/// operator, all.
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
        listed_guids(organization_guids.as_deref()),
    );
    let with_known_spaces = with_known_spaces(&app, &principal).await?;
    let all = app.tenancy.organizations().await?;
    let visible = all
        .into_iter()
        .filter(|one| principal.knows_all_of(one.account) || with_known_spaces.contains(&one.id));
    Ok(Json(List {
        resources: visible
            .map(wire)
            .filter(|one| by_name(&one.name) && by_guid(&one.guid))
            .collect(),
    }))
}

/// Creates an organization in an account that the caller owns.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
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
    principal.must_own(account, principal.knows_account(account), "account")?;
    let now = app.clock.now();
    let tenancy = principal.tenancy(&app);
    let made = tenancy.create_organization(account, &name, now).await?;
    principal.uses(&app, account).await;
    let act = about(Action::CreateOrganization, &principal, &made);
    app.audit.record(act).await;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

/// Shows an organization that the caller may know of.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    principal: Principal,
    IdInPath(id): IdInPath<OrganizationId>,
) -> Result<Json<Organization>, ApiError> {
    known(&app, &principal, id).await.map(wire).map(Json)
}

/// Deletes an organization without spaces, for an owner of its account.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    IdInPath(id): IdInPath<OrganizationId>,
) -> Result<Json<Deleted>, ApiError> {
    let found = known(&app, &principal, id).await?;
    principal.must_own(found.account, true, WHAT)?;
    let tenancy = principal.tenancy(&app);
    tenancy.delete_organization(found.id).await?;
    principal.uses(&app, found.account).await;
    let act = about(Action::DeleteOrganization, &principal, &found);
    app.audit.record(act).await;
    Ok(Json(Deleted {
        message: "Delete organization success".to_owned(),
    }))
}

/// Returns the organization, if the caller may know of it.
pub(super) async fn known(
    app: &App,
    principal: &Principal,
    id: Option<OrganizationId>,
) -> Result<atrail_store::Organization, ApiError> {
    let unknown = || ApiError::not_found(WHAT);
    let found = match app.tenancy.organization(id.ok_or_else(unknown)?).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(unknown()),
        found => found?,
    };
    let is_known = principal.knows_all_of(found.account)
        || with_known_spaces(app, principal).await?.contains(&found.id);
    if is_known { Ok(found) } else { Err(unknown()) }
}

/// Returns the organizations of the spaces in which the caller holds a role.
async fn with_known_spaces(
    app: &App,
    principal: &Principal,
) -> Result<HashSet<OrganizationId>, ApiError> {
    let held = &principal.standing().spaces;
    if held.is_empty() {
        return Ok(HashSet::new());
    }
    let spaces = app.tenancy.spaces().await?.into_iter();
    Ok(spaces
        .filter(|space| held.contains_key(&space.id))
        .map(|space| space.organization)
        .collect())
}

fn about(action: Action, principal: &Principal, one: &atrail_store::Organization) -> Act {
    Act::new(action, principal.actor(), Domain::Account(one.account))
        .to(Thing::project(&one.id, &one.name))
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

//! Spaces, in the shapes of Cloud Foundry v3.

use std::sync::Arc;

use atrail_api::{
    List, NamesQuery, Relation, Relationships, Space, SpaceCreate, SpaceDelete, SpaceDeleted,
};
use atrail_model::{Domain, SpaceId};
use atrail_store::{ErrorKind, EventsOfSpace, StoreError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::listed::{listed, listed_guids};
use super::organizations;
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::{Manager, Principal};
use crate::error::ApiError;
use crate::extract::{IdInPath, JsonBody, Query};

const WHAT: &str = "space";

/// Lists the spaces in which the caller holds a role; for the operator, all.
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
        listed_guids(organization_guids.as_deref()),
    );
    let all = app.tenancy.spaces().await?;
    let visible = all
        .into_iter()
        .filter(|one| principal.knows_space(one.id, one.account));
    Ok(Json(List {
        resources: visible
            .filter(|one| by_name(&one.name) && by_organization(&one.organization.to_string()))
            .map(wire)
            .collect(),
    }))
}

/// Creates a space in an organization whose account the caller owns.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    JsonBody(SpaceCreate {
        name,
        relationships,
    }): JsonBody<SpaceCreate>,
) -> Result<(StatusCode, Json<Space>), ApiError> {
    let organization = relationships
        .organization
        .ok_or_else(|| ApiError::bad_request("relationships.organization is missing"))?;
    let id = organization.data.guid.parse().ok();
    let organization = organizations::known(&app, &principal, id).await?;
    principal.must_own(organization.account, true, "organization")?;
    let now = app.clock.now();
    let tenancy = principal.tenancy(&app);
    let made = tenancy.create_space(organization.id, &name, now).await?;
    principal.uses(&app, made.account).await;
    let act = about(Action::CreateSpace, &principal, &made);
    app.audit.record(act).await;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

/// Shows a space that the caller may know of.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    principal: Principal,
    id: IdInPath<SpaceId>,
) -> Result<Json<Space>, ApiError> {
    known(&app, &principal, id).await.map(wire).map(Json)
}

/// Deletes a space, for an owner of its account. Its events stay with the account unless the request deletes them too.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    id: IdInPath<SpaceId>,
    Query(SpaceDelete {
        with_events,
        dry_run,
    }): Query<SpaceDelete>,
) -> Result<Json<SpaceDeleted>, ApiError> {
    let space = known(&app, &principal, id).await?;
    principal.must_own(space.account, true, WHAT)?;
    let with_events = with_events.unwrap_or(false);
    let (done, held) = if dry_run.unwrap_or(false) {
        let held = app.store.space_holds(space.id).await?;
        let act = Act::new(
            Action::ReadEvents,
            principal.actor(),
            Domain::Space(space.id),
        );
        app.audit.read(act).await?;
        ("Nothing was deleted", held)
    } else {
        let events = if with_events {
            EventsOfSpace::Go
        } else {
            EventsOfSpace::Stay
        };
        let warrant = principal.warrant(&app);
        let requester = principal.requester("", "", &warrant);
        let (held, failed) = match app.store.delete_space(space.id, requester, events).await {
            Err(StoreError::Partly { done, rest }) => (
                done,
                Some(ApiError::from(StoreError::Partly { done, rest })),
            ),
            held => (held?, None),
        };
        principal.uses(&app, space.account).await;
        let mut act = about(Action::DeleteSpace, &principal, &space)
            .with("withEvents", with_events)
            .with("events", held.count)
            .with("bytes", held.size_bytes);
        if held.is_owed {
            act = act.with("erasure", "goes on");
        }
        if let Some(failed) = failed {
            // The events are deleted, but the space still exists.
            app.audit.record(act.answered(failed.code().status())).await;
            return Err(failed);
        }
        app.audit.record(act).await;
        ("Delete space success", held)
    };
    Ok(Json(SpaceDeleted {
        message: done.to_owned(),
        events: held.count,
        size: held.size_bytes,
        with_events,
    }))
}

/// Returns the space, if the caller may know of it.
async fn known(
    app: &App,
    principal: &Principal,
    id: IdInPath<SpaceId>,
) -> Result<atrail_store::Space, ApiError> {
    let unknown = || ApiError::not_found(WHAT);
    match app.tenancy.space(id.of(WHAT)?).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown()),
        Ok(found) if !principal.knows_space(found.id, found.account) => Err(unknown()),
        found => Ok(found?),
    }
}

fn about(action: Action, principal: &Principal, space: &atrail_store::Space) -> Act {
    Act::new(action, principal.actor(), Domain::Account(space.account))
        .to(Thing::project(&space.id, &space.name))
}

fn wire(space: atrail_store::Space) -> Space {
    let atrail_store::Space {
        id,
        organization,
        account,
        name,
    } = space;
    Space {
        guid: id.to_string(),
        name,
        relationships: Relationships {
            organization: Some(Relation::to(organization)),
            account: Some(Relation::to(account)),
        },
    }
}

//! Builds a client with a target from the settings.

use atrail_api::{List, NamesQuery, Organization, Space, paths};

use super::target::Target;
use super::{Auth, Call, Client, Kind, Server, meant, nearest, only, read_secret};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::Named;
use crate::trusted_keys;

/// Returns a client for the settings' server and target; `needs_space` requires a targeted space.
pub(crate) async fn connect(settings: &Settings, needs_space: bool) -> Result<Client> {
    // An endpoint and a key from the environment need no login; the target may still come from a context.
    let stateless =
        settings.environment.endpoint.is_some() && settings.environment.api_key_file.is_some();
    let context = match settings.context() {
        Err(_) if stateless && settings.context_name.is_none() => None,
        found => found?,
    };
    let endpoint = settings.endpoint(context.as_ref().map(|(_, context)| context))?;
    let context = settings.used(context)?;
    let trust = settings.trust(context.as_ref().map(|(_, context)| context));
    trust.warn(&settings.printer);
    let auth = match (settings.api_key_file(), &context) {
        (Some(file), _) => Auth::api_key(read_secret(file)?),
        (None, Some((name, _))) => Auth::context(settings.state.clone(), name.clone()),
        (None, None) => return Err(CliError::not_logged_in()),
    };
    let known = trusted_keys::known_keys(settings, &endpoint, context.as_ref().map(|(_, c)| c))?;
    let mut client = Client::new(Server::new(endpoint, &trust, known)?, auth);
    if let Some((_, context)) = context {
        client.target = Target {
            account: context.account,
            organization: context.organization,
            space: context.space,
        };
    }
    apply_environment(settings, &mut client).await?;
    if needs_space && client.target.space.is_none() {
        let organization = client.target.organization.as_ref();
        let lone = lone_space(&client, organization.map(|one| one.guid.clone())).await?;
        client.target.space = lone.map(|space| named(&space.guid, &space.name));
    }
    if needs_space && client.target.space.is_none() {
        return Err(CliError::usage("no space is targeted")
            .hint("`atrail target -o ORG -s SPACE`, or set ATRAIL_ORG and ATRAIL_SPACE"));
    }
    Ok(client)
}

/// Returns the space of a user who may use only one, in this organization if one is given: nothing else can be meant.
pub(crate) async fn lone_space(
    client: &Client,
    organization: Option<String>,
) -> Result<Option<Space>> {
    let query = NamesQuery {
        names: None,
        organization_guids: organization,
    };
    let all: List<Space> = client.json(Call::get(paths::SPACES).query(&query)?).await?;
    let mut spaces = all.resources.into_iter();
    Ok(spaces.next().filter(|_| spaces.next().is_none()))
}

async fn apply_environment(settings: &Settings, client: &mut Client) -> Result<()> {
    let by_flag = settings.is_context_by_flag();
    let is_set = |named: &Option<Named>| by_flag && named.is_some();
    let organization = settings.environment.org.as_ref();
    let space = settings.environment.space.as_ref();
    let space = space.filter(|_| !is_set(&client.target.space));
    if let Some(name) = organization.filter(|_| !is_set(&client.target.organization)) {
        let organization = find_organization(client, name).await?;
        client.target = Target {
            account: None,
            organization: Some(named(&organization.guid, &organization.name)),
            space: None,
        };
    }
    if let Some(name) = space {
        let organization = client.target.organization.as_ref();
        let guid = organization.map(|organization| organization.guid.clone());
        let space = find_space(client, guid.as_deref(), name).await?;
        client.target.space = Some(named(&space.guid, &space.name));
    }
    Ok(())
}

/// Returns the organization with this name or GUID; of several with the name, the one in the targeted account.
pub(crate) async fn find_organization(client: &Client, name: &str) -> Result<Organization> {
    let all: List<Organization> = client.json(Call::get(paths::ORGANIZATIONS)).await?;
    let found = meant(
        all.resources,
        name,
        |one| one.guid.clone(),
        |one| one.name.clone(),
    );
    let found = nearest(found, &client.target.places(), |one, place| {
        one.relationships.names(place)
    });
    only(found, Kind::ORGANIZATION, name)
}

/// Returns the space with this name or GUID, in this organization if one is given; of several with the name, the one in the
/// targeted organization, else in the targeted account.
pub(crate) async fn find_space(
    client: &Client,
    organization: Option<&str>,
    name: &str,
) -> Result<Space> {
    let query = NamesQuery {
        names: None,
        organization_guids: organization.map(str::to_owned),
    };
    let all: List<Space> = client.json(Call::get(paths::SPACES).query(&query)?).await?;
    let found = meant(
        all.resources,
        name,
        |one| one.guid.clone(),
        |one| one.name.clone(),
    );
    let found = nearest(found, &client.target.places(), |one, place| {
        one.relationships.names(place)
    });
    only(found, Kind::SPACE, name)
}

/// Pairs a GUID with a name.
pub(crate) fn named(guid: &str, name: &str) -> Named {
    Named {
        guid: guid.to_owned(),
        name: name.to_owned(),
    }
}

//! `atrail target`: chooses the organization and space that commands apply to.

use atrail_api::{Account, List, Organization, paths};
use serde_json::json;

use crate::client::{
    Call, Client, Kind, connect, find_organization, find_space, lone_space, meant, named, only,
};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::{Context, Named};

/// Choose organization and space, or show them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail target -o default -s default\n  atrail target")]
pub(crate) struct Args {
    /// Account, by name or GUID, that `-a` applies to when you have rights in several
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    aim: Aim,
}

/// The flags that choose a target.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Aim {
    /// Organization, by name or GUID
    #[arg(
        short = 'o',
        long = "organization",
        visible_alias = "org",
        value_name = "ORG"
    )]
    organization: Option<String>,
    /// Space of that organization, or of the targeted one
    #[arg(short, long, value_name = "SPACE")]
    space: Option<String>,
}

impl Aim {
    /// Returns whether any of them was given.
    pub(crate) const fn is_given(&self) -> bool {
        self.organization.is_some() || self.space.is_some()
    }
}

/// Sets the given parts, then shows the target.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let Some((name, mut context)) = settings.context()? else {
        return Err(CliError::not_logged_in());
    };
    if args.account.is_some() || args.aim.is_given() {
        let mut client = connect(settings, false).await?;
        if client.server.endpoint.to_string() != context.endpoint {
            return Err(CliError::usage(format!(
                "the context {name} is of {}, and ATRAIL_ENDPOINT names {}",
                context.endpoint, client.server.endpoint
            ))
            .hint("unset ATRAIL_ENDPOINT, or set ATRAIL_ORG and ATRAIL_SPACE for that server"));
        }
        if let Some(wanted) = &args.account {
            context.account = Some(find_account(&client, wanted).await?);
            (context.organization, context.space) = (None, None);
            // A name means one in this account from here on.
            client.target.account.clone_from(&context.account);
            client.target.organization = None;
        }
        context = set(settings, &client, &args.aim, &name, context).await?;
    }
    show(settings, &name, &context)
}

/// Chooses a context's target; returns the changed context.
pub(super) async fn set(
    settings: &Settings,
    client: &Client,
    aim: &Aim,
    name: &str,
    mut context: Context,
) -> Result<Context> {
    choose(client, aim, &mut context).await?;
    let Context {
        account,
        organization,
        space,
        ..
    } = context.clone();
    settings.state.update(|config| {
        // Keep the other changes that another process may have made.
        if let Some(kept) = config.contexts.get_mut(name) {
            (kept.account, kept.organization, kept.space) = (account, organization, space);
        }
        Ok(())
    })?;
    Ok(context)
}

/// Targets the only space that the user may use, with its organization and account, in a context that targets nothing.
/// Returns the changed context; `None` when there is no such space.
pub(super) async fn set_lone(
    settings: &Settings,
    client: &Client,
    name: &str,
    context: Context,
) -> Result<Option<Context>> {
    if context.organization.is_some() || context.space.is_some() || context.account.is_some() {
        return Ok(None);
    }
    let Some(space) = lone_space(client, None).await? else {
        return Ok(None);
    };
    let Some(organization) = space.relationships.organization else {
        return Ok(None);
    };
    let aim = Aim {
        organization: Some(organization.data.guid),
        space: Some(space.guid),
    };
    set(settings, client, &aim, name, context).await.map(Some)
}

async fn choose(client: &Client, aim: &Aim, context: &mut Context) -> Result<()> {
    if let Some(wanted) = &aim.organization {
        let organization = find_organization(client, wanted).await?;
        context.account = account_of(client, &organization).await;
        context.organization = Some(named(&organization.guid, &organization.name));
        context.space = None;
    }
    if let Some(wanted) = &aim.space {
        let organization = context.organization.as_ref().ok_or_else(|| {
            CliError::usage("missing: -o ORG").hint("no organization is targeted yet")
        })?;
        let space = find_space(client, Some(&organization.guid), wanted).await?;
        context.space = Some(named(&space.guid, &space.name));
    }
    Ok(())
}

/// Returns the account with this GUID or, if there is none, this name.
async fn find_account(client: &Client, wanted: &str) -> Result<Named> {
    let accounts: List<Account> = client.json(Call::get(paths::ACCOUNTS)).await?;
    let all = accounts.resources;
    let found = meant(all, wanted, |one| one.guid.clone(), |one| one.name.clone());
    let found = only(found, Kind::ACCOUNT, wanted)?;
    Ok(named(&found.guid, &found.name))
}

/// Returns the account of an organization. A user who may not list accounts sees its GUID in place of its name.
async fn account_of(client: &Client, organization: &Organization) -> Option<Named> {
    let guid = organization.relationships.account.clone()?.data.guid;
    let accounts: List<Account> = client
        .json(Call::get(paths::ACCOUNTS))
        .await
        .unwrap_or(List { resources: vec![] });
    let found = accounts.resources.into_iter().find(|a| a.guid == guid);
    Some(Named {
        name: found.map_or_else(|| guid.clone(), |account| account.name),
        guid,
    })
}

fn show(settings: &Settings, name: &str, context: &Context) -> Result<()> {
    let shown = |named: &Option<Named>| {
        named
            .as_ref()
            .map_or_else(|| "-".to_owned(), |named| named.name.clone())
    };
    let is_logged_in = settings.state.is_logged_in(name)?;
    if !is_logged_in {
        let command = settings.login_command();
        settings
            .printer
            .note(&format!("Not logged in: `{command}` logs in"));
    }
    let user = Some(&context.user).filter(|_| is_logged_in);
    let rows = [
        ("region", context.region.clone()),
        ("account", shown(&context.account)),
        ("user", user.map_or_else(|| "-".to_owned(), String::clone)),
        ("org", shown(&context.organization)),
        ("space", shown(&context.space)),
        ("endpoint", context.endpoint.clone()),
        ("context", name.to_owned()),
    ];
    let thing = json!({
        "region": context.region, "account": context.account, "user": user,
        "org": context.organization, "space": context.space,
        "endpoint": context.endpoint, "context": name,
    });
    settings.printer.properties(&rows, &thing)
}

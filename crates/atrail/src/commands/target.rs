//! `atrail target`: the organization and space that commands are about.

use atrail_api::{Account, List, Organization, paths};
use serde_json::json;

use crate::client::{Call, Client, connect, find_organization, find_space, named};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::{Context, Named};

/// Choose organization and space, or show them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail target -o default -s default\n  atrail target")]
pub(crate) struct Args {
    /// Account, by name or GUID: what `-a` is about for those who may do the same in several
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
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

/// Sets what is given, then shows the target.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let Some((name, mut context)) = settings.context()? else {
        return Err(CliError::not_logged_in());
    };
    if args.account.is_some() || args.organization.is_some() || args.space.is_some() {
        let client = connect(settings, false).await?;
        if client.endpoint.to_string() != context.endpoint {
            return Err(CliError::usage(format!(
                "the context {name} is of {}, and ATRAIL_ENDPOINT names {}",
                context.endpoint, client.endpoint
            ))
            .hint("unset ATRAIL_ENDPOINT, or set ATRAIL_ORG and ATRAIL_SPACE for that server"));
        }
        choose(&client, &args, &mut context).await?;
        settings.state.update(|config| {
            config.contexts.insert(name.clone(), context.clone());
            Ok(())
        })?;
    }
    show(settings, &name, &context)
}

async fn choose(client: &Client, args: &Args, context: &mut Context) -> Result<()> {
    if let Some(wanted) = &args.account {
        context.account = Some(find_account(client, wanted).await?);
        context.organization = None;
        context.space = None;
    }
    if let Some(wanted) = &args.organization {
        let organization = find_organization(client, wanted).await?;
        context.account = account_of(client, &organization).await;
        context.organization = Some(named(&organization.guid, &organization.name));
        context.space = None;
    }
    if let Some(wanted) = &args.space {
        let organization = context.organization.as_ref().ok_or_else(|| {
            CliError::usage("missing: -o ORG").hint("no organization is targeted yet")
        })?;
        let space = find_space(client, Some(&organization.guid), wanted).await?;
        context.space = Some(named(&space.guid, &space.name));
    }
    Ok(())
}

/// The account with this GUID or, if there is none, this name.
async fn find_account(client: &Client, wanted: &str) -> Result<Named> {
    let accounts: List<Account> = client.json(Call::get(paths::ACCOUNTS)).await?;
    let all = accounts.resources;
    let by_guid = all.iter().find(|one| one.guid.eq_ignore_ascii_case(wanted));
    let found = by_guid.or_else(|| all.iter().find(|one| one.name == wanted));
    let found = found.ok_or_else(|| {
        CliError::failed(format!("there is no account {wanted:?} that you may see"))
            .hint("`atrail admin account list` shows them")
    })?;
    Ok(named(&found.guid, &found.name))
}

/// The account of an organization. Its name is shown to those who may list accounts; to others, its GUID.
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
    let rows = [
        ("region", context.region.clone()),
        ("account", shown(&context.account)),
        ("user", context.user.clone()),
        ("org", shown(&context.organization)),
        ("space", shown(&context.space)),
        ("endpoint", context.endpoint.clone()),
        ("context", name.to_owned()),
    ];
    let thing = json!({
        "region": context.region, "account": context.account, "user": context.user,
        "org": context.organization, "space": context.space,
        "endpoint": context.endpoint, "context": name,
    });
    settings.printer.properties(&rows, &thing)
}

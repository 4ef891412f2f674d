//! `atrail admin role`.

use atrail_api::{Role, RoleGrant, paths};

use super::{create, delete, find_account, list};
use crate::client::{Client, find_space};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Grant, list and revoke roles
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin role list")]
pub(crate) enum Command {
    /// Grant a role: owner of an account, or developer of a space
    #[command(
        after_help = "Example:\n  atrail admin role create --user alice --role developer --space dev\n  \
        atrail admin role create --user bob --role owner --account acme"
    )]
    Create(Holding),
    /// Take a role away
    #[command(visible_alias = "delete")]
    #[command(
        after_help = "Example:\n  atrail admin role revoke --user alice --role developer --space dev"
    )]
    Revoke(Holding),
    /// List roles
    #[command(after_help = "Example:\n  atrail admin role list")]
    List,
}

/// Who holds what, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Holding {
    /// Name of the user
    #[arg(long)]
    user: String,
    /// owner, or developer
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// The account that it holds for, by name or GUID
    #[arg(long, conflicts_with = "space")]
    account: Option<String>,
    /// The space that it holds for, by name or GUID
    #[arg(long)]
    space: Option<String>,
}

const NAMES: &[&str] = &["user", "role", "account", "space"];

fn show(grant: &RoleGrant) -> Vec<String> {
    vec![
        grant.user.clone(),
        word(grant.role),
        grant.account.clone().unwrap_or_default(),
        grant.space.clone().unwrap_or_default(),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create(holding) => {
            let grant = grant(client, holding).await?;
            create(settings, client, paths::ROLES, &grant, NAMES, show).await
        }
        Command::Revoke(holding) => {
            let grant = grant(client, holding).await?;
            delete(settings, client, paths::ROLES, &grant).await
        }
        Command::List => list(settings, client, paths::ROLES, NAMES, show).await,
    }
}

async fn grant(client: &Client, holding: Holding) -> Result<RoleGrant> {
    let Holding {
        user,
        role,
        account,
        space,
    } = holding;
    let (account, space) = place(client, account, space).await?;
    Ok(RoleGrant {
        user,
        role,
        account,
        space,
    })
}

/// GUIDs of the account or the space; exactly one of them.
async fn place(
    client: &Client,
    account: Option<String>,
    space: Option<String>,
) -> Result<(Option<String>, Option<String>)> {
    if let Some(name) = space {
        let organization = client.target.organization.as_ref();
        let guid = organization.map(|organization| organization.guid.as_str());
        return Ok((None, Some(find_space(client, guid, &name).await?.guid)));
    }
    let Some(name) = account else {
        return Err(CliError::usage(
            "missing: --account ACCOUNT, or --space SPACE",
        ));
    };
    Ok((Some(find_account(client, Some(&name)).await?), None))
}

/// The words are the wire's.
fn parse_role(text: &str) -> Result<Role, String> {
    serde_json::from_value(text.into()).map_err(|_| "expected owner or developer".to_owned())
}

fn word(role: Role) -> String {
    let word = serde_json::to_value(role).ok();
    word.and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

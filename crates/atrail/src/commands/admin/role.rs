//! `atrail admin role`.

use atrail_api::{HeldRole, Invitation, Role, RoleGrant, paths};

use super::verbs::{delete, find_account, list, print};
use crate::client::{Call, Client, find_space, is_guid};
use crate::commands::consent::Consent;
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Grant, list, show and revoke roles
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin role list")]
pub(crate) enum Command {
    /// Grant a role: owner, auditor or writer of an account; developer, auditor or writer of a space
    ///
    /// A user who holds no role in the account is invited: see `atrail admin invitation`. A grant by the server's
    /// operator takes effect at once.
    #[command(
        after_help = "Example:\n  atrail admin role create --user alice --role developer --space dev\n  \
        atrail admin role create --user bob --role auditor --account acme"
    )]
    Create(Holding),
    /// Show the roles of one user
    #[command(after_help = "Example:\n  atrail admin role show alice")]
    Show {
        /// Name of the user
        user: String,
    },
    /// Revoke a role; it ends within seconds, also for requests in progress
    #[command(visible_alias = "revoke")]
    #[command(
        after_help = "Example:\n  atrail admin role delete --user alice --role developer --space dev"
    )]
    Delete {
        #[command(flatten)]
        holding: Holding,
        #[command(flatten)]
        consent: Consent,
    },
    /// List roles
    #[command(after_help = "Example:\n  atrail admin role list")]
    List,
}

/// A role, its user, and its account or space.
#[derive(Debug, clap::Args)]
pub(crate) struct Holding {
    /// Name of the user
    #[arg(long)]
    user: String,
    /// owner, developer, auditor or writer
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// The account that the role applies to, by name or GUID
    #[arg(long, conflicts_with = "space")]
    account: Option<String>,
    /// The space that the role applies to, by name or GUID
    #[arg(long)]
    space: Option<String>,
}

pub(super) const NAMES: &[&str] = &["user", "role", "account", "space"];
const LISTED: &[&str] = &["user", "role", "account", "space", "claimed"];

pub(super) fn show(grant: &RoleGrant) -> Vec<String> {
    vec![
        grant.user.clone(),
        grant.role.word().to_owned(),
        grant.account.clone().unwrap_or_default(),
        grant.space.clone().unwrap_or_default(),
    ]
}

fn cells(held: &HeldRole) -> Vec<String> {
    vec![
        held.user.clone(),
        held.role.word().to_owned(),
        held.account.clone().unwrap_or_default(),
        held.space.clone().unwrap_or_default(),
        held.claimed.to_string(),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create(holding) => {
            let grant = grant(client, holding).await?;
            give(settings, client, &grant).await
        }
        Command::Delete { holding, consent } => {
            let (user, role) = (holding.user.clone(), holding.role.word());
            let place = holding.space.as_ref().map(|space| format!("space {space}"));
            let account = holding.account.clone().unwrap_or_default();
            let place = place.unwrap_or_else(|| format!("account {account}"));
            let grant = grant(client, holding).await?;
            let question = format!("{user} loses the role {role} of {place}. Delete it?");
            delete(settings, client, paths::ROLES, &grant, (consent, &question)).await
        }
        Command::List => {
            list(
                settings,
                client,
                Call::get(paths::ROLES),
                LISTED,
                cells,
                |_| true,
            )
            .await
        }
        Command::Show { user } => {
            let is_wanted = |held: &HeldRole| held.user == user;
            list(
                settings,
                client,
                Call::get(paths::ROLES),
                LISTED,
                cells,
                is_wanted,
            )
            .await
        }
    }
}

/// Grants a role, or offers it to a user who holds none in the account, and reports which.
async fn give(settings: &Settings, client: &Client, grant: &RoleGrant) -> Result<()> {
    let given: Given = client.json(Call::post(paths::ROLES).json(grant)?).await?;
    match given {
        Given::Offered(invitation) => {
            let names = [
                "invitation",
                "user",
                "role",
                "account",
                "space",
                "expire-time",
            ];
            let cells = vec![
                invitation.id.clone(),
                invitation.user.clone(),
                invitation.role.word().to_owned(),
                invitation.account_name.clone(),
                invitation.space.clone().unwrap_or_default(),
                invitation.expire_time.clone(),
            ];
            settings.printer.note(&format!(
                "{} holds no role in the account yet: the role is theirs once they, or the server's operator for them, \
                 accept it with `atrail admin invitation accept {}`",
                invitation.user, invitation.id
            ));
            print(settings, client, &names, cells, &invitation).await
        }
        Given::Held(held) => print(settings, client, NAMES, show(&held), &held).await,
    }
}

/// The two answers to a grant. An invitation has an id.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Given {
    Offered(Invitation),
    Held(RoleGrant),
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

/// Returns the GUID of the account or of the space; exactly one of them is present.
pub(super) async fn place(
    client: &Client,
    account: Option<String>,
    space: Option<String>,
) -> Result<(Option<String>, Option<String>)> {
    if let Some(name) = space {
        let organization = client.target.organization.as_ref();
        let guid = organization.map(|organization| organization.guid.as_str());
        // A GUID finds a space anywhere; a name finds one in the targeted organization.
        let guid = guid.filter(|_| !is_guid(&name));
        return Ok((None, Some(find_space(client, guid, &name).await?.guid)));
    }
    let Some(name) = account else {
        return Err(CliError::usage(
            "missing: --account ACCOUNT, or --space SPACE",
        ));
    };
    Ok((Some(find_account(client, Some(&name)).await?), None))
}

fn parse_role(text: &str) -> Result<Role, String> {
    let mut roles = Role::ALL.into_iter();
    roles
        .find(|role| role.word() == text)
        .ok_or_else(|| "expected owner, developer, auditor or writer".to_owned())
}

//! `atrail admin invitation`.

use atrail_api::{Invitation, RoleGrant, paths};

use super::verbs::{create, delete, list};
use crate::client::{Call, Client};
use crate::error::Result;
use crate::settings::Settings;

/// List, accept, decline and withdraw invitations
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "A role for a user who holds none in the account is an invitation until that user accepts it.\n\n\
    Example:\n  atrail admin invitation list"
)]
pub(crate) enum Command {
    /// List your invitations, and those to the accounts that you own
    #[command(after_help = "Example:\n  atrail admin invitation list")]
    List,
    /// Accept a role that was offered to you; as operator, for somebody else
    #[command(
        after_help = "Example:\n  atrail admin invitation accept 2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f"
    )]
    Accept {
        /// Its id
        id: String,
    },
    /// Decline a role that was offered to you; atrail does not notify the owner who offered it
    #[command(
        after_help = "Example:\n  atrail admin invitation decline 2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f"
    )]
    Decline {
        /// Its id
        id: String,
    },
    /// Withdraw an invitation to an account that you own
    #[command(visible_alias = "delete")]
    #[command(
        after_help = "Example:\n  atrail admin invitation withdraw 2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f"
    )]
    Withdraw {
        /// Its id
        id: String,
    },
}

const LISTED: &[&str] = &["id", "user", "role", "account", "space", "expire-time"];

fn cells(invitation: &Invitation) -> Vec<String> {
    vec![
        invitation.id.clone(),
        invitation.user.clone(),
        invitation.role.word().to_owned(),
        invitation.account_name.clone(),
        invitation.space.clone().unwrap_or_default(),
        invitation.expire_time.clone(),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::List => {
            let call = Call::get(paths::INVITATIONS);
            list(settings, client, call, LISTED, cells, |_| true).await
        }
        Command::Accept { id } => {
            let nothing = serde_json::json!({});
            let (names, held) = (super::role::NAMES, super::role::show);
            create::<RoleGrant>(settings, client, &path(&id), &nothing, names, held).await
        }
        Command::Decline { id } | Command::Withdraw { id } => {
            let nothing = serde_json::json!({});
            delete(settings, client, &path(&id), &nothing).await
        }
    }
}

/// Returns the path of an invitation; a malformed id stays within its segment of the path.
fn path(id: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let id: String = id.chars().filter(|letter| is_plain(*letter)).collect();
    format!("{}/{id}", paths::INVITATIONS)
}

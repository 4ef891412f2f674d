//! `atrail admin invitation`.

use atrail_api::{Invitation, List, RoleGrant, paths};

use super::verbs::{create, delete, list};
use crate::client::{Call, Client, Kind, is_guid, meant, only};
use crate::commands::consent::Consent;
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
        /// Its id, or the beginning of it
        id: String,
    },
    /// Decline a role that was offered to you; atrail does not notify the owner who offered it
    #[command(
        after_help = "Example:\n  atrail admin invitation decline 2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f"
    )]
    Decline {
        /// Its id, or the beginning of it
        id: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Withdraw an invitation to an account that you own
    #[command(visible_alias = "delete")]
    #[command(
        after_help = "Example:\n  atrail admin invitation withdraw 2088a07e-3c5b-4b9c-9f39-0a1b2c3d4e5f"
    )]
    Withdraw {
        /// Its id, or the beginning of it
        id: String,
        #[command(flatten)]
        consent: Consent,
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
            let id = whole_id(client, id).await?;
            create::<RoleGrant>(settings, client, &path(&id), &nothing, names, held).await
        }
        Command::Decline { id, consent } | Command::Withdraw { id, consent } => {
            let nothing = serde_json::json!({});
            let id = whole_id(client, id).await?;
            let question = format!("invitation {id} ends. Delete it?");
            delete(settings, client, &path(&id), &nothing, (consent, &question)).await
        }
    }
}

/// Returns the id of the invitation that the word means. The server refuses a whole id that it does not know.
async fn whole_id(client: &Client, word: String) -> Result<String> {
    if is_guid(&word) {
        return Ok(word);
    }
    let all: List<Invitation> = client.json(Call::get(paths::INVITATIONS)).await?;
    let found = meant(
        all.resources,
        &word,
        |one| one.id.clone(),
        |_| String::new(),
    );
    only(found, Kind::new("invitation", "invitation"), &word).map(|one| one.id)
}

/// Returns the path of an invitation; a malformed id stays within its segment of the path.
fn path(id: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let id: String = id.chars().filter(|letter| is_plain(*letter)).collect();
    format!("{}/{id}", paths::INVITATIONS)
}

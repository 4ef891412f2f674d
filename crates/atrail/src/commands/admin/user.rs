//! `atrail admin user`.

use atrail_api::{User, UserCreate, paths};

use super::verbs::{create, delete_found, list, show};
use crate::client::{Call, Client};
use crate::commands::consent::Consent;
use crate::commands::secret;
use crate::error::Result;
use crate::settings::Settings;

/// Make, list, show and delete users
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin user list")]
pub(crate) enum Command {
    /// Make a user; asks for the first password
    #[command(
        after_help = "Example:\n  atrail admin user create alice --password-stdin <password.txt\n  \
        atrail admin user create collector --no-password"
    )]
    Create {
        /// Unique on the server
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// A service user, without a password: it uses API keys that an owner makes for it
        #[arg(long, conflicts_with_all = ["password_stdin", "operator"])]
        no_password: bool,
        /// The user manages accounts and users
        #[arg(long)]
        operator: bool,
    },
    /// List users
    #[command(after_help = "Example:\n  atrail admin user list")]
    List,
    /// Show one
    #[command(after_help = "Example:\n  atrail admin user show alice")]
    Show {
        /// Its name or GUID
        name: String,
    },
    /// Delete a user with all keys, roles, logins and sessions
    #[command(after_help = "Example:\n  atrail admin user delete alice --yes")]
    Delete {
        /// Its name or GUID
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

const NAMES: &[&str] = &["guid", "name", "operator"];

fn cells(user: &User) -> Vec<String> {
    vec![
        user.guid.clone(),
        user.name.clone(),
        user.operator.to_string(),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create {
            name,
            password_stdin,
            no_password,
            operator,
        } => {
            let password = if no_password {
                None
            } else if password_stdin {
                Some(secret::from_stdin().await?)
            } else {
                Some(secret::ask_new(settings, "--password-stdin").await?)
            };
            let body = UserCreate {
                name,
                password,
                operator,
            };
            create(settings, client, paths::USERS, &body, NAMES, cells).await
        }
        Command::List => {
            list(
                settings,
                client,
                Call::get(paths::USERS),
                NAMES,
                cells,
                |_| true,
            )
            .await
        }
        Command::Show { name } => show(settings, client, paths::USERS, &name, NAMES, cells).await,
        Command::Delete { name, consent } => {
            let wanted = (name.as_str(), consent);
            let fate = " with all keys, roles, logins and sessions";
            delete_found(settings, client, paths::USERS, wanted, fate, cells).await
        }
    }
}

//! `atrail admin`: manages accounts, organizations, spaces, users, roles and API keys over HTTP, and maintains a data
//! directory.

mod account;
mod api_key;
#[cfg(feature = "server")]
mod backup;
mod expiry;
mod index;
mod ingest_key;
mod invitation;
#[cfg(all(feature = "server", feature = "cluster"))]
mod migrate;
mod org;
#[cfg(feature = "server")]
mod recover;
mod retention;
mod role;
mod rotate_key;
#[cfg(feature = "server")]
mod scrub;
mod space;
mod span;
mod token_key;
mod user;
mod verbs;

use crate::client::connect;
use crate::error::Result;
use crate::settings::Settings;

/// Manage accounts, organizations, spaces, users, roles, keys and a server's data
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  atrail admin user create alice --password-stdin <password.txt\n  \
    atrail admin role create --user alice --role developer --space dev"
)]
pub(crate) enum Command {
    #[command(subcommand)]
    Account(account::Command),
    #[command(subcommand)]
    Org(org::Command),
    #[command(subcommand)]
    Space(space::Command),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Role(role::Command),
    #[command(subcommand)]
    Invitation(invitation::Command),
    #[command(subcommand)]
    ApiKey(api_key::Command),
    #[command(subcommand)]
    IngestKey(ingest_key::Command),
    #[command(subcommand)]
    TokenKey(token_key::Command),
    #[command(subcommand)]
    Retention(retention::Command),
    #[command(subcommand)]
    Index(index::Command),
    #[cfg(feature = "server")]
    Scrub(scrub::Args),
    #[cfg(feature = "server")]
    Backup(backup::Args),
    #[cfg(feature = "server")]
    Recover(recover::Args),
    #[cfg(all(feature = "server", feature = "cluster"))]
    Migrate(migrate::Args),
    RotateKey(rotate_key::Args),
}

/// Runs the command.
pub(crate) async fn run(settings: &Settings, command: Command) -> Result<()> {
    let client = async || connect(settings, false).await;
    match command {
        Command::Account(command) => account::run(settings, &client().await?, command).await,
        Command::Org(command) => org::run(settings, &client().await?, command).await,
        Command::Space(command) => space::run(settings, &client().await?, command).await,
        Command::User(command) => user::run(settings, &client().await?, command).await,
        Command::Role(command) => role::run(settings, &client().await?, command).await,
        Command::Invitation(command) => invitation::run(settings, &client().await?, command).await,
        Command::ApiKey(command) => api_key::run(settings, &client().await?, command).await,
        Command::IngestKey(command) => ingest_key::run(settings, &client().await?, command).await,
        Command::TokenKey(command) => token_key::run(settings, &client().await?, command).await,
        Command::Retention(command) => retention::run(settings, &client().await?, command).await,
        Command::Index(command) => index::run(settings, &client().await?, command).await,
        // These commands work on a directory of this machine and call no server.
        #[cfg(feature = "server")]
        Command::Scrub(args) => scrub::run(settings, args).await,
        #[cfg(feature = "server")]
        Command::Backup(args) => backup::run(settings, args).await,
        #[cfg(feature = "server")]
        Command::Recover(args) => recover::run(settings, args).await,
        #[cfg(all(feature = "server", feature = "cluster"))]
        Command::Migrate(args) => migrate::run(settings, args).await,
        Command::RotateKey(args) => rotate_key::run(settings, &client().await?, args).await,
    }
}

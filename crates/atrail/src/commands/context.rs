//! `atrail context`: the servers and users of earlier logins.

use serde_json::json;

use super::consent::Consent;
use super::logout::end_login;
use crate::error::{CliError, Result};
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;
use crate::state::Named;

/// List, choose and forget contexts: a server, a user and a target
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail context list")]
pub(crate) enum Command {
    /// List them; the current one has a star
    #[command(after_help = "Example:\n  atrail context list")]
    List,
    /// Make one current
    #[command(after_help = "Example:\n  atrail context use production")]
    Use {
        /// Its name
        name: String,
    },
    /// Forget a context and end its login; asks first at a terminal
    #[command(after_help = "Example:\n  atrail context delete staging")]
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

/// Runs the command; contacts the server only to end a login.
pub(crate) async fn run(settings: &Settings, command: Command) -> Result<()> {
    match command {
        Command::List => list(settings),
        Command::Use { name } => {
            settings.state.update(|config| {
                if !config.contexts.contains_key(&name) {
                    return Err(unknown(&name));
                }
                config.current = Some(name.clone());
                Ok(())
            })?;
            settings.printer.note(&format!("Using context {name}"));
            Ok(())
        }
        Command::Delete { name, consent } => {
            if settings.state.config()?.contexts.contains_key(&name) {
                let question =
                    format!("context {name} is forgotten, and its login ends. Delete it?");
                consent.ask(settings, &question).await?;
            }
            let context = settings.state.update(|config| {
                let removed = config.contexts.remove(&name);
                config.current.take_if(|current| *current == name);
                removed.ok_or_else(|| unknown(&name))
            })?;
            settings.state.forget_checkpoints(&name)?;
            settings.printer.note(&format!("Deleted context {name}"));
            end_login(settings, &name, &context).await.map(drop)
        }
    }
}

fn list(settings: &Settings) -> Result<()> {
    let config = settings.state.config()?;
    let names = [
        "Current",
        "Name",
        "Endpoint",
        "User",
        "Org",
        "Space",
        "Logged-in",
    ];
    let mut rows = Rows::new(Layout::Plain, names.map(Column::text).to_vec());
    for (name, context) in &config.contexts {
        let is_logged_in = settings.state.is_logged_in(name)?;
        let is_current = config.current.as_ref() == Some(name);
        let shown = |named: &Option<Named>| named.as_ref().map(|named| named.name.clone());
        rows.push(
            vec![
                if is_current { "*" } else { "" }.to_owned(),
                name.clone(),
                context.endpoint.clone(),
                context.user.clone(),
                shown(&context.organization).unwrap_or_default(),
                shown(&context.space).unwrap_or_default(),
                if is_logged_in { "yes" } else { "no" }.to_owned(),
            ],
            json!({
                "name": name, "current": is_current, "context": context, "logged_in": is_logged_in,
            }),
        );
    }
    rows.print(&settings.printer)
}

fn unknown(name: &str) -> CliError {
    CliError::failed(format!("there is no context {name:?}"))
        .hint("`atrail context list` shows them")
}

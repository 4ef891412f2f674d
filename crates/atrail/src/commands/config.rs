//! `atrail config show`: shows the client's settings and the origin of each.

use std::path::PathBuf;

use serde_json::json;

use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::{Origin, Settings};
use crate::state::{Context, Named};

/// Show the client's settings
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail config show --origin")]
pub(crate) enum Command {
    /// Show each setting; no secret is ever shown
    #[command(after_help = "Example:\n  atrail config show --origin")]
    Show {
        /// Show where each comes from
        #[arg(long)]
        origin: bool,
    },
}

/// Prints the settings; calls no server.
pub(crate) fn run(settings: &Settings, command: &Command) -> Result<()> {
    let Command::Show { origin } = command;
    let mut names = vec!["Name", "Value"];
    if *origin {
        names.push("Origin");
    }
    let columns = names.into_iter().map(Column::text).collect();
    let mut rows = Rows::new(Layout::Plain, columns);
    for (name, value, from) in values(settings)? {
        let mut row = vec![name.to_owned(), value.clone()];
        let mut thing = json!({ "name": name, "value": value });
        if *origin {
            row.push(from.describe());
            thing["origin"] = from.describe().into();
        }
        rows.push(row, thing);
    }
    rows.print(&settings.printer)
}

fn values(settings: &Settings) -> Result<Vec<(&'static str, String, Origin)>> {
    let context = settings.context()?;
    let (name, context) = match settings.used(context)? {
        Some((name, context)) => (Some(name), Some(context)),
        None => (None, None),
    };
    let name_origin = match &settings.context_name {
        Some((_, origin)) if name.is_some() => *origin,
        _ => Origin::Default,
    };
    let variables = &settings.environment;
    let key_file = settings.api_key_file();
    let stored = |get: fn(&Context) -> Option<&Named>| {
        let named = context.as_ref().and_then(get);
        named.map(|named| named.name.clone())
    };
    let endpoint = context.as_ref().map(|context| context.endpoint.clone());
    // Only the server knows which user a key belongs to.
    let is_logged_in = match &name {
        Some(name) => settings.state.is_logged_in(name)?,
        None => false,
    };
    let logged_in = context
        .as_ref()
        .filter(|_| key_file.is_none() && is_logged_in);
    let user = logged_in.map(|context| context.user.clone());
    let by_flag = settings.is_context_by_flag();
    // When the environment names an organization, the context's account and space do not apply to it.
    let has_other_org =
        variables.org.is_some() && !(by_flag && stored(|c| c.organization.as_ref()).is_some());
    let below_org = |named: Option<String>| named.filter(|_| !has_other_org);
    let pick =
        |variable: &Option<String>, variable_name, stored: Option<String>| match (variable, stored)
        {
            (Some(_), Some(value)) if by_flag => (value, Origin::Context),
            (Some(value), _) => (value.clone(), Origin::Environment(variable_name)),
            (None, Some(value)) => (value, Origin::Context),
            (None, None) => ("-".to_owned(), Origin::Default),
        };
    let trust = settings.trust(context.as_ref());
    // The variable counts before a context that a flag names, too.
    let verifier_key = match &variables.verifier_key {
        Some(key) => (key.clone(), Origin::Environment("ATRAIL_VKEY")),
        None => {
            let remembered = context.as_ref().and_then(|one| one.verifier_key.clone());
            pick(&None, "", remembered)
        }
    };
    let shown = |path: &PathBuf| path.display().to_string();
    let row = |name, (value, origin)| (name, value, origin);
    Ok(vec![
        (
            "context",
            name.unwrap_or_else(|| "-".to_owned()),
            name_origin,
        ),
        row(
            "endpoint",
            pick(&variables.endpoint, "ATRAIL_ENDPOINT", endpoint),
        ),
        row("user", pick(&None, "", user)),
        row(
            "account",
            pick(&None, "", below_org(stored(|c| c.account.as_ref()))),
        ),
        row(
            "org",
            pick(
                &variables.org,
                "ATRAIL_ORG",
                stored(|c| c.organization.as_ref()),
            ),
        ),
        row(
            "space",
            pick(
                &variables.space,
                "ATRAIL_SPACE",
                below_org(stored(|c| c.space.as_ref())),
            ),
        ),
        row(
            "api-key-file",
            pick(&key_file.map(shown), "ATRAIL_API_KEY_FILE", None),
        ),
        row(
            "ca-file",
            pick(
                &variables.ca_file.as_ref().map(shown),
                "ATRAIL_CA_FILE",
                context
                    .as_ref()
                    .and_then(|context| context.ca_file.as_ref())
                    .map(shown),
            ),
        ),
        row("verifier-key", verifier_key),
        (
            "skip-ssl-validation",
            trust.skip_ssl_validation.to_string(),
            if trust.skip_ssl_validation {
                Origin::Context
            } else {
                Origin::Default
            },
        ),
        (
            "state",
            settings.state.path().display().to_string(),
            Origin::Default,
        ),
    ])
}

//! `bx cf plugins`, `ibmcloud plugin list`: the only plugin, which is this program.

use serde::Serialize;

use crate::error::{CliError, Result};
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// The requested list or plugin.
#[derive(Debug)]
pub(crate) enum Command {
    /// Every plugin.
    List,
    /// One plugin, by the name in the list.
    Show(Which),
}

/// The plugin to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Its name, as `list` shows it
    name: String,
}

/// A plugin in JSON.
#[derive(Debug, Serialize)]
struct Plugin {
    name: &'static str,
    version: &'static str,
    command: &'static str,
    about: &'static str,
}

const ACTIVITY_TRACKER: Plugin = Plugin {
    name: "activity-tracker",
    version: env!("CARGO_PKG_VERSION"),
    command: "at",
    about: "The Activity Tracker: count, freeze, download, send and delete events",
};

/// Prints the plugin; calls no server.
pub(crate) fn run(settings: &Settings, command: &Command) -> Result<()> {
    let Plugin {
        name,
        version,
        command: word,
        about,
    } = ACTIVITY_TRACKER;
    match command {
        Command::List => {
            let names = ["Plugin Name", "Version", "Command Name", "Command Help"];
            let mut rows = Rows::new(Layout::Plain, names.map(Column::text).to_vec());
            let row = [name, version, word, about].map(str::to_owned);
            rows.push(row.to_vec(), ACTIVITY_TRACKER);
            rows.print(&settings.printer)
        }
        Command::Show(which) if is_named(&which.name) => settings.printer.properties(
            &[
                ("name", name.to_owned()),
                ("version", version.to_owned()),
                ("command", word.to_owned()),
                ("about", about.to_owned()),
            ],
            &ACTIVITY_TRACKER,
        ),
        Command::Show(which) => Err(CliError::failed(format!(
            "there is no plugin {:?}",
            which.name
        ))
        .hint(format!("the only plugin is called {name}"))),
    }
}

/// Returns whether the word names the plugin: by its name, its command, or the original's spelling `ActivityTracker`.
fn is_named(word: &str) -> bool {
    let plain = word.replace(['-', '_', ' '], "").to_lowercase();
    matches!(plain.as_str(), "activitytracker" | "at")
}

//! `atrail man`: writes the manual pages, one for each command.

use std::path::{Path, PathBuf};

use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::durable;
use crate::version;

/// Write the manual pages into a directory
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail man /usr/local/share/man/man1\n  man atrail-session-create"
)]
pub(crate) struct Args {
    /// Directory for the pages; created if it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes `atrail.1`, `atrail-status.1` and so on for this command line; calls no server.
pub(crate) fn run(settings: &Settings, args: &Args, line: clap::Command) -> Result<()> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir)
        .map_err(|error| CliError::file(format!("could not make {}", dir.display()), error))?;
    // A page must not change with each commit.
    let line = line.long_version(None::<&'static str>);
    let mut command = line.disable_help_subcommand(true);
    command.build();
    let count = write(&command, "atrail", dir)?;
    settings
        .printer
        .note(&format!("{count} pages written to {}", dir.display()));
    Ok(())
}

/// Writes the page of a command and those of its subcommands; returns how many.
fn write(command: &clap::Command, name: &str, dir: &Path) -> Result<u64> {
    let path = dir.join(format!("{name}.1"));
    let failed = |error| CliError::file(format!("could not write {}", path.display()), error);
    let mut page = Vec::new();
    // `man` finds a page by its name: `man atrail-session-create`.
    let shown = command.clone().display_name(name);
    clap_mangen::Man::new(shown)
        .title(name)
        .source(format!("atrail {}", version::SHORT))
        .manual("atrail manual")
        .render(&mut page)
        .map_err(failed)?;
    durable::replace_shared(&path, &page).map_err(failed)?;
    let mut count = 1;
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        count += write(inner, &format!("{name}-{}", inner.get_name()), dir)?;
    }
    Ok(count)
}

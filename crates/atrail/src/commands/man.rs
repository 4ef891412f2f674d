//! `atrail man`: writes the manual pages, one for each command.

mod sections;

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
    let count = write(&command, &["atrail"], dir)?;
    settings
        .printer
        .note(&format!("{count} pages written to {}", dir.display()));
    Ok(())
}

/// Writes the page of a command and those of its subcommands; returns how many.
fn write(command: &clap::Command, words: &[&str], dir: &Path) -> Result<u64> {
    let name = &words.join("-");
    let path = dir.join(format!("{name}.1"));
    let failed = |error| CliError::file(format!("could not write {}", path.display()), error);
    let mut page = Vec::new();
    // `man` finds a page by its name: `man atrail-session-create`.
    let shown = command.clone().display_name(name);
    let man = clap_mangen::Man::new(shown)
        .title(name)
        .source(format!("atrail {}", version::SHORT))
        .manual("atrail manual");
    render(&man, command, &words.join(" "), &mut page).map_err(failed)?;
    // Each section that clap renders begins with this.
    let page = sections::once(sections::PREAMBLE, &String::from_utf8_lossy(&page));
    durable::replace_shared(&path, page.as_bytes()).map_err(failed)?;
    let mut count = 1;
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        count += write(inner, &[words, &[inner.get_name()]].concat(), dir)?;
    }
    Ok(count)
}

/// Renders a page. The synopsis and what follows the options are ours: clap's synopsis has no values.
fn render(
    man: &clap_mangen::Man,
    command: &clap::Command,
    called: &str,
    page: &mut Vec<u8>,
) -> std::io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    page.extend_from_slice(sections::synopsis(command, called).as_bytes());
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    page.extend_from_slice(sections::examples(command).as_bytes());
    if command.get_version().is_some() {
        man.render_version_section(page)?;
    }
    Ok(())
}

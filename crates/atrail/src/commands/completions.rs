//! `atrail completions`: prints the script with which a shell completes atrail's command lines.

use clap_complete::Shell;

use crate::error::Result;
use crate::settings::Settings;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail completions bash >~/.local/share/bash-completion/completions/atrail\n  \
    atrail completions zsh >/usr/local/share/zsh/site-functions/_atrail\n  \
    atrail completions fish >~/.config/fish/completions/atrail.fish"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script for this command line; calls no server.
pub(crate) fn run(settings: &Settings, args: &Args, mut line: clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut line, "atrail", &mut script);
    settings.printer.data(&String::from_utf8_lossy(&script))
}

//! `atrail quickstart`: the main job from nothing.

use crate::error::Result;
use crate::settings::Settings;

/// Show the main job from nothing, step by step
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail quickstart")]
pub(crate) struct Args {
    /// End when the steps are done, even at a terminal
    #[arg(long)]
    exit: bool,
}

/// Runs it.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let _ = (settings, args.exit);
    Ok(())
}
